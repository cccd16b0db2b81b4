/* revocations.h -- the sign-outs that are in force: which sessions of which device are refused.
 * Kept in memory and in a file, one order a line, each on disk before it is acknowledged. */
#ifndef KULL_SYNC_REVOCATIONS_H
#define KULL_SYNC_REVOCATIONS_H

#include "ids.h"
#include "map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An order is two ids, two numbers and their names. */
#define REVOCATION_LINE_MAX 1024

struct revocation {
    struct map_node node;
    /* The key of `node`: "{user}:{device}". */
    char client_id[CLIENT_ID_MAX + 1];
    /* Sessions up to and including this one are refused ... */
    int64_t session;
    /* ... until this second since 1970, when their tokens have expired. */
    int64_t until;
};

struct revocations {
    struct map map;
    char *path;
    int directory;
    int file;
    /* Lines in the file, the superseded and the expired included. */
    size_t lines;
    /* A failed write left half a line behind that could not be cut off. */
    bool torn;
};

/* Reads `{"user":"u","device":"d","session":N,"until":T}`, no member more or less.
 * `text[length]` is NUL. Answers NULL, or a fixed phrase that names the member at fault. */
const char *revocation_parse(const char *text, size_t length, int64_t now, struct revocation *out);

/* Opens the store and reads what is in force; creates the file if there is none. An incomplete
 * last line was never acknowledged and is dropped; any other fault is an error, because
 * going on would let somebody in who was signed out. */
bool revocations_open(struct revocations *store, const char *path, int64_t now, char *error, size_t error_size);

void revocations_close(struct revocations *store);

/* Takes an order. False, with errno in `error`, when it could not be made to last: then
 * nothing has changed. */
bool revocations_add(struct revocations *store, const struct revocation *order, int64_t now, char *error,
                     size_t error_size);

/* Is a token of this session refused? */
bool revocations_refuse(const struct revocations *store, const char *client_id, int64_t session, int64_t now);

/* Forgets what has expired, and rewrites the file when most of it is history. */
void revocations_sweep(struct revocations *store, int64_t now);

#endif
