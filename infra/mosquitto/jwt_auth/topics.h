/* topics.h -- who may publish, subscribe and receive what. Pure functions on strings. */
#ifndef KULL_SYNC_TOPICS_H
#define KULL_SYNC_TOPICS_H

#include <stdbool.h>

#define TOPIC_EPOCH "sync/v1/all/epoch"
#define TOPIC_REVOKE "$CONTROL/kull-sync/v1/revoke"

/* MQTT 5 section 4.7.1: `+` and `#` fill a level, `#` only the last. Shared subscriptions
 * are no filters to us: `$share/...` is refused to all. */
bool topic_filter_valid(const char *filter);

/* Does `filter` match the topic name `topic`? A wildcard in the first level does not match
 * a name that begins with `$` (MQTT 5 section 4.7.2). */
bool topic_matches(const char *filter, const char *topic);

/* Does `granted` match every topic name that `asked` matches? Level by level, so it says
 * no to a few exotic pairs that it could grant (`#` under `+/#`), and never yes to a wrong one. */
bool filter_covers(const char *granted, const char *asked);

/* May this user receive `topic`? Decided from these two alone, because the broker asks for
 * sleeping sessions too, and after a restart no token of theirs is in memory. */
bool topic_readable(const char *username, const char *topic);

/* Is `topic` the presence topic of this very device? `client_id` is its "{user}:{device}". */
bool topic_is_presence_of(const char *topic, const char *client_id);

#endif
