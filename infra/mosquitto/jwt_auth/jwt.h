/* jwt.h -- the MQTT password: a JWT in JWS compact form, ES256 (RFC 7515, 7518, 7519). */
#ifndef KULL_SYNC_JWT_H
#define KULL_SYNC_JWT_H

#include "acl.h"
#include "jwks.h"

#include <stdint.h>

#define JWT_LENGTH_MAX 4096
/* Seconds that iat and nbf may lie in our future. exp gets none. */
#define JWT_LEEWAY 30
#define JWT_FILTERS_MAX 64

/* What is needed of a token that was accepted; its sub and device are in the client id. */
struct jwt_claims {
    /* Milliseconds since 1970 at minting. */
    int64_t session;
    /* Seconds since 1970. */
    int64_t exp;
    /* Of the key that signed: struct jwk. */
    uint32_t key_serial;
    struct acl_text acl;
};

/* What the token has to say to be accepted on this connection. */
struct jwt_expected {
    const char *issuer;
    const char *audience;
    const char *username;
    const char *client_id;
    /* Seconds since 1970. */
    int64_t now;
};

/* Verifies `token`: header, audience, issuer, times, client id and user name, rights, and
 * the signature last, so that a flood of wrong tokens costs no elliptic curve each.
 * Answers NULL and fills `claims`, which own nothing, or a fixed phrase that says why not and
 * holds nothing of the token. */
const char *jwt_verify(const struct jwks *keys, const struct jwt_expected *expected, const char *token,
                       struct jwt_claims *claims);

#endif
