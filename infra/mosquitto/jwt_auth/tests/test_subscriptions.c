/* Different filters count, the same one again does not, and those from before we looked do. */
#include "check.h"
#include "subscriptions.h"

int main(void)
{
    struct subscriptions held = {0};

    /* A fresh session: the broker's count lags or, on 2.0, never falls; ours is exact. */
    CHECK(subscriptions_add(&held, 1, 0, 3));
    CHECK(subscriptions_add(&held, 2, 1, 3));
    CHECK(subscriptions_add(&held, 3, 2, 3));
    CHECK(!subscriptions_add(&held, 4, 3, 3));
    for (int i = 0; i < 100; i++) CHECK(subscriptions_add(&held, 1 + (uint64_t)i % 3, 3, 3));
    subscriptions_remove(&held, 9);
    CHECK(!subscriptions_add(&held, 4, 3, 3));
    subscriptions_remove(&held, 1);
    CHECK(subscriptions_add(&held, 4, 3, 3));
    CHECK(!subscriptions_add(&held, 1, 3, 3));

    /* The session ended, and a new one begins. */
    CHECK(subscriptions_add(&held, 5, 0, 3));
    CHECK(held.count == 1 && held.complete);

    /* A session from before a restart: only the broker knows how many it has. */
    held = (struct subscriptions){0};
    CHECK(subscriptions_add(&held, 1, 2, 3));
    CHECK(subscriptions_add(&held, 1, 3, 3));
    CHECK(!subscriptions_add(&held, 2, 3, 3));
    /* On 2.1 the count falls again; what we remember never overflows. */
    for (uint64_t i = 0; i < 100; i++) CHECK(subscriptions_add(&held, 10 + i, 2, 3));
    CHECK(held.count == 3);
    passed(__FILE__);
}
