/* What was put in is found, also after growing, and taking out and filtering remove just what they should. */
#include "check.h"
#include "map.h"

struct item {
    struct map_node node;
    int number;
    char key[24];
};

static int released;

static void release(struct map_node *node)
{
    released++;
    free(node);
}

static bool keep_even(struct map_node *node, void *argument)
{
    struct item *item = (struct item *)node;

    (*(int *)argument)++;
    if (item->number % 2 == 0) return true;
    free(item);
    return false;
}

int main(void)
{
    enum { ITEMS = 1000 };
    struct map map, other;
    char key[24];
    int visited = 0;

    CHECK(map_init(&map) && map_init(&other));
    /* The hash is keyed: the chains of one process tell nothing about another's. */
    CHECK(map_hash(&map, "ada:mac") != map_hash(&other, "ada:mac"));
    map_clear(&other, release);

    /* Vector of the SipHash-1-3 reference implementation, key 00..0f, message 00..07 is binary;
     * ours are texts, so the empty message has to do. */
    struct map reference = {.seed = {0x0706050403020100, 0x0f0e0d0c0b0a0908}};
    CHECK(map_hash(&reference, "") == 0xabac0158050fc4dc);

    for (int i = 0; i < ITEMS; i++) {
        struct item *item = calloc(1, sizeof(*item));
        snprintf(item->key, sizeof(item->key), "client %d", i);
        item->node.key = item->key;
        item->number = i;
        map_insert(&map, &item->node);
    }
    CHECK(map.count == ITEMS && map.capacity >= ITEMS);
    map_filter(&map, keep_even, &visited);
    CHECK(visited == ITEMS && map.count == ITEMS / 2);
    for (int i = 0; i < ITEMS; i++) {
        snprintf(key, sizeof(key), "client %d", i);
        struct item *item = (struct item *)map_find(&map, key);
        CHECK_ROW(i % 2 ? !item : item && item->number == i, key);
    }
    for (int i = 0; i < ITEMS; i += 4) {
        snprintf(key, sizeof(key), "client %d", i);
        struct map_node *node = map_find(&map, key);
        CHECK_ROW(node, key);
        map_remove(&map, node);
        free(node);
        CHECK_ROW(!map_find(&map, key), key);
    }
    CHECK(map.count == ITEMS / 4 && map_find(&map, "client 2") && map_find(&map, "client 998"));
    map_clear(&map, release);
    CHECK(released == ITEMS / 4);
    passed(__FILE__);
}
