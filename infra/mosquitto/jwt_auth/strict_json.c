/* strict_json.c -- cJSON, held to what a token, a key set and a revoke order may look like. */
#include "strict_json.h"

#include <string.h>

#define LARGEST_EXACT 9007199254740991.0
/* Ours need three; hostile input must not choose the depth of a recursion. */
#define DEPTH_MAX 8
/* Comparing names in pairs is quadratic; our largest object has ten. */
#define MEMBERS_MAX 64

static bool characters_allowed(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
        /* cJSON would end the string at an escaped NUL. */
        if (c == '\\' && length - i >= 6 && !memcmp(text + i, "\\u0000", 6)) return false;
    }
    return true;
}

static bool depth_allowed(const char *text, size_t length)
{
    int depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') {
            in_string = !in_string;
        } else if (in_string) {
            if (text[i] == '\\') i++;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > DEPTH_MAX) return false;
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        }
    }
    return true;
}

static bool names_unique(const cJSON *value)
{
    size_t members = 0;

    for (const cJSON *child = value->child; child; child = child->next) {
        if (cJSON_IsObject(value)) {
            if (++members > MEMBERS_MAX) return false;
            for (const cJSON *other = child->next; other; other = other->next) {
                if (!strcmp(child->string, other->string)) return false;
            }
        }
        if (!names_unique(child)) return false;
    }
    return true;
}

cJSON *strict_json_object(const char *text, size_t length)
{
    if (!characters_allowed(text, length) || !depth_allowed(text, length)) return NULL;

    /* The terminator is part of what cJSON reads, or it could not require it. */
    cJSON *object = cJSON_ParseWithLengthOpts(text, length + 1, NULL, true);
    if (object && (!cJSON_IsObject(object) || !names_unique(object))) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

const char *strict_json_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool strict_json_integer(const cJSON *object, const char *name, int64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!cJSON_IsNumber(item)) return false;
    /* The comparison is false for NaN too. */
    if (!(item->valuedouble >= 0 && item->valuedouble <= LARGEST_EXACT)) return false;
    if (item->valuedouble != (double)(int64_t)item->valuedouble) return false;
    *value = (int64_t)item->valuedouble;
    return true;
}
