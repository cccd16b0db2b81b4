/* acl.c -- the filters that a token grants, as one text without ids.
 * The text is a row of levels, each behind a `/`. "+p" and "+s" begin a filter to publish and to
 * subscribe to, "+u" and "+d" are the user and the device, and every other level is itself. None
 * can be taken for another: `+` fills its level in a topic filter (MQTT 5 section 4.7.1.3), which
 * acl_add() makes sure of. */
#include "acl.h"

#include "ids.h"
#include "topics.h"

#include <string.h>

struct level {
    const char *text;
    size_t length;
};

struct owner {
    struct level user;
    struct level device;
};

static const struct level user_mark = {"+u", 2};
static const struct level device_mark = {"+d", 2};

static struct level level_at(const char *text)
{
    return (struct level){text, strcspn(text, "/")};
}

static bool same(struct level one, struct level other)
{
    return one.length == other.length && !memcmp(one.text, other.text, one.length);
}

static bool begins_filter(struct level level)
{
    if (level.length != 2 || level.text[0] != '+') return false;
    return level.text[1] == ACL_PUBLISH || level.text[1] == ACL_SUBSCRIBE;
}

static struct owner owner_of(const char *client_id)
{
    const char *device = client_id_device(client_id);

    return (struct owner){
        .user = {client_id, (size_t)(device - 1 - client_id)},
        .device = {device, strlen(device)},
    };
}

static struct level mark_ids(struct level level, const struct owner *owner)
{
    if (same(level, owner->user)) return user_mark;
    return same(level, owner->device) ? device_mark : level;
}

static struct level fill_in_ids(struct level level, const struct owner *owner)
{
    if (same(level, user_mark)) return owner->user;
    return same(level, device_mark) ? owner->device : level;
}

static bool append(char text[ACL_TEXT_MAX], size_t *length, struct level level)
{
    /* With the `/` before and the NUL behind. */
    if (level.length + 2 > ACL_TEXT_MAX - *length) return false;
    text[(*length)++] = '/';
    memcpy(text + *length, level.text, level.length);
    *length += level.length;
    text[*length] = '\0';
    return true;
}

bool acl_add(struct acl_text *acl, enum acl_right right, const char *filter, const char *client_id)
{
    const struct owner owner = owner_of(client_id);
    const char begin[] = {'+', (char)right};
    size_t length = acl->length;

    if (!topic_filter_valid(filter)) return false;
    bool fits = append(acl->text, &length, (struct level){begin, sizeof(begin)});
    for (bool more = true; fits && more;) {
        struct level level = level_at(filter);
        fits = append(acl->text, &length, mark_ids(level, &owner));
        more = filter[level.length] != '\0';
        filter += level.length + 1;
    }
    if (fits) acl->length = length;
    acl->text[acl->length] = '\0';
    return fits;
}

/* Does one of the filters of this right answer for `asked`? */
static bool granted(const char *text, const char *client_id, enum acl_right right,
                    bool (*answers_for)(const char *filter, const char *asked), const char *asked)
{
    const struct owner owner = owner_of(client_id);
    char filter[ACL_TEXT_MAX];
    size_t length = 0;
    bool of_this_right = false;

    for (;;) {
        bool end = *text == '\0';
        struct level level = level_at(end ? text : text + 1);
        if (end || begins_filter(level)) {
            /* Behind the `/` that every level has before it. */
            if (of_this_right && answers_for(filter + 1, asked)) return true;
            if (end) return false;
            of_this_right = level.text[1] == (char)right;
            length = 0;
        } else if (!append(filter, &length, fill_in_ids(level, &owner))) {
            return false;
        }
        text = level.text + level.length;
    }
}

bool acl_may_publish(const char *text, const char *client_id, const char *topic)
{
    return granted(text, client_id, ACL_PUBLISH, topic_matches, topic);
}

bool acl_may_subscribe(const char *text, const char *client_id, const char *filter)
{
    return topic_filter_valid(filter) && granted(text, client_id, ACL_SUBSCRIBE, filter_covers, filter);
}
