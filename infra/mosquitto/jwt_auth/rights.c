/* rights.c -- may this client publish or subscribe here and now? */
#include "rights.h"

#include "acl.h"
#include "topics.h"

#include <string.h>

static bool is_device(const struct client *client)
{
    return client->id[0] != '$';
}

/* Over a limit: refused, and cut off when it goes on. Patience comes back once a second. */
static enum verdict over_limit(struct client *client, const struct options *options, struct instant now)
{
    return bucket_take(&client->patience, 1, options->device_burst, now.steady_ms) ? DENIED : CUT_OFF;
}

enum verdict rights_publish(struct client *client, const struct options *options, const struct publish *publish,
                            struct instant now, const char **reason)
{
    *reason = "signed out";
    if (client->revoked) return DENIED;
    *reason = "the token has expired";
    if (!publish->is_will && now.wall_s >= client->exp) return DENIED;

    if (is_device(client)) {
        *reason = "too many publishes";
        if (!publish->is_will
            && !bucket_take(&client->publishes, options->device_rate, options->device_burst, now.steady_ms)) {
            return over_limit(client, options, now);
        }
        *reason = "payload too large";
        if (publish->payload_length > options->device_payload) {
            return publish->is_will ? DENIED : over_limit(client, options, now);
        }
        *reason = "only presence may be retained";
        if (publish->retain && !topic_is_presence_of(publish->topic, client->id)) {
            return DENIED;
        }
    }
    *reason = "the epoch is the broker's";
    if (!strcmp(publish->topic, TOPIC_EPOCH)) return DENIED;
    *reason = "not in acl.pub";
    return acl_may_publish(client->acl->text, client->id, publish->topic) ? GRANTED : DENIED;
}

enum verdict rights_subscribe(struct client *client, const struct options *options, const char *filter,
                              uint64_t hash, uint32_t in_session, struct instant now, const char **reason)
{
    *reason = "signed out";
    if (client->revoked) return DENIED;
    *reason = "the token has expired";
    if (now.wall_s >= client->exp) return DENIED;

    if (is_device(client)) {
        /* Each brings the retained messages again, so it costs more than a publish. */
        *reason = "too many subscribes";
        if (!bucket_take(&client->subscribes, options->device_rate, options->device_burst, now.steady_ms)) {
            return over_limit(client, options, now);
        }
    }
    *reason = "not in acl.sub";
    if (!acl_may_subscribe(client->acl->text, client->id, filter)) return DENIED;

    *reason = "too many subscriptions";
    if (is_device(client) && !subscriptions_add(&client->held, hash, in_session, options->device_subscriptions)) {
        return over_limit(client, options, now);
    }
    return GRANTED;
}
