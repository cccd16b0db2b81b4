/* What is kept of a token grants what the token's own filters do, whoever the client is. The input
 * is texts, each behind a NUL: the client id, what is asked for, and the filters. */
#include "acl.h"
#include "topics.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct acl_text acl;
    char *text = malloc(size + 2);
    const char *end = text + size;

    memcpy(text, data, size);
    memset(text + size, 0, 2);
    const char *client_id = text;
    const char *asked = client_id + strlen(client_id) + 1;
    if (asked > end || !strchr(client_id, ':')) {
        free(text);
        return 0;
    }
    bool publishes = false, subscribes = false;
    acl = (struct acl_text){0};
    for (const char *filter = asked + strlen(asked) + 1; filter < end; filter += strlen(filter) + 1) {
        /* Alternately, so that the two kinds are not mistaken for each other either. */
        enum acl_right right = (filter - text) % 2 ? ACL_PUBLISH : ACL_SUBSCRIBE;
        if (!acl_add(&acl, right, filter, client_id)) continue;
        if (!topic_filter_valid(filter)) abort();
        if (right == ACL_PUBLISH) publishes |= topic_matches(filter, asked);
        if (right == ACL_SUBSCRIBE) subscribes |= topic_filter_valid(asked) && filter_covers(filter, asked);
    }
    if (acl_may_publish(acl.text, client_id, asked) != publishes) abort();
    if (acl_may_subscribe(acl.text, client_id, asked) != subscribes) abort();
    free(text);
    return 0;
}
