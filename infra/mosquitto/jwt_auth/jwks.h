/* jwks.h -- the public keys that may sign tokens: a JWK Set (RFC 7517) of EC P-256 keys.
 * Parsed once; OpenSSL's key and verification context are kept, because building them
 * for every connect costs several times the verification itself. */
#ifndef KULL_SYNC_JWKS_H
#define KULL_SYNC_JWKS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWKS_KEYS_MAX 16
#define JWKS_KID_MAX 128
/* R and S of ES256, 32 bytes each (RFC 7518 section 3.4). */
#define ES256_SIGNATURE 64

struct jwk {
    char kid[JWKS_KID_MAX + 1];
    uint8_t point[65];
    /* Names this key for the life of the process, also across reloads. Never 0. */
    uint32_t serial;
    EVP_PKEY *public_key;
    EVP_PKEY_CTX *verification;
};

struct jwks {
    size_t count;
    struct jwk keys[JWKS_KEYS_MAX];
};

/* Reads a set from `text` (`text[length]` is NUL). On a fault answers NULL and a sentence
 * in `error`. A set that holds a private key is refused: it has no business here. */
struct jwks *jwks_parse(const char *text, size_t length, char *error, size_t error_size);

/* As jwks_parse, from a file of at most 64 KiB. */
struct jwks *jwks_load(const char *path, char *error, size_t error_size);

void jwks_free(struct jwks *set);

/* The key called `kid`, or NULL. */
const struct jwk *jwks_find(const struct jwks *set, const char *kid);

bool jwks_has_serial(const struct jwks *set, uint32_t serial);

/* Gives every key of `fresh` that `old` has too (same kid, same point) its old serial. */
void jwks_keep_serials(struct jwks *fresh, const struct jwks *old);

/* ES256 over `length` bytes of `text`. */
bool jwk_verify(const struct jwk *key, const char *text, size_t length,
                const uint8_t signature[ES256_SIGNATURE]);

#endif
