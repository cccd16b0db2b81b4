/* map.c -- an intrusive hash map with text keys, hashed with SipHash-1-3. */
#include "map.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_AT_FIRST 64

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF". */
uint64_t map_hash(const struct map *map, const char *key)
{
    uint64_t v[4] = {map->seed[0] ^ 0x736f6d6570736575, map->seed[1] ^ 0x646f72616e646f6d,
                     map->seed[0] ^ 0x6c7967656e657261, map->seed[1] ^ 0x7465646279746573};
    size_t length = strlen(key);
    size_t left = length;
    uint64_t word;

    for (; left >= 8; left -= 8, key += 8) {
        memcpy(&word, key, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, key, left);
    word |= (uint64_t)length << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_node **chain_of(const struct map *map, uint64_t hash)
{
    return &map->chains[hash & (map->capacity - 1)];
}

bool map_init(struct map *map)
{
    memset(map, 0, sizeof(*map));
    if (RAND_bytes((unsigned char *)map->seed, sizeof(map->seed)) != 1) return false;
    map->chains = calloc(CAPACITY_AT_FIRST, sizeof(*map->chains));
    map->capacity = CAPACITY_AT_FIRST;
    return map->chains != NULL;
}

void map_clear(struct map *map, void (*release)(struct map_node *))
{
    for (size_t i = 0; map->chains && i < map->capacity; i++) {
        for (struct map_node *node = map->chains[i], *next; node; node = next) {
            next = node->next;
            release(node);
        }
    }
    free(map->chains);
    memset(map, 0, sizeof(*map));
}

struct map_node *map_find(const struct map *map, const char *key)
{
    uint64_t hash = map_hash(map, key);

    for (struct map_node *node = *chain_of(map, hash); node; node = node->next) {
        if (node->hash == hash && !strcmp(node->key, key)) return node;
    }
    return NULL;
}

static void grow(struct map *map)
{
    struct map bigger = *map;

    bigger.capacity = map->capacity * 2;
    bigger.chains = calloc(bigger.capacity, sizeof(*bigger.chains));
    if (!bigger.chains) return;
    for (size_t i = 0; i < map->capacity; i++) {
        for (struct map_node *node = map->chains[i], *next; node; node = next) {
            struct map_node **chain = chain_of(&bigger, node->hash);
            next = node->next;
            node->next = *chain;
            *chain = node;
        }
    }
    free(map->chains);
    *map = bigger;
}

void map_insert(struct map *map, struct map_node *node)
{
    if (map->count >= map->capacity) grow(map);
    node->hash = map_hash(map, node->key);
    struct map_node **chain = chain_of(map, node->hash);
    node->next = *chain;
    *chain = node;
    map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **link = chain_of(map, node->hash);

    while (*link != node) link = &(*link)->next;
    *link = node->next;
    map->count--;
}

void map_filter(struct map *map, bool (*visit)(struct map_node *, void *), void *argument)
{
    for (size_t i = 0; i < map->capacity; i++) {
        struct map_node **link = &map->chains[i];
        while (*link) {
            struct map_node *node = *link;
            struct map_node *next = node->next;
            /* `visit` may release the node when it answers false: it is not touched again. */
            if (visit(node, argument)) {
                link = &node->next;
            } else {
                *link = next;
                map->count--;
            }
        }
    }
}
