/* acl.h -- the filters that a token grants, as one text without ids: where a level of a filter is
 * the user's or the device's own id, a mark stands for it. What the tokens of all devices grant
 * is sixteen texts then, one for each shard, and is kept once: acl_sets.h. Nothing is lost: with
 * the client id, the text gives back the very filters of the token. */
#ifndef KULL_SYNC_ACL_H
#define KULL_SYNC_ACL_H

#include <stdbool.h>
#include <stddef.h>

/* A token has at most 4096 bytes, and a filter in it at most doubles: `"u",` of the user u
 * becomes `/+p/+u`. */
#define ACL_TEXT_MAX 8192

enum acl_right {
    ACL_PUBLISH = 'p',
    ACL_SUBSCRIBE = 's',
};

/* Empty when all zero. */
struct acl_text {
    size_t length;
    char text[ACL_TEXT_MAX];
};

/* Adds one filter of the token of `client_id`, "{user}:{device}". False, with nothing added, for
 * what is no topic filter, and when there is no room. */
bool acl_add(struct acl_text *acl, enum acl_right right, const char *filter, const char *client_id);

/* Is `topic` among what `text` lets this client publish to? */
bool acl_may_publish(const char *text, const char *client_id, const char *topic);

/* Is all of `filter` among what `text` lets this client subscribe to? */
bool acl_may_subscribe(const char *text, const char *client_id, const char *filter);

#endif
