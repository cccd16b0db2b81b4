/* Filters and names from the network: the input is three texts, granted, asked and a name.
 * Whatever a covered filter matches, the covering one matches too. */
#include "topics.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 3);

    memcpy(text, data, size);
    memset(text + size, 0, 3);
    const char *granted = text;
    const char *asked = granted + strlen(granted) + 1;
    const char *name = asked < text + size ? asked + strlen(asked) + 1 : asked;
    if (name > text + size) name = text + size;

    topic_readable(granted, asked);
    if (strchr(asked, ':')) topic_is_presence_of(granted, asked);
    if (topic_filter_valid(granted) && topic_filter_valid(asked)) {
        bool covers = filter_covers(granted, asked);
        if (!strcmp(granted, asked) && !covers) abort();
        if (covers && !strpbrk(name, "+#") && topic_matches(asked, name) && !topic_matches(granted, name)) abort();
    }
    free(text);
    return 0;
}
