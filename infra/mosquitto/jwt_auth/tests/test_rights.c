/* May this client publish or subscribe here and now: rights, limits, the end of a token. */
#include "check.h"
#include "rights.h"

#define EXP 1790003600

static struct options options;
static struct clients clients;
static const int connection;

static struct client *enter(const char *sub, const char *pub_first, const char *pub_second, const char *sub_filter)
{
    struct jwt_claims claims = {.session = 1, .exp = EXP};
    char id[64];

    snprintf(id, sizeof(id), "%s:d", sub);
    CHECK(acl_add(&claims.acl, ACL_PUBLISH, pub_first, id));
    if (pub_second) CHECK(acl_add(&claims.acl, ACL_PUBLISH, pub_second, id));
    CHECK(acl_add(&claims.acl, ACL_SUBSCRIBE, sub_filter, id));
    return clients_enter(&clients, id, &connection, &claims, &options, 0);
}

static enum verdict ask(struct client *client, struct publish publish, int64_t s, int64_t ms)
{
    const char *reason = NULL;
    enum verdict verdict = rights_publish(client, &options, &publish, (struct instant){s, ms}, &reason);

    CHECK_ROW(verdict == GRANTED || reason, publish.topic);
    return verdict;
}

static enum verdict publish(struct client *client, const char *topic, size_t length, bool retain, int64_t s, int64_t ms)
{
    return ask(client, (struct publish){topic, length, retain, false}, s, ms);
}

static enum verdict leave_will(struct client *client, const char *topic, size_t length, int64_t s)
{
    return ask(client, (struct publish){topic, length, true, true}, s, 0);
}

static enum verdict subscribe(struct client *client, const char *filter, uint32_t in_session, int64_t s, int64_t ms)
{
    const char *reason = NULL;

    return rights_subscribe(client, &options, filter, map_hash(&clients.by_id, filter), in_session,
                            (struct instant){s, ms}, &reason);
}

static void test_topics_and_retain(void)
{
    struct client *device = enter("ada", "sync/v1/users/ada/devices/d", "up/#", "s/+");
    struct client *service = enter("$functions", "sync/v1/users/+/devices/+", "#", "#");

    CHECK(publish(device, "sync/v1/users/ada/devices/d", 10, true, 0, 0) == GRANTED);
    CHECK(publish(device, "up/x", 10, false, 0, 0) == GRANTED);
    CHECK(publish(device, "up/x", 10, true, 0, 0) == DENIED);
    CHECK(publish(device, "sync/v1/users/ada/devices/e", 10, true, 0, 0) == DENIED);
    CHECK(publish(device, "sync/v1/users/bob/devices/d", 10, false, 0, 0) == DENIED);
    CHECK(publish(service, "sync/v1/users/ada/devices/d", 10, true, 0, 0) == GRANTED);
    CHECK(publish(service, "anything", 10, true, 0, 0) == GRANTED);
    /* Whatever a token says, the epoch is the broker's. */
    CHECK(publish(service, "sync/v1/all/epoch", 10, true, 0, 0) == DENIED);
    CHECK(publish(service, "$CONTROL/x/v1", 10, false, 0, 0) == DENIED);
    CHECK(subscribe(device, "s/+", 0, 0, 0) == GRANTED && subscribe(device, "s/#", 1, 0, 0) == DENIED);
    CHECK(subscribe(service, "$share/g/a", 0, 0, 0) == DENIED && subscribe(service, "a/#", 0, 0, 0) == GRANTED);
    clients_clear(&clients);
    CHECK(clients_init(&clients));
}

static void test_the_end_of_a_token(void)
{
    struct client *device = enter("ada", "sync/v1/users/ada/devices/d", NULL, "s/+");
    const char *presence = "sync/v1/users/ada/devices/d";

    CHECK(client_due(device) == EXP);
    CHECK(publish(device, presence, 1, true, EXP - 1, 0) == GRANTED);
    CHECK(publish(device, presence, 1, true, EXP, 0) == DENIED);
    CHECK(subscribe(device, "s/+", 0, EXP - 1, 0) == GRANTED && subscribe(device, "s/+", 0, EXP, 0) == DENIED);

    /* An old connection's end is not the end of the one that took its place. */
    clients_leave(&clients, device->id, &clients);
    CHECK(device->connected);
    clients_leave(&clients, device->id, &connection);
    CHECK(!device->connected && client_due(device) == EXP + CLIENT_LINGERS);
    /* Its will is still to come, and only to where it may publish. */
    CHECK(leave_will(device, presence, 1, EXP + 5) == GRANTED);
    CHECK(leave_will(device, "sync/v1/users/bob/devices/d", 1, EXP + 5) == DENIED);

    device->revoked = true;
    CHECK(publish(device, presence, 1, true, 0, 0) == DENIED && leave_will(device, presence, 1, 0) == DENIED);
    CHECK(subscribe(device, "s/+", 0, 0, 0) == DENIED);
    CHECK(clients_find(&clients, "ada:d") == device && !clients_find(&clients, "ada:e"));
    clients_clear(&clients);
    CHECK(clients_init(&clients));
}

