/* map.h -- an intrusive hash map with text keys. Devices choose part of their client id, so
 * the hash is keyed with a random seed: nobody can aim for one chain. */
#ifndef KULL_SYNC_MAP_H
#define KULL_SYNC_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of whatever is kept. `key` lives as long as the node. */
struct map_node {
    struct map_node *next;
    uint64_t hash;
    const char *key;
};

struct map {
    struct map_node **chains;
    /* A power of two. */
    size_t capacity;
    size_t count;
    uint64_t seed[2];
};

/* False when out of memory, or when there is no randomness. */
bool map_init(struct map *map);

/* Releases the map and hands every node to `release`. */
void map_clear(struct map *map, void (*release)(struct map_node *));

uint64_t map_hash(const struct map *map, const char *key);
struct map_node *map_find(const struct map *map, const char *key);

/* `node->key` must not be in the map yet. Never fails: growing is only for speed. */
void map_insert(struct map *map, struct map_node *node);

/* Takes out a node that is in the map, without releasing it. */
void map_remove(struct map *map, struct map_node *node);

/* Calls `visit` for every node; removes (without releasing) those for which it answers false. */
void map_filter(struct map *map, bool (*visit)(struct map_node *, void *), void *argument);

#endif
