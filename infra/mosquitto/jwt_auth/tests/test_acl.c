/* What a token grants is the same after it was kept without its ids, for every client: no id can
 * pass for a mark, for a word of a filter, or for a part of another id. */
#include "acl.h"
#include "acl_sets.h"
#include "check.h"
#include "topics.h"

#define MAC "ada:mac"

static struct acl_text text_of(const char *client_id, const char *publish, const char *subscribe)
{
    struct acl_text acl = {0};

    if (publish) CHECK_ROW(acl_add(&acl, ACL_PUBLISH, publish, client_id), publish);
    if (subscribe) CHECK_ROW(acl_add(&acl, ACL_SUBSCRIBE, subscribe, client_id), subscribe);
    return acl;
}

/* How it is kept, and that it comes back. */
static void test_texts(void)
{
    static const struct {
        const char *client_id, *filter, *text;
    } rows[] = {
        {MAC, "sync/v1/users/ada/devices/mac", "/+s/sync/v1/users/+u/devices/+d"},
        {MAC, "sync/v1/users/ada/devices/+", "/+s/sync/v1/users/+u/devices/+"},
        {MAC, "sync/v1/all/epoch", "/+s/sync/v1/all/epoch"},
        {MAC, "#", "/+s/#"},
        {MAC, "/", "/+s//"},
        {MAC, "a//b/", "/+s/a//b/"},
        /* Whole levels only. */
        {MAC, "adam/ad/Ada/ada:mac/macmac/ma/xada", "/+s/adam/ad/Ada/ada:mac/macmac/ma/xada"},
        /* Ids that are words of a filter, each other, a mark without its `+`, or hold colons. */
        {"sync:v1", "sync/v1/users/sync/devices/v1", "/+s/+u/+d/users/+u/devices/+d"},
        {"users:devices", "sync/v1/users/users/devices/devices", "/+s/sync/v1/+u/+u/+d/+d"},
        {"a:a", "users/a/devices/a", "/+s/users/+u/devices/+u"},
        {"u:d", "u/d/p/s", "/+s/+u/+d/p/s"},
        {"s:p", "u/d/p/s", "/+s/u/d/+d/+u"},
        {"a:b:c", "a:b/c/a/b", "/+s/+u/+d/a/b"},
        {"$functions:i1", "sync/v1/users/$functions/inbox/i1", "/+s/sync/v1/users/+u/inbox/+d"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct acl_text acl = text_of(rows[i].client_id, NULL, rows[i].filter);
        CHECK_ROW(!strcmp(acl.text, rows[i].text), acl.text);
        CHECK_ROW(acl.length == strlen(acl.text), acl.text);
        CHECK_ROW(acl_may_subscribe(acl.text, rows[i].client_id, rows[i].filter), rows[i].filter);
        CHECK_ROW(!acl_may_publish(acl.text, rows[i].client_id, "sync/v1/all/epoch"), rows[i].filter);
    }
}

/* A mark in a token is no topic filter, or a token could write rights that its filters do not say. */
static void test_marks_are_no_filters(void)
{
    static const char *const rows[] = {
        "+u", "+d", "+p", "+s", "a/+u", "a/+s/b", "/+p/x", "+s/#", "++", "a+", "", "$share/g/a", "a/#/b",
    };
    struct acl_text acl = text_of(MAC, "p/ada", NULL);
    const struct acl_text before = acl;

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(!acl_add(&acl, ACL_SUBSCRIBE, rows[i], MAC), rows[i]);
        CHECK_ROW(acl.length == before.length && !strcmp(acl.text, before.text), rows[i]);
        /* Nor can anybody ask for one. */
        struct acl_text all = text_of(MAC, "#", "#");
        CHECK_ROW(!acl_may_subscribe(all.text, MAC, rows[i]), rows[i]);
    }
}

