/* Topic rights, as tables: what matches, what covers, who may receive what. */
#include "check.h"
#include "topics.h"

static void test_filters(void)
{
    static const struct {
        const char *filter;
        bool valid;
    } rows[] = {
        {"a", true}, {"a/b", true}, {"/", true}, {"a//b", true}, {"+", true}, {"#", true}, {"a/+/b", true},
        {"a/#", true}, {"$SYS/#", true}, {"+/+", true}, {"", false}, {"a+", false}, {"+a/b", false}, {"a/#/b", false},
        {"a#", false}, {"a/b#", false}, {"##", false}, {"++", false}, {"$share/g/a", false}, {"$share", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(topic_filter_valid(rows[i].filter) == rows[i].valid, rows[i].filter);
    }
}

static void test_matches(void)
{
    static const struct {
        const char *filter, *topic;
        bool matches;
    } rows[] = {
        {"a/b", "a/b", true}, {"a/+", "a/b", true}, {"a/+", "a/", true}, {"+/b", "a/b", true}, {"a/#", "a/b/c", true},
        {"a/#", "a", true}, {"#", "a/b", true}, {"+/+", "/a", true}, {"$SYS/#", "$SYS/broker", true}, {"a//b", "a//b", true},
        {"a/b", "a", false}, {"a", "a/b", false}, {"a/b", "a/c", false}, {"a/+", "a", false}, {"a/+", "a/b/c", false},
        {"a/b/#", "a", false}, {"+", "/a", false}, {"#", "$SYS/broker", false}, {"+/broker", "$SYS/broker", false},
        {"a/b", "a/bc", false}, {"a/bc", "a/b", false}, {"a/b/", "a/b", false}, {"a/b", "a/b/", false},
        {"sync/v1/users/ada/events/+", "sync/v1/users/adam/events/x", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(topic_matches(rows[i].filter, rows[i].topic) == rows[i].matches, rows[i].filter);
    }
}

static void test_covers(void)
{
    static const struct {
        const char *granted, *asked;
        bool covers;
    } rows[] = {
        {"a/b", "a/b", true}, {"a/+", "a/b", true}, {"a/+", "a/+", true}, {"a/#", "a/#", true}, {"a/#", "a/+/#", true},
        {"a/#", "a/+", true}, {"a/#", "a/b/+/c", true}, {"a/#", "a", true}, {"#", "#", true}, {"#", "+/a", true},
        {"+/b", "a/b", true}, {"a/+/#", "a/b/#", true}, {"a/+/#", "a/+", true}, {"$SYS/#", "$SYS/+/x", true},
        {"a/b", "a/+", false}, {"a/b", "a/#", false}, {"a/+", "a/#", false}, {"a/+", "#", false}, {"a/+", "+/b", false},
        {"a/+", "a/b/c", false}, {"a/+", "a", false}, {"a/b/#", "a/#", false}, {"a/b/#", "a/+", false}, {"+/#", "#", false},
        {"+", "#", false}, {"+", "+/+", false}, {"#", "$SYS/#", false}, {"+/#", "$SYS/#", false}, {"$SYS/#", "#", false},
        {"a/b", "a", false}, {"a", "a/b", false}, {"a/+/c", "a/#", false}, {"a/+/c", "a/b/+", false},
        {"sync/v1/users/ada/events/shoots/+", "sync/v1/users/+/events/shoots/+", false},
        {"sync/v1/users/ada/events/shoots/+", "sync/v1/users/ada/events/shoots/#", false},
        {"sync/v1/users/ada/devices/+", "sync/v1/users/ada/devices/mac", true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(filter_covers(rows[i].granted, rows[i].asked) == rows[i].covers, rows[i].granted);
    }
}

/* What covering means, tried on all pairs of small filters and names: whatever the asked filter
 * matches, the granted one matches too. */
static void test_covering_agrees_with_matching(void)
{
    static const char *const levels[] = {"a", "b", "", "+", "#", "$x"};
    char filters[300][16];
    size_t count = 0;

    for (size_t i = 0; i < COUNT(levels); i++) {
        snprintf(filters[count++], sizeof(filters[0]), "%s", levels[i]);
        for (size_t j = 0; j < COUNT(levels); j++) {
            snprintf(filters[count++], sizeof(filters[0]), "%s/%s", levels[i], levels[j]);
            for (size_t k = 0; k < COUNT(levels); k++) {
                snprintf(filters[count++], sizeof(filters[0]), "%s/%s/%s", levels[i], levels[j], levels[k]);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (!topic_filter_valid(filters[i]) || !topic_filter_valid(filters[j])) continue;
            if (!filter_covers(filters[i], filters[j])) continue;
            for (size_t k = 0; k < count; k++) {
                if (strpbrk(filters[k], "+#") || !topic_matches(filters[j], filters[k])) continue;
                CHECK_ROW(topic_matches(filters[i], filters[k]), filters[i]);
            }
        }
    }
}

static void test_readable(void)
{
    static const struct {
        const char *username, *topic;
        bool readable;
    } rows[] = {
        {"ada", "sync/v1/users/ada/events/shoots/s1", true},
        {"ada", "sync/v1/users/ada/inbox/mac", true},
        {"ada", "sync/v1/users/ada/devices/phone", true},
        {"ada", "sync/v1/all/prompts", true},
        {"ada", "sync/v1/all/epoch", true},
        {"$functions", "sync/v1/users/ada/devices/mac", true},
        {"$functions", "sync/v1/users/$functions/inbox/i1", true},
        {"$bridge", "sync/v1/uplink/a/ada/mac/ping", true},
        {"$bridge", "sync/v1/users/ada/devices/mac", true},
        {"$bridge", "sync/v1/all/epoch", true},
        {"$operator", "sync/v1/users/ada/devices/mac", true},
        {"$operator", "$SYS/broker/uptime", true},
        {"ada", "sync/v1/users/adam/events/credits", false},
        {"adam", "sync/v1/users/ada/events/credits", false},
        {"ada", "sync/v1/users/ada", false},
        {"ada", "sync/v1/users/bob/inbox/mac", false},
        {"ada", "sync/v1/uplink/a/ada/mac/ping", false},
        {"ada", "sync/v1/all/a/b", false},
        {"ada", "$SYS/broker/uptime", false},
        {"ada", "other/users/ada/x", false},
        {"", "sync/v1/users//x", false},
        {"functions", "sync/v1/users/ada/devices/mac", false},
        {"bridge", "sync/v1/uplink/a/ada/mac/ping", false},
        {"$functions", "sync/v1/users/ada/events/credits", false},
        {"$functions", "sync/v1/users/ada/inbox/mac", false},
        {"$bridge", "sync/v1/users/ada/inbox/mac", false},
        {"$bridge", "sync/v1/all/prompts", false},
        {"$operator", "sync/v1/users/ada/events/credits", false},
        {"$root", "sync/v1/all/epoch", false},
        {"$functions2", "sync/v1/users/ada/devices/mac", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(topic_readable(rows[i].username, rows[i].topic) == rows[i].readable, rows[i].topic);
    }
}

static void test_presence(void)
{
    CHECK(topic_is_presence_of("sync/v1/users/ada/devices/mac", "ada:mac"));
    CHECK(!topic_is_presence_of("sync/v1/users/ada/devices/mac2", "ada:mac"));
    CHECK(!topic_is_presence_of("sync/v1/users/ada/devices/", "ada:mac"));
    CHECK(!topic_is_presence_of("sync/v1/users/adam/devices/mac", "ada:mac"));
    CHECK(!topic_is_presence_of("sync/v1/users/ad", "ada:mac"));
    CHECK(!topic_is_presence_of("sync/v1/users/ada/inbox/mac", "ada:mac"));
    /* A user id may hold colons, a device id none. */
    CHECK(topic_is_presence_of("sync/v1/users/a:b/devices/mac", "a:b:mac"));
    CHECK(!topic_is_presence_of("sync/v1/users/a/devices/b:mac", "a:b:mac"));
}

int main(void)
{
    test_filters();
    test_matches();
    test_covers();
    test_covering_agrees_with_matching();
    test_readable();
    test_presence();
    passed(__FILE__);
}
