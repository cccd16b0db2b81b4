/* rights.h -- may this client publish or subscribe here and now? */
#ifndef KULL_SYNC_RIGHTS_H
#define KULL_SYNC_RIGHTS_H

#include "clients.h"
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
    GRANTED,
    DENIED,
    /* Denied once too often: end the connection. */
    CUT_OFF,
};

struct instant {
    /* Seconds since 1970, for exp. */
    int64_t wall_s;
    /* Milliseconds that only grow, for rates. */
    int64_t steady_ms;
};

struct publish {
    const char *topic;
    size_t payload_length;
    bool retain;
    /* Published by the broker for a connection that is gone: possibly after exp, and neither too
     * often nor a reason to cut anything. */
    bool is_will;
};

/* May the client publish this? `reason` says why not. */
enum verdict rights_publish(struct client *client, const struct options *options, const struct publish *publish,
                            struct instant now, const char **reason);

/* May the client subscribe to `filter`? `hash` is the filter's map_hash(), `in_session` how many
 * filters the broker says the session has. */
enum verdict rights_subscribe(struct client *client, const struct options *options, const char *filter,
                              uint64_t hash, uint32_t in_session, struct instant now, const char **reason);

#endif
