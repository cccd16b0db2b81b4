/* subscriptions.h -- how many filters does this session hold? A device subscribes to its few
 * filters again and again, which must not count; a thousand different ones must. */
#ifndef KULL_SYNC_SUBSCRIPTIONS_H
#define KULL_SYNC_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define SUBSCRIPTIONS_MAX 32

struct subscriptions {
    /* Hashes of the filters that were granted and not given back, their lower half: of four
     * thousand million filters one may pass for another and go uncounted. */
    uint32_t hashes[SUBSCRIPTIONS_MAX];
    uint8_t count;
    /* The session had none when we began to count, so `hashes` has all of them. A session
     * that outlived its entry, or a restart, brings filters that we never saw. */
    bool complete;
};

/* May the session hold this filter too, `limit` (at most SUBSCRIPTIONS_MAX) in all?
 * `in_session` is the broker's own count; on Mosquitto 2.0 it never falls while the session
 * lives, so it is believed only where ours is incomplete. Remembers the filter if granted. */
bool subscriptions_add(struct subscriptions *held, uint64_t hash, uint32_t in_session, uint32_t limit);

void subscriptions_remove(struct subscriptions *held, uint64_t hash);

#endif
