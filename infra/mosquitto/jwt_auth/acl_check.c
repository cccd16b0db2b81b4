/* acl_check.c -- may this client publish, subscribe, receive? Asks rights.c and topics.c, and
 * translates their answer for the broker. */
#include "plugin.h"

#include "acl.h"
#include "topics.h"

#include <string.h>

/* The broker answers ACL_DENIED with reason code 0x87 and ends the connection on any other
 * error; this one it tells the client, as DISCONNECT 0x80. */
static int answer(struct jwt_auth *plugin, enum verdict verdict, const char *what, const char *client_id,
                  const char *reason)
{
    if (verdict == GRANTED) return MOSQ_ERR_SUCCESS;
    log_refusal(plugin, what, client_id, reason);
    return verdict == CUT_OFF ? MOSQ_ERR_UNKNOWN : MOSQ_ERR_ACL_DENIED;
}

static int check_publish(struct jwt_auth *plugin, struct client *client, const struct mosquitto_evt_acl_check *data)
{
    struct instant now = instant_now();
    const char *reason = NULL;
    struct publish publish = {
        .topic = data->topic,
        .payload_length = data->payloadlen,
        .retain = data->retain,
        /* Of a connection that ended, or that another has just taken the place of. */
        .is_will = !client->connected || client->connection != data->client,
    };
    enum verdict verdict = rights_publish(client, &plugin->options, &publish, now, &reason);

    /* An order is taken here and not in the control event: there the broker acknowledges it
     * with success whatever we answer. */
    if (verdict == GRANTED && !strcmp(data->topic, TOPIC_REVOKE)) {
        reason = publish.is_will ? "a will cannot sign anybody out"
                                 : revoke_order(plugin, data->payload, data->payloadlen, now.wall_s);
        if (reason) verdict = DENIED;
    }
    return answer(plugin, verdict, publish.is_will ? "the will" : "a publish", client->id, reason);
}

static int check_subscribe(struct jwt_auth *plugin, struct client *client,
                           const struct mosquitto_evt_acl_check *data)
{
    const char *reason = NULL;

    if (plugin->kicking) {
        /* 2.1 asks again for a session that lives on: it keeps what the token granted, also at
         * exp, or a sleeping device would miss everything. One that was signed out loses it. */
        bool keeps = !client->revoked && acl_may_subscribe(client->acl->text, client->id, data->topic);
        return keeps ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
    }
    enum verdict verdict = rights_subscribe(client, &plugin->options, data->topic,
                                            map_hash(&plugin->clients.by_id, data->topic),
                                            (uint32_t)mosquitto_client_sub_count(data->client), instant_now(), &reason);
    return answer(plugin, verdict, "a subscribe", client->id, reason);
}

int on_acl_check(int event, void *event_data, void *userdata)
{
    struct mosquitto_evt_acl_check *data = event_data;
    struct jwt_auth *plugin = userdata;

    UNUSED(event);
    if (data->access == MOSQ_ACL_READ) {
        const char *username = mosquitto_client_username(data->client);
        return username && topic_readable(username, data->topic) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
    }

    const char *id = mosquitto_client_id(data->client);
    struct client *client = id ? clients_find(&plugin->clients, id) : NULL;
    if (!client) return answer(plugin, DENIED, "an access", id, "not a client that we let in");
    switch (data->access) {
    case MOSQ_ACL_WRITE:
        return check_publish(plugin, client, data);
    case MOSQ_ACL_SUBSCRIBE:
        return check_subscribe(plugin, client, data);
    case MOSQ_ACL_UNSUBSCRIBE:
        subscriptions_remove(&client->held, map_hash(&plugin->clients.by_id, data->topic));
        return MOSQ_ERR_SUCCESS;
    default:
        return MOSQ_ERR_ACL_DENIED;
    }
}
