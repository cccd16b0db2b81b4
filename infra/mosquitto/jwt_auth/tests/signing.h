/* signing.h -- what the functions do and the broker never does: make keys and sign tokens. */
#ifndef KULL_SYNC_SIGNING_H
#define KULL_SYNC_SIGNING_H

#include "jwks.h"

#include <openssl/evp.h>
#include <stddef.h>

EVP_PKEY *signing_key(void);

/* The JWK of the public half, with `extra` members ("" or ",\"alg\":\"ES256\""). */
void write_jwk(EVP_PKEY *key, const char *kid, const char *extra, char *out, size_t size);

struct jwks *set_of(EVP_PKEY *key, const char *kid);

/* header.payload.signature. `key` NULL leaves the signature empty. malloc()ed. */
char *sign_token(EVP_PKEY *key, const char *header, const char *payload);

#endif