/* The one text of many gives each its own rights. */
static void test_a_shared_text(void)
{
    struct acl_text ada = text_of(MAC, "users/ada/devices/mac", "users/ada/#");
    struct acl_text bob = text_of("bob:tv", "users/bob/devices/tv", "users/bob/#");

    CHECK(!strcmp(ada.text, bob.text));
    CHECK(acl_may_publish(ada.text, MAC, "users/ada/devices/mac"));
    CHECK(acl_may_publish(ada.text, "bob:tv", "users/bob/devices/tv"));
    CHECK(!acl_may_publish(ada.text, "bob:tv", "users/ada/devices/mac"));
    CHECK(!acl_may_publish(ada.text, MAC, "users/ada/devices/tv"));
    CHECK(!acl_may_publish(ada.text, MAC, "users/ada/x") && !acl_may_subscribe(ada.text, MAC, "users/bob/#"));
    /* A right on another's topics is not shared with who bears the same words. */
    struct acl_text guest = text_of(MAC, NULL, "users/bob/#");
    CHECK(strcmp(guest.text, text_of("bob:tv", NULL, "users/bob/#").text) != 0);
    CHECK(acl_may_subscribe(guest.text, MAC, "users/bob/x") && !acl_may_subscribe(guest.text, MAC, "users/ada/x"));
}

/* All of these clients with any two of these filters: the answer is that of the filters as they are. */
static void test_the_same_as_the_filters_themselves(void)
{
    static const char *const clients[] = {
        MAC, "ada:ada", "ad:a", "a:b", "u:d", "p:s", "s:u", "a:a:b", "users:a", "$functions:a",
        /* No ids, and still nothing goes wrong. */
        "+:a", "#:u", ":", "\x7f:\xff",
    };
    static const char *const filters[] = {
        "ada/mac", "ada", "a", "u", "d", "p/s", "s/p", "+", "#", "+/+", "a/#", "+/a", "users/a", "users/ada/+", "a:a/b",
        "/", "//", "/a", "a/", "$functions/a", "$SYS/#", "+/u/#", "u/+/d",
    };

    for (size_t c = 0; c < COUNT(clients); c++) {
        for (size_t i = 0; i < COUNT(filters); i++) {
            for (size_t j = 0; j < COUNT(filters); j++) {
                struct acl_text acl = text_of(clients[c], filters[i], filters[j]);
                CHECK(acl_add(&acl, ACL_PUBLISH, filters[j], clients[c]));
                for (size_t k = 0; k < COUNT(filters); k++) {
                    const char *asked = filters[k];
                    bool may_publish = topic_matches(filters[i], asked) || topic_matches(filters[j], asked);
                    CHECK_ROW(acl_may_publish(acl.text, clients[c], asked) == may_publish, acl.text);
                    bool may_subscribe = filter_covers(filters[j], asked);
                    CHECK_ROW(acl_may_subscribe(acl.text, clients[c], asked) == may_subscribe, acl.text);
                }
            }
        }
    }
}

static void test_nothing_granted(void)
{
    CHECK(!acl_may_publish("", MAC, "a") && !acl_may_subscribe("", MAC, "a") && !acl_may_publish("", MAC, ""));
}

/* What does not fit is refused whole, and what was there stays. */
static void test_no_room(void)
{
    struct acl_text acl = {0};
    char filter[1000];
    size_t added = 0;

    memset(filter, 'a', sizeof(filter) - 1);
    filter[sizeof(filter) - 1] = '\0';
    while (acl_add(&acl, ACL_SUBSCRIBE, filter, MAC)) added++;
    CHECK(added == ACL_TEXT_MAX / (sizeof(filter) + 3) && acl.length == added * (sizeof(filter) + 3));
    CHECK(acl_may_subscribe(acl.text, MAC, filter) && acl.length == strlen(acl.text));
    CHECK(!acl_add(&acl, ACL_PUBLISH, filter, MAC) && !acl_may_publish(acl.text, MAC, filter));
}

/* One set for one text, as long as anybody holds it. */
static void test_sets(void)
{
    struct map sets;

    CHECK(map_init(&sets));
    struct acl_set *first = acl_sets_take(&sets, "/+s/a");
    struct acl_set *other = acl_sets_take(&sets, "/+s/b");
    CHECK(first && other && first != other && acl_sets_take(&sets, "/+s/a") == first && sets.count == 2);
    acl_sets_give_back(first);
    CHECK(sets.count == 2 && acl_sets_take(&sets, "/+s/a") == first);
    acl_sets_give_back(first);
    acl_sets_give_back(first);
    CHECK(sets.count == 1 && acl_sets_take(&sets, "/+s/b") == other);
    acl_sets_give_back(other);
    acl_sets_give_back(other);
    acl_sets_give_back(NULL);
    CHECK(sets.count == 0);
    map_clear(&sets, NULL);
}

int main(void)
{
    test_texts();
    test_marks_are_no_filters();
    test_a_shared_text();
    test_the_same_as_the_filters_themselves();
    test_nothing_granted();
    test_no_room();
    test_sets();
    passed(__FILE__);
}
