/* ids.h -- the ids of the wire contract, as they appear in tokens, topics and client ids. */
#ifndef KULL_SYNC_IDS_H
#define KULL_SYNC_IDS_H

#include <stdbool.h>

#define ID_MAX 128
/* "{sub}:{device}" */
#define CLIENT_ID_MAX (ID_MAX + 1 + ID_MAX)

/* 1 to 128 printable ASCII characters without `/ + # $`. */
bool user_id_valid(const char *id);

/* A user id without `:`, so that the last colon splits a client id in one way only. */
bool device_id_valid(const char *id);

/* One of the service principals. They start with `$`, which no id can. */
bool service_name_valid(const char *name);

/* Does `client_id` read `{sub}:{device}`? */
bool client_id_is(const char *client_id, const char *sub, const char *device);

/* The device of a client id that client_id_is() said yes to: what is behind the last colon. */
const char *client_id_device(const char *client_id);

/* Could `client_id` be one of ours? A log line names no other, so that a client which
 * sends its token, or control characters, in the wrong field does not get them logged. */
bool client_id_plausible(const char *client_id);

#endif
