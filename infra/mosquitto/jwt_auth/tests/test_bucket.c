/* So many a second on average, so many at once, whatever the clock does. */
#include "bucket.h"
#include "check.h"

static int take_all(struct bucket *bucket, int64_t now_ms)
{
    int taken = 0;

    while (bucket_take(bucket, 50, 100, now_ms)) taken++;
    return taken;
}

int main(void)
{
    struct bucket bucket;

    bucket_fill(&bucket, 100, 1000);
    CHECK(take_all(&bucket, 1000) == 100);
    CHECK(take_all(&bucket, 1000) == 0);
    CHECK(take_all(&bucket, 1010) == 0);
    CHECK(take_all(&bucket, 1020) == 1);
    CHECK(take_all(&bucket, 2020) == 50);
    /* Never above the burst, and no overflow after a long sleep. */
    CHECK(take_all(&bucket, 1000000) == 100);
    CHECK(take_all(&bucket, INT64_MAX) == 100);
    /* A clock that stands or goes back gives nothing, and takes nothing. */
    CHECK(take_all(&bucket, 5) == 0);

    bucket_fill(&bucket, 1, 0);
    CHECK(bucket_take(&bucket, 1000000, 1, 0) && !bucket_take(&bucket, 1000000, 1, 0));
    CHECK(bucket_take(&bucket, 1000000, 1, 1));
    passed(__FILE__);
}
