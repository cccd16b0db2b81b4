/* ids.c -- the ids of the wire contract. */
#include "ids.h"

#include <stddef.h>
#include <string.h>

static bool id_valid(const char *id, size_t length, const char *forbidden)
{
    if (length < 1 || length > ID_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        if (id[i] < 0x21 || id[i] > 0x7e || strchr(forbidden, id[i])) return false;
    }
    return true;
}

bool user_id_valid(const char *id)
{
    return id_valid(id, strnlen(id, ID_MAX + 1), "/+#$");
}

bool device_id_valid(const char *id)
{
    return id_valid(id, strnlen(id, ID_MAX + 1), "/+#$:");
}

bool service_name_valid(const char *name)
{
    return !strcmp(name, "$functions") || !strcmp(name, "$bridge") || !strcmp(name, "$operator");
}

bool client_id_is(const char *client_id, const char *sub, const char *device)
{
    size_t sub_length = strlen(sub);

    return !strncmp(client_id, sub, sub_length) && client_id[sub_length] == ':'
           && !strcmp(client_id + sub_length + 1, device);
}

const char *client_id_device(const char *client_id)
{
    return strrchr(client_id, ':') + 1;
}

bool client_id_plausible(const char *client_id)
{
    const char *colon = strrchr(client_id, ':');

    if (!colon || !device_id_valid(colon + 1)) return false;
    /* A service's `$` may only lead. */
    const char *user = client_id[0] == '$' ? client_id + 1 : client_id;
    return colon > user && id_valid(user, (size_t)(colon - user), "/+#$");
}
