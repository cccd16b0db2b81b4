/* subscriptions.c -- how many filters does this session hold? */
#include "subscriptions.h"

#include <string.h>

static bool find(const struct subscriptions *held, uint64_t hash, uint32_t *index)
{
    for (uint32_t i = 0; i < held->count; i++) {
        if (held->hashes[i] == (uint32_t)hash) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void drop(struct subscriptions *held, uint32_t index)
{
    held->count--;
    memmove(&held->hashes[index], &held->hashes[index + 1], (held->count - index) * sizeof(held->hashes[0]));
}

bool subscriptions_add(struct subscriptions *held, uint64_t hash, uint32_t in_session, uint32_t limit)
{
    uint32_t index;

    if (in_session == 0) {
        held->count = 0;
        held->complete = true;
    }
    if (find(held, hash, &index)) return true;
    if ((held->complete ? held->count : in_session) >= limit) return false;
    /* Only an incomplete memory gets here full; forgetting the oldest costs it no right. */
    if (held->count == limit) drop(held, 0);
    held->hashes[held->count++] = (uint32_t)hash;
    return true;
}

void subscriptions_remove(struct subscriptions *held, uint64_t hash)
{
    uint32_t index;

    if (find(held, hash, &index)) drop(held, index);
}
