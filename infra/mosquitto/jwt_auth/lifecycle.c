/* lifecycle.c -- clients whose time is up, the sweep, and the reload of the keys. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

#define FAR_FUTURE INT64_MAX

int on_leave(int event, void *event_data, void *userdata)
{
    /* The data of MOSQ_EVT_CLIENT_OFFLINE has the same shape. */
    struct mosquitto_evt_disconnect *data = event_data;
    struct jwt_auth *plugin = userdata;
    const char *id = mosquitto_client_id(data->client);

    UNUSED(event);
    /* The client stays known: its will comes only now, and is checked like a publish. */
    if (id) clients_leave(&plugin->clients, id, data->client);
    return MOSQ_ERR_SUCCESS;
}

void kick_client(struct jwt_auth *plugin, struct client *client)
{
    bool with_will = !client->revoked;
    char *id = strdup(client->id);

    if (!id) return;
    plugin->kicking = true;
    mosquitto_kick_client_by_clientid(id, with_will);
    plugin->kicking = false;
    free(id);
}

struct sweep {
    int64_t now;
    int64_t next_due;
    char **kick;
    size_t kick_count;
    size_t kick_capacity;
};

static void remember_to_kick(struct sweep *sweep, const char *id)
{
    if (sweep->kick_count == sweep->kick_capacity) {
        size_t capacity = sweep->kick_capacity ? 2 * sweep->kick_capacity : 16;
        char **grown = realloc(sweep->kick, capacity * sizeof(*grown));
        if (!grown) return;
        sweep->kick = grown;
        sweep->kick_capacity = capacity;
    }
    char *copy = strdup(id);
    if (copy) sweep->kick[sweep->kick_count++] = copy;
}

static bool look_at(struct map_node *node, void *argument)
{
    struct client *client = (struct client *)node;
    struct sweep *sweep = argument;

    if (client_due(client) <= sweep->now) {
        if (!client->connected) {
            client_free(node);
            return false;
        }
        remember_to_kick(sweep, client->id);
        /* On 2.0 a WebSocket connection ends a moment after the kick: look again. */
        sweep->next_due = 0;
    } else if (client_due(client) < sweep->next_due) {
        sweep->next_due = client_due(client);
    }
    return true;
}

void kick_due_clients(struct jwt_auth *plugin, int64_t now)
{
    struct sweep sweep = {.now = now, .next_due = FAR_FUTURE};

    if (now < plugin->next_due) return;
    /* A kick comes back into this plugin and changes what is walked over: first collect. */
    map_filter(&plugin->clients.by_id, look_at, &sweep);
    plugin->next_due = sweep.next_due;
    for (size_t i = 0; i < sweep.kick_count; i++) {
        struct client *client = clients_find(&plugin->clients, sweep.kick[i]);
        if (client && client->connected) kick_client(plugin, client);
        free(sweep.kick[i]);
    }
    free(sweep.kick);
}

int on_tick(int event, void *event_data, void *userdata)
{
    struct mosquitto_evt_tick *data = event_data;
    struct jwt_auth *plugin = userdata;
    int64_t now = instant_now().wall_s;

    UNUSED(event);
    plugin->reloading = false;
    /* 2.1 sleeps until the next event unless told otherwise; 2.0 ticks in every round. */
    data->next_s = 1;
    if (now == plugin->last_tick) return MOSQ_ERR_SUCCESS;
    plugin->last_tick = now;
    kick_due_clients(plugin, now);
    revocations_sweep(&plugin->revocations, now);
    return MOSQ_ERR_SUCCESS;
}

static bool expire_without_key(struct map_node *node, void *argument)
{
    struct client *client = (struct client *)node;
    struct jwt_auth *plugin = argument;
    int64_t now = instant_now().wall_s;

    if (!jwks_has_serial(plugin->keys, client->key_serial) && client->exp > now) {
        client->exp = now;
    }
    return true;
}

/* Whatever happens here, the answer is success: 2.1 takes any other for a reason to stop. */
int on_reload(int event, void *event_data, void *userdata)
{
    struct jwt_auth *plugin = userdata;
    char error[256];
    struct jwks *fresh = jwks_load(plugin->options.jwks_file, error, sizeof(error));

    UNUSED(event);
    UNUSED(event_data);
    plugin->reloading = true;
    if (!fresh) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: plugin_opt_jwks_file %s: %s. The keys stay as they were.",
                             plugin->options.jwks_file, error);
        return MOSQ_ERR_SUCCESS;
    }
    jwks_keep_serials(fresh, plugin->keys);
    jwks_free(plugin->keys);
    plugin->keys = fresh;
    /* A key is withdrawn because somebody else may have it: what it signed ends now. */
    map_filter(&plugin->clients.by_id, expire_without_key, plugin);
    plugin->next_due = 0;
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "kull-sync: reloaded, %zu signing keys.", fresh->count);
    return MOSQ_ERR_SUCCESS;
}
