/* strict_json.h -- cJSON, held to what a token, a key set and a revoke order may look like.
 * cJSON alone accepts duplicate names, control characters and a NUL inside a string; each
 * lets two readers see two different values in one signed text. */
#ifndef KULL_SYNC_STRICT_JSON_H
#define KULL_SYNC_STRICT_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses exactly one JSON object of `length` bytes with nothing behind it.
 * `text[length]` must be readable and NUL. Answers NULL for anything else, for a NUL or a
 * control character, and for a name given twice in any object. cJSON_Delete() the answer. */
cJSON *strict_json_object(const char *text, size_t length);

/* The string called `name`, or NULL if there is none or it is of another type. */
const char *strict_json_string(const cJSON *object, const char *name);

/* The whole number called `name`, from 0 to 2^53 - 1: what a double holds exactly. */
bool strict_json_integer(const cJSON *object, const char *name, int64_t *value);

#endif
