/* auth_check.c -- may this client connect? The token arrives as the MQTT password.
 * Whatever is not a proven yes is a no. DEFER is never answered: with allow_anonymous on, a
 * client without a user name whom everybody deferred is let in. */
#include "plugin.h"

#include "jwt.h"

/* Devices announce a keepalive that shows a dead one within a minute and a half; functions
 * sleep between requests. 0 would mean that a dead connection stays for ever. */
#define KEEPALIVE_MAX_DEVICE 60
#define KEEPALIVE_MAX_SERVICE 1200
#define PROTOCOL_VERSION 5

/* New in 2.1; absent on 2.0, where the address is NULL. */
extern struct mosquitto *mosquitto_client(const char *clientid) __attribute__((weak));

/* On a reload the broker asks again about every client it has, sleeping ones included, whose
 * tokens are long gone. A no would take their sessions apart (on 2.0 it corrupts the list of
 * expiring ones), and keys that were withdrawn are dealt with in on_reload(). */
static bool asked_again_on_reload(const struct jwt_auth *plugin, const struct mosquitto *broker_client)
{
    const char *id = mosquitto_client_id(broker_client);

    if (!id) return false;
    /* A client that is connecting is not among the broker's clients yet. */
    if (mosquitto_client) return mosquitto_client(id) == broker_client;

    /* 2.0 asks right after the reload event. The next tick ends that, and before it only
     * WebSocket clients can connect; a sleeping client of either kind shows as plain MQTT. */
    if (!plugin->reloading) return false;
    const struct client *known = clients_find(&plugin->clients, id);
    if (known && known->connected && known->connection == broker_client) return true;
    return mosquitto_client_protocol(broker_client) != mp_websockets;
}

static const char *check_keepalive(const struct mosquitto *client, const char *username)
{
    int longest = username[0] == '$' ? KEEPALIVE_MAX_SERVICE : KEEPALIVE_MAX_DEVICE;
    int keepalive = mosquitto_client_keepalive(client);

    return keepalive >= 1 && keepalive <= longest ? NULL : "the keepalive is 0 or too long";
}

/* Answers NULL and lets the client in, or says why not. */
static const char *admit(struct jwt_auth *plugin, const struct mosquitto_evt_basic_auth *data)
{
    struct instant now = instant_now();
    struct jwt_claims claims;
    const char *fault;
    struct jwt_expected expected = {
        .issuer = plugin->options.issuer,
        .audience = plugin->options.audience,
        .username = data->username,
        .client_id = mosquitto_client_id(data->client),
        .now = now.wall_s,
    };

    if (!expected.username || !data->password || !expected.client_id) return "no user name or no password";
    /* Before MQTT 5 a refused publish is acknowledged like any other, and a will has neither
     * delay nor expiry: such a client would lose messages, and leave ghosts. */
    if (mosquitto_client_protocol_version(data->client) != PROTOCOL_VERSION) return "the protocol is not MQTT 5";
    if ((fault = check_keepalive(data->client, expected.username))) return fault;
    if ((fault = jwt_verify(plugin->keys, &expected, data->password, &claims))) return fault;

    struct client *client = NULL;
    if (revocations_refuse(&plugin->revocations, expected.client_id, claims.session, now.wall_s)) {
        fault = "signed out";
    } else {
        client = clients_enter(&plugin->clients, expected.client_id, data->client, &claims, &plugin->options,
                               now.steady_ms);
        fault = client ? NULL : "out of memory";
    }
    if (client && client_due(client) < plugin->next_due) plugin->next_due = client_due(client);
    return fault;
}

int on_basic_auth(int event, void *event_data, void *userdata)
{
    struct mosquitto_evt_basic_auth *data = event_data;
    struct jwt_auth *plugin = userdata;

    UNUSED(event);
    if (asked_again_on_reload(plugin, data->client)) return MOSQ_ERR_SUCCESS;
    const char *fault = admit(plugin, data);
    if (!fault) return MOSQ_ERR_SUCCESS;
    /* Health checks and port scans bring nothing at all; nobody wants a line for each. */
    if (data->username || data->password) {
        log_refusal(plugin, "the connect", mosquitto_client_id(data->client), fault);
    }
    return MOSQ_ERR_AUTH;
}
