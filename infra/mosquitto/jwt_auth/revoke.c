/* revoke.c -- sign-out orders, published on TOPIC_REVOKE by whoever the token lets.
 * The order is taken, and refused, in the ACL check of the publish; its effect on a live
 * connection follows in the control event, which the broker raises right after. */
#include "plugin.h"

#include <string.h>

static bool read_order(const void *payload, size_t length, int64_t now, struct revocation *order, const char **fault)
{
    char text[REVOCATION_LINE_MAX];

    if (length >= sizeof(text)) {
        *fault = "the order is too long";
        return false;
    }
    /* Parsers need the NUL that a payload does not promise. */
    if (length > 0) memcpy(text, payload, length);
    text[length] = '\0';
    *fault = revocation_parse(text, length, now, order);
    return !*fault;
}

const char *revoke_order(struct jwt_auth *plugin, const void *payload, size_t length, int64_t now)
{
    struct revocation order;
    const char *fault;
    char error[256];

    if (!read_order(payload, length, now, &order, &fault)) return fault;
    if (!revocations_add(&plugin->revocations, &order, now, error, sizeof(error))) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: a sign-out was not kept, plugin_opt_revocations_file: %s.",
                             error);
        return "the sign-out could not be kept";
    }
    struct client *client = clients_find(&plugin->clients, order.client_id);
    if (client && client->session <= order.session) {
        /* Not before its will is refused too: it may be gone, with the will still delayed. */
        client->revoked = true;
        plugin->next_due = 0;
    }
    return NULL;
}

int on_revoke(int event, void *event_data, void *userdata)
{
    struct mosquitto_evt_control *data = event_data;
    struct jwt_auth *plugin = userdata;
    struct revocation order;
    const char *fault;

    UNUSED(event);
    if (!read_order(data->payload, data->payloadlen, instant_now().wall_s, &order, &fault)) return MOSQ_ERR_SUCCESS;
    struct client *client = clients_find(&plugin->clients, order.client_id);
    /* The sender itself is left to the tick: the broker still has its packet in hand. */
    if (client && client->revoked && client->connected && client->connection != data->client) {
        kick_client(plugin, client);
    }
    return MOSQ_ERR_SUCCESS;
}
