/* clients.h -- what the plugin remembers of each client that it let in: 0.3 kB, while a
 * connection of the broker itself takes several. */
#ifndef KULL_SYNC_CLIENTS_H
#define KULL_SYNC_CLIENTS_H

#include "acl_sets.h"
#include "bucket.h"
#include "jwt.h"
#include "map.h"
#include "options.h"
#include "subscriptions.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds that a client is remembered after its token's exp: its will is still to come, after
 * its delay, and is checked like any publish. */
#define CLIENT_LINGERS 120

struct client {
    /* Its key is `id`. */
    struct map_node node;
    /* The broker's handle of the connection. Compared, never followed. */
    const void *connection;
    /* Of its token, as in struct jwt_claims. */
    int64_t session;
    int64_t exp;
    uint32_t key_serial;
    bool connected;
    /* Signed out while it was here. */
    bool revoked;
    /* What its token grants, shared with all that are granted the same. */
    struct acl_set *acl;
    struct bucket publishes;
    struct bucket subscribes;
    /* How many more refusals before the connection is cut. */
    struct bucket patience;
    struct subscriptions held;
    /* "{user}:{device}", both verified. */
    char id[];
};

struct clients {
    /* Of struct client. */
    struct map by_id;
    /* Of struct acl_set. */
    struct map acl_sets;
};

/* False when out of memory, or when there is no randomness. */
bool clients_init(struct clients *clients);

/* Forgets everybody. */
void clients_clear(struct clients *clients);

struct client *clients_find(const struct clients *clients, const char *id);

/* Lets a verified client in. A client that comes back keeps its limits, or reconnecting would
 * be a way around them. NULL: out of memory, and nothing has changed. */
struct client *clients_enter(struct clients *clients, const char *id, const void *connection,
                             const struct jwt_claims *claims, const struct options *options, int64_t now_ms);

/* The connection is gone; what is still to come from it is its will. Does nothing if the
 * client has come back on another connection meanwhile. */
void clients_leave(struct clients *clients, const char *id, const void *connection);

/* When has this client to be looked at: its token's end, or the end of our memory of it? */
int64_t client_due(const struct client *client);

void client_free(struct map_node *node);

#endif
