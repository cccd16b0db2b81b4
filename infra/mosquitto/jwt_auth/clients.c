/* clients.c -- what the plugin remembers of each client that it let in. */
#include "clients.h"

#include <stdlib.h>
#include <string.h>

bool clients_init(struct clients *clients)
{
    return map_init(&clients->by_id) && map_init(&clients->acl_sets);
}

void clients_clear(struct clients *clients)
{
    map_clear(&clients->by_id, client_free);
    /* No client, no set: only the table itself is left. */
    map_clear(&clients->acl_sets, NULL);
}

struct client *clients_find(const struct clients *clients, const char *id)
{
    return (struct client *)map_find(&clients->by_id, id);
}

static struct client *remember(struct clients *clients, const char *id, const struct options *options, int64_t now_ms)
{
    size_t size = strlen(id) + 1;
    struct client *client = calloc(1, sizeof(*client) + size);

    if (!client) return NULL;
    memcpy(client->id, id, size);
    client->node.key = client->id;
    bucket_fill(&client->publishes, options->device_burst, now_ms);
    bucket_fill(&client->subscribes, options->device_burst, now_ms);
    bucket_fill(&client->patience, options->device_burst, now_ms);
    map_insert(&clients->by_id, &client->node);
    return client;
}

struct client *clients_enter(struct clients *clients, const char *id, const void *connection,
                             const struct jwt_claims *claims, const struct options *options, int64_t now_ms)
{
    struct acl_set *acl = acl_sets_take(&clients->acl_sets, claims->acl.text);
    struct client *client = acl ? clients_find(clients, id) : NULL;

    if (acl && !client) client = remember(clients, id, options, now_ms);
    if (!client) {
        acl_sets_give_back(acl);
        return NULL;
    }
    acl_sets_give_back(client->acl);
    client->acl = acl;
    client->session = claims->session;
    client->exp = claims->exp;
    client->key_serial = claims->key_serial;
    client->connection = connection;
    client->connected = true;
    client->revoked = false;
    return client;
}

void clients_leave(struct clients *clients, const char *id, const void *connection)
{
    struct client *client = clients_find(clients, id);

    if (client && client->connection == connection) client->connected = false;
}

int64_t client_due(const struct client *client)
{
    if (!client->connected) return client->exp + CLIENT_LINGERS;
    return client->revoked ? 0 : client->exp;
}

void client_free(struct map_node *node)
{
    struct client *client = (struct client *)node;

    acl_sets_give_back(client->acl);
    free(client);
}
