/* bucket.h -- a token bucket: so many a second on average, so many at once. */
#ifndef KULL_SYNC_BUCKET_H
#define KULL_SYNC_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    /* Thousandths of one, so that slow rates refill between close calls. */
    int64_t level;
    int64_t refilled_ms;
};

/* Starts full. `now_ms` is a monotonic clock in milliseconds. */
void bucket_fill(struct bucket *bucket, uint32_t burst, int64_t now_ms);

/* Takes one if there is one. */
bool bucket_take(struct bucket *bucket, uint32_t per_second, uint32_t burst, int64_t now_ms);

#endif
