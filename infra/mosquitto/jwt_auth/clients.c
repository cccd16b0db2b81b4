/* clients.c -- what the plugin remembers of each client that it let in. */
#include "clients.h"

#include <stdlib.h>
#include <string.h>

struct client *clients_find(const struct map *clients, const char *id)
{
    return (struct client *)map_find(clients, id);
}

struct client *clients_enter(struct map *clients, const char *id, const void *connection,
                             struct jwt_claims *claims, const struct options *options, int64_t now_ms)
{
    struct client *client = clients_find(clients, id);

    if (client) {
        jwt_claims_free(&client->claims);
    } else {
        size_t size = strlen(id) + 1;
        client = calloc(1, sizeof(*client) + size);
        if (!client) return NULL;
        memcpy(client->id, id, size);
        client->node.key = client->id;
        bucket_fill(&client->publishes, options->device_burst, now_ms);
        bucket_fill(&client->subscribes, options->device_burst, now_ms);
        bucket_fill(&client->patience, options->device_burst, now_ms);
        map_insert(clients, &client->node);
    }
    client->claims = *claims;
    memset(claims, 0, sizeof(*claims));
    client->connection = connection;
    client->connected = true;
    client->revoked = false;
    return client;
}

void clients_leave(struct map *clients, const char *id, const void *connection)
{
    struct client *client = clients_find(clients, id);

    if (client && client->connection == connection) client->connected = false;
}

int64_t client_due(const struct client *client)
{
    if (!client->connected) return client->claims.exp + CLIENT_LINGERS;
    return client->revoked ? 0 : client->claims.exp;
}

void client_free(struct map_node *node)
{
    struct client *client = (struct client *)node;

    jwt_claims_free(&client->claims);
    free(client);
}
