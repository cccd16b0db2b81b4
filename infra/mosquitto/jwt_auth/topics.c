/* topics.c -- who may publish, subscribe and receive what. */
#include "topics.h"

#include "ids.h"

#include <stddef.h>
#include <string.h>

#define USERS "sync/v1/users/"

static size_t level_length(const char *level)
{
    return strcspn(level, "/");
}

static bool level_is(const char *level, size_t length, char wildcard)
{
    return length == 1 && level[0] == wildcard;
}

bool topic_filter_valid(const char *filter)
{
    size_t total = strlen(filter);

    if (total == 0 || total > 65535) return false;
    if (!strncmp(filter, "$share", strlen("$share"))) return false;

    for (const char *level = filter;;) {
        size_t length = level_length(level);
        if (memchr(level, '+', length) && length != 1) return false;
        if (memchr(level, '#', length) && (length != 1 || level[1] != '\0')) return false;
        if (level[length] == '\0') return true;
        level += length + 1;
    }
}

/* What matching a name and covering a filter share: walk both, level by level. `asked` may
 * hold wildcards only when `asked_is_filter`. */
static bool walk(const char *granted, const char *asked, bool asked_is_filter)
{
    if (asked[0] == '$' && (granted[0] == '+' || granted[0] == '#')) return false;

    for (;;) {
        size_t granted_length = level_length(granted);
        size_t asked_length = level_length(asked);

        if (level_is(granted, granted_length, '#')) return true;
        if (asked_is_filter && level_is(asked, asked_length, '#')) return false;
        if (!level_is(granted, granted_length, '+')) {
            /* A literal level does not cover `+`: the comparison says so by itself. */
            if (granted_length != asked_length || memcmp(granted, asked, asked_length)) return false;
        }

        bool granted_ends = granted[granted_length] == '\0';
        bool asked_ends = asked[asked_length] == '\0';
        if (asked_ends) {
            /* `a/#` matches `a` as well. */
            return granted_ends || !strcmp(granted + granted_length, "/#");
        }
        if (granted_ends) return false;
        granted += granted_length + 1;
        asked += asked_length + 1;
    }
}

bool topic_matches(const char *filter, const char *topic)
{
    return walk(filter, topic, false);
}

bool filter_covers(const char *granted, const char *asked)
{
    return walk(granted, asked, true);
}

static bool matches_one_of(const char *const *filters, const char *topic)
{
    for (; *filters; filters++) {
        if (topic_matches(*filters, topic)) return true;
    }
    return false;
}

bool topic_readable(const char *username, const char *topic)
{
    static const char *const functions[] = {USERS "+/devices/+", USERS "$functions/inbox/+", NULL};
    static const char *const bridge[] = {"sync/v1/uplink/#", USERS "+/devices/+", TOPIC_EPOCH, NULL};
    static const char *const operator[] = {USERS "+/devices/+", "$SYS/#", NULL};

    if (username[0] == '$') {
        if (!strcmp(username, "$functions")) return matches_one_of(functions, topic);
        if (!strcmp(username, "$bridge")) return matches_one_of(bridge, topic);
        if (!strcmp(username, "$operator")) return matches_one_of(operator, topic);
        return false;
    }
    if (topic_matches("sync/v1/all/+", topic)) return true;
    if (strncmp(topic, USERS, strlen(USERS))) return false;
    const char *owner = topic + strlen(USERS);
    size_t length = strlen(username);
    return length > 0 && !strncmp(owner, username, length) && owner[length] == '/';
}

bool topic_is_presence_of(const char *topic, const char *client_id)
{
    static const char devices[] = "/devices/";
    const char *device = client_id_device(client_id);
    size_t user_length = (size_t)(device - 1 - client_id);

    if (strncmp(topic, USERS, strlen(USERS))) return false;
    topic += strlen(USERS);
    if (strncmp(topic, client_id, user_length)) return false;
    topic += user_length;
    return !strncmp(topic, devices, strlen(devices)) && !strcmp(topic + strlen(devices), device);
}
