/* plugin.h -- the state of the plugin and the callbacks that share it. Everything that knows
 * the broker includes this; nothing else does. */
#ifndef KULL_SYNC_PLUGIN_H
#define KULL_SYNC_PLUGIN_H

/* 2.1 moved the headers and warns about the old names. */
#include <mosquitto.h>
#if __has_include(<mosquitto/broker_plugin.h>)
#include <mosquitto/broker.h>
#include <mosquitto/broker_plugin.h>
#else
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#endif

#include "bucket.h"
#include "clients.h"
#include "jwks.h"
#include "map.h"
#include "options.h"
#include "revocations.h"
#include "rights.h"

#include <stdbool.h>
#include <stdint.h>

#define UNUSED(parameter) (void)(parameter)

struct jwt_auth {
    mosquitto_plugin_id_t *identifier;
    struct options options;
    struct jwks *keys;
    struct clients clients;
    struct revocations revocations;
    /* No client is due before this second since 1970. */
    int64_t next_due;
    int64_t last_tick;
    /* From a reload until the next tick: the broker asks again about clients it has. */
    bool reloading;
    /* A kick of ours is under way: the broker asks again about the session's subscriptions. */
    bool kicking;
    struct bucket refusal_lines;
    uint64_t refusals_not_logged;
};

struct instant instant_now(void);

/* One line for the operator about a refusal, at most one a second in the long run: a flood of
 * refusals must not fill the disk. `reason` is a fixed phrase. */
void log_refusal(struct jwt_auth *plugin, const char *what, const char *client_id, const char *reason);

/* Publishes this boot's id on TOPIC_EPOCH. False when it could not. */
bool boot_epoch_publish(void);

/* Ends the connections of all clients that are due: tokens at their end, sign-outs. */
void kick_due_clients(struct jwt_auth *plugin, int64_t now);

/* Ends one connection now. `client` is not to be used afterwards. */
void kick_client(struct jwt_auth *plugin, struct client *client);

/* Takes the order that a client published. Answers NULL, or why it is refused. */
const char *revoke_order(struct jwt_auth *plugin, const void *payload, size_t length, int64_t now);

/* Callbacks of the broker: event, its data, struct jwt_auth. */
int on_basic_auth(int event, void *event_data, void *userdata);
int on_acl_check(int event, void *event_data, void *userdata);
int on_revoke(int event, void *event_data, void *userdata);
int on_leave(int event, void *event_data, void *userdata);
int on_tick(int event, void *event_data, void *userdata);
int on_reload(int event, void *event_data, void *userdata);

#endif
