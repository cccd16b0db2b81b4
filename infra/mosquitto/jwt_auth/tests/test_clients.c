/* A client has what its last token grants and nothing of an earlier one; what many are granted
 * alike is kept once, and given up with the last of them. */
#include "check.h"
#include "clients.h"

static struct options options;
static const int connection;

static struct client *enter(struct clients *clients, const char *id, const char *publish)
{
    struct jwt_claims claims = {.session = 7, .exp = 1000, .key_serial = 3};

    CHECK_ROW(acl_add(&claims.acl, ACL_PUBLISH, publish, id), publish);
    struct client *client = clients_enter(clients, id, &connection, &claims, &options, 0);
    CHECK_ROW(client && !strcmp(client->id, id) && client->connected && !client->revoked, id);
    CHECK_ROW(client->session == 7 && client->exp == 1000 && client->key_serial == 3, id);
    return client;
}

static bool may_publish(const struct client *client, const char *topic)
{
    return acl_may_publish(client->acl->text, client->id, topic);
}

static bool forget(struct map_node *node, void *id)
{
    if (strcmp(node->key, id)) return true;
    client_free(node);
    return false;
}

int main(void)
{
    struct clients clients;

    options_init(&options);
    CHECK(clients_init(&clients));
    struct client *ada = enter(&clients, "ada:mac", "users/ada/mac");
    struct client *bob = enter(&clients, "bob:mac", "users/bob/mac");
    CHECK(ada->acl == bob->acl && clients.acl_sets.count == 1);
    CHECK(may_publish(ada, "users/ada/mac") && !may_publish(ada, "users/bob/mac"));
    CHECK(may_publish(bob, "users/bob/mac") && !may_publish(bob, "users/ada/mac"));

    /* Another token of the same client: the very same entry, with other rights. */
    ada->revoked = true;
    CHECK(enter(&clients, "ada:mac", "users/ada/phone") == ada && clients.by_id.count == 2);
    CHECK(may_publish(ada, "users/ada/phone") && !may_publish(ada, "users/ada/mac"));
    CHECK(may_publish(bob, "users/bob/mac") && !may_publish(bob, "users/bob/phone"));
    CHECK(clients.acl_sets.count == 2);
    /* And the same token again. */
    CHECK(enter(&clients, "ada:mac", "users/ada/phone") == ada && may_publish(ada, "users/ada/phone"));
    CHECK(clients.acl_sets.count == 2 && ada->acl->holders == 1);

    char id[] = "bob:mac";
    map_filter(&clients.by_id, forget, id);
    CHECK(clients.by_id.count == 1 && clients.acl_sets.count == 1 && may_publish(ada, "users/ada/phone"));
    clients_clear(&clients);
    passed(__FILE__);
}
