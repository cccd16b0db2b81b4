/* plugin.c -- what the broker calls when it loads and unloads the plugin. Needs no more of the
 * broker than plugin API version 5 as Mosquitto 2.0.11 has it, and runs on 2.1 unchanged. */
#include "plugin.h"

#include "topics.h"

#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

/* MOSQ_EVT_CLIENT_OFFLINE: 2.1 tells a disconnect of a session that lives on this way, and
 * MOSQ_EVT_DISCONNECT only of one that ends. 2.0 knows only the latter, for both. */
#define EVENT_CLIENT_OFFLINE 28

EXPORT int mosquitto_plugin_version(int supported_version_count, const int *supported_versions);
EXPORT int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options,
                                 int option_count);
EXPORT int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count);

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
    for (int i = 0; i < supported_version_count; i++) {
        if (supported_versions[i] == 5) return 5;
    }
    return -1;
}

static bool read_options(struct options *options, const struct mosquitto_opt *given, int count)
{
    char error[256];

    options_init(options);
    for (int i = 0; i < count; i++) {
        if (!options_set(options, given[i].key, given[i].value, error, sizeof(error))) {
            mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: %s.", error);
            return false;
        }
    }
    const char *missing = options_missing(options);
    if (missing) mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: plugin_opt_%s is missing.", missing);
    return !missing;
}

static bool read_files(struct jwt_auth *plugin)
{
    const struct options *options = &plugin->options;
    char error[256];

    plugin->keys = jwks_load(options->jwks_file, error, sizeof(error));
    if (!plugin->keys) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: plugin_opt_jwks_file %s: %s.", options->jwks_file, error);
        return false;
    }
    if (!revocations_open(&plugin->revocations, options->revocations_file, instant_now().wall_s, error,
                          sizeof(error))) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: plugin_opt_revocations_file %s: %s.",
                             options->revocations_file, error);
        return false;
    }
    return true;
}

static bool register_callbacks(struct jwt_auth *plugin)
{
    static const struct {
        int event;
        MOSQ_FUNC_generic_callback callback;
        const char *topic;
    } callbacks[] = {
        {MOSQ_EVT_BASIC_AUTH, on_basic_auth, NULL},  {MOSQ_EVT_ACL_CHECK, on_acl_check, NULL},
        {MOSQ_EVT_CONTROL, on_revoke, TOPIC_REVOKE}, {MOSQ_EVT_DISCONNECT, on_leave, NULL},
        {EVENT_CLIENT_OFFLINE, on_leave, NULL},      {MOSQ_EVT_TICK, on_tick, NULL},
        {MOSQ_EVT_RELOAD, on_reload, NULL},
    };

    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        int rc = mosquitto_callback_register(plugin->identifier, callbacks[i].event, callbacks[i].callback,
                                             callbacks[i].topic, plugin);
        bool only_newer = callbacks[i].event == EVENT_CLIENT_OFFLINE && rc == MOSQ_ERR_NOT_SUPPORTED;
        if (rc != MOSQ_ERR_SUCCESS && !only_newer) {
            mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: the broker refuses callback %d: %s.", callbacks[i].event,
                                 mosquitto_strerror(rc));
            return false;
        }
    }
    return true;
}

static void release(struct jwt_auth *plugin)
{
    clients_clear(&plugin->clients);
    revocations_close(&plugin->revocations);
    jwks_free(plugin->keys);
    options_free(&plugin->options);
    free(plugin);
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options,
                          int option_count)
{
    struct jwt_auth *plugin = calloc(1, sizeof(*plugin));

    if (!plugin) return MOSQ_ERR_NOMEM;
    plugin->identifier = identifier;
    plugin->revocations.file = plugin->revocations.directory = -1;
    if (!clients_init(&plugin->clients) || !read_options(&plugin->options, options, option_count)
        || !read_files(plugin) || !register_callbacks(plugin) || !boot_epoch_publish()) {
        release(plugin);
        return MOSQ_ERR_UNKNOWN;
    }
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "kull-sync: %zu signing keys, %zu sign-outs in force.", plugin->keys->count,
                         plugin->revocations.map.count);
    *userdata = plugin;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count)
{
    UNUSED(options);
    UNUSED(option_count);
    /* Called when the broker ends; it calls no callback any more. */
    if (userdata) release(userdata);
    return MOSQ_ERR_SUCCESS;
}