static void test_floods(void)
{
    const char *presence = "sync/v1/users/ada/devices/d";
    struct client *device = enter("ada", "up/#", presence, "s/+");
    struct client *service = enter("$functions", "up/#", NULL, "s/+");

    for (int i = 0; i < 100; i++) CHECK(publish(device, "up/x", 1, false, 0, 0) == GRANTED);
    for (int i = 0; i < 100; i++) CHECK(publish(device, "up/x", 1, false, 0, 0) == DENIED);
    CHECK(publish(device, "up/x", 1, false, 0, 0) == CUT_OFF);
    /* Coming back is no way around. */
    device = enter("ada", "up/#", presence, "s/+");
    CHECK(publish(device, "up/x", 1, false, 0, 0) == CUT_OFF);
    /* Nor does a flood silence the will. */
    CHECK(leave_will(device, presence, 1, 0) == GRANTED);
    CHECK(leave_will(device, presence, options.device_payload + 1, 0) == DENIED);
    CHECK(publish(device, "up/x", 1, false, 0, 20) == GRANTED);

    for (int i = 0; i < 1000; i++) CHECK(publish(service, "up/x", 1000000, false, 0, 0) == GRANTED);
    clients_clear(&clients);
    CHECK(clients_init(&clients));
}

static void test_sizes_and_subscriptions(void)
{
    struct client *device = enter("ada", "up/#", NULL, "s/#");
    char filter[16];

    CHECK(publish(device, "up/x", options.device_payload, false, 0, 0) == GRANTED);
    CHECK(publish(device, "up/x", options.device_payload + 1, false, 0, 0) == DENIED);
    for (uint32_t i = 0; i < options.device_subscriptions; i++) {
        snprintf(filter, sizeof(filter), "s/%u", i);
        CHECK_ROW(subscribe(device, filter, i, 0, 0) == GRANTED, filter);
    }
    CHECK(subscribe(device, "s/more", 12, 0, 0) == DENIED);
    for (int i = 0; i < 50; i++) CHECK(subscribe(device, "s/1", 12, 0, 0) == GRANTED);
    /* So many at once: each would bring all that is retained. */
    for (int i = 0; i < 37; i++) CHECK(subscribe(device, "s/1", 12, 0, 0) == GRANTED);
    CHECK(subscribe(device, "s/1", 12, 0, 0) == DENIED);
    CHECK(subscribe(device, "s/1", 12, 0, 1000) == GRANTED);
    clients_clear(&clients);
    CHECK(clients_init(&clients));
}

/* Asks at the pace that is allowed, so that the rate is never the reason; how often it was only refused. */
static int refusals_until_cut_off(struct client *client, bool subscribes, int64_t *ms)
{
    for (int refused = 0; refused < 1000; refused++, *ms += 1000 / options.device_rate) {
        enum verdict verdict = subscribes ? subscribe(client, "s/more", options.device_subscriptions, 0, *ms)
                                          : publish(client, "up/x", options.device_payload + 1, false, 0, *ms);
        if (verdict == CUT_OFF) return refused;
        CHECK(verdict == DENIED);
    }
    return -1;
}

static void test_who_goes_on_is_cut_off(void)
{
    int burst = (int)options.device_burst;

    for (int subscribes = 0; subscribes <= 1; subscribes++) {
        struct client *device = enter("ada", "up/#", NULL, "s/#");
        int64_t ms = 0;

        for (uint32_t i = 0; i < options.device_subscriptions; i++) {
            char filter[16];
            snprintf(filter, sizeof(filter), "s/%u", i);
            CHECK_ROW(subscribe(device, filter, i, 0, 0) == GRANTED, filter);
        }
        /* Patience is as long as the burst, and one more for each second that this takes. */
        int refused = refusals_until_cut_off(device, subscribes, &ms);
        CHECK_ROW(refused >= burst && refused <= burst + 1 + ms / 1000, subscribes ? "filters" : "payloads");
        /* What is within the limits was refused at no time. */
        CHECK(publish(device, "up/x", 1, false, 0, ms) == GRANTED);
        CHECK(subscribe(device, "s/1", options.device_subscriptions, 0, ms) == GRANTED);
        clients_clear(&clients);
        CHECK(clients_init(&clients));
    }
}

int main(void)
{
    options_init(&options);
    CHECK(clients_init(&clients));
    test_topics_and_retain();
    test_the_end_of_a_token();
    test_floods();
    test_sizes_and_subscriptions();
    test_who_goes_on_is_cut_off();
    clients_clear(&clients);
    passed(__FILE__);
}
