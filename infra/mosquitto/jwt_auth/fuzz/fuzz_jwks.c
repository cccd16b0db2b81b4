/* The key file: an operator's typo must end in an error, never in a crash of the broker. */
#include "jwks.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[256] = "";
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    struct jwks *set = jwks_parse(text, size, error, sizeof(error));
    if (!set == !error[0]) abort();
    if (set && (set->count == 0 || !jwks_find(set, set->keys[0].kid))) abort();
    jwks_free(set);
    free(text);
    return 0;
}
