/* clients.h -- what the plugin remembers of each client that it let in. */
#ifndef KULL_SYNC_CLIENTS_H
#define KULL_SYNC_CLIENTS_H

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
    bool connected;
    /* Signed out while it was here. */
    bool revoked;
    struct jwt_claims claims;
    struct bucket publishes;
    struct bucket subscribes;
    /* How many more refusals before the connection is cut. */
    struct bucket patience;
    struct subscriptions held;
    char id[];
};

struct client *clients_find(const struct map *clients, const char *id);

/* Lets a verified client in; the claims are its own from here on. A client that comes back
 * keeps its limits, or reconnecting would be a way around them. NULL: out of memory. */
struct client *clients_enter(struct map *clients, const char *id, const void *connection,
                             struct jwt_claims *claims, const struct options *options, int64_t now_ms);

/* The connection is gone; what is still to come from it is its will. Does nothing if the
 * client has come back on another connection meanwhile. */
void clients_leave(struct map *clients, const char *id, const void *connection);

/* When has this client to be looked at: its token's end, or the end of our memory of it? */
int64_t client_due(const struct client *client);

void client_free(struct map_node *node);

#endif
