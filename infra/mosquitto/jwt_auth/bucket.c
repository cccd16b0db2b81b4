/* bucket.c -- a token bucket. */
#include "bucket.h"

#define ONE 1000

void bucket_fill(struct bucket *bucket, uint32_t burst, int64_t now_ms)
{
    bucket->level = (int64_t)burst * ONE;
    bucket->refilled_ms = now_ms;
}

bool bucket_take(struct bucket *bucket, uint32_t per_second, uint32_t burst, int64_t now_ms)
{
    int64_t full = (int64_t)burst * ONE;
    int64_t elapsed = now_ms - bucket->refilled_ms;

    if (elapsed > 0) {
        /* Per second and thousandths, per millisecond and ones: the same number. Compared
         * before it is multiplied, since a device may come back after weeks. */
        bucket->level = per_second && elapsed > (full - bucket->level) / per_second
                            ? full
                            : bucket->level + elapsed * per_second;
        bucket->refilled_ms = now_ms;
    }
    if (bucket->level < ONE) return false;
    bucket->level -= ONE;
    return true;
}
