/* jwks.c -- the public keys that may sign tokens. */
#include "jwks.h"

#include "base64url.h"
#include "strict_json.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 * 1024)
#define COORDINATE 32

static EVP_PKEY *public_key_from(uint8_t point[65])
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char group[] = SN_X9_62_prime256v1;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 65),
        OSSL_PARAM_construct_end(),
    };

    if (!context || EVP_PKEY_fromdata_init(context) <= 0
        || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}

static bool coordinate(const cJSON *jwk, const char *name, uint8_t out[COORDINATE])
{
    const char *text = strict_json_string(jwk, name);

    return text && base64url_decode(text, strlen(text), out, COORDINATE) == COORDINATE;
}

/* A member that may be absent, but not say something else. */
static bool absent_or(const cJSON *jwk, const char *name, const char *value)
{
    const char *text = strict_json_string(jwk, name);

    return !cJSON_HasObjectItem(jwk, name) || (text && !strcmp(text, value));
}

static bool kid_valid(const char *kid)
{
    size_t length = strnlen(kid, JWKS_KID_MAX + 1);

    if (length < 1 || length > JWKS_KID_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        if (kid[i] < 0x21 || kid[i] > 0x7e) return false;
    }
    return true;
}

/* Answers NULL, or what is wrong. */
static const char *read_key(const cJSON *jwk, const struct jwks *before, struct jwk *key)
{
    static uint32_t serials;
    const char *kty = strict_json_string(jwk, "kty");
    const char *crv = strict_json_string(jwk, "crv");
    const char *kid = strict_json_string(jwk, "kid");

    if (!kty || strcmp(kty, "EC")) return "kty must be \"EC\"";
    if (!crv || strcmp(crv, "P-256")) return "crv must be \"P-256\"";
    if (cJSON_HasObjectItem(jwk, "d")) return "d is a private key; the broker gets public keys only";
    if (!absent_or(jwk, "alg", "ES256")) return "alg must be \"ES256\"";
    if (!absent_or(jwk, "use", "sig")) return "use must be \"sig\"";
    if (!kid || !kid_valid(kid)) return "kid must be 1 to 128 printable ASCII characters";
    if (jwks_find(before, kid)) return "kid is used twice";

    memcpy(key->kid, kid, strlen(kid) + 1);
    key->point[0] = POINT_CONVERSION_UNCOMPRESSED;
    if (!coordinate(jwk, "x", key->point + 1)) return "x must be 32 bytes in base64url";
    if (!coordinate(jwk, "y", key->point + 1 + COORDINATE)) return "y must be 32 bytes in base64url";
    key->public_key = public_key_from(key->point);
    if (!key->public_key) return "x and y are no point on P-256";
    key->verification = EVP_PKEY_CTX_new_from_pkey(NULL, key->public_key, NULL);
    if (!key->verification || EVP_PKEY_verify_init(key->verification) <= 0) return "OpenSSL refuses the key";
    key->serial = ++serials;
    return NULL;
}

struct jwks *jwks_parse(const char *text, size_t length, char *error, size_t error_size)
{
    cJSON *object = strict_json_object(text, length);
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(object, "keys");
    struct jwks *set = calloc(1, sizeof(*set));
    const cJSON *jwk;
    const char *fault = NULL;

    if (!object) {
        fault = "not one JSON object";
    } else if (!cJSON_IsArray(keys) || !keys->child) {
        fault = "\"keys\" must be a list of at least one key";
    } else if (!set) {
        fault = "out of memory";
    }
    if (fault) {
        snprintf(error, error_size, "%s", fault);
    } else {
        cJSON_ArrayForEach(jwk, keys) {
            if (set->count == JWKS_KEYS_MAX) {
                fault = "more keys than 16";
            } else {
                struct jwk *key = &set->keys[set->count];
                fault = cJSON_IsObject(jwk) ? read_key(jwk, set, key) : "not a JSON object";
                /* Counted even when at fault, so that jwks_free() releases what it has. */
                set->count++;
            }
            if (fault) {
                snprintf(error, error_size, "key %zu: %s", set->count, fault);
                break;
            }
        }
    }
    cJSON_Delete(object);
    if (fault) {
        jwks_free(set);
        return NULL;
    }
    return set;
}

struct jwks *jwks_load(const char *path, char *error, size_t error_size)
{
    char *text = malloc(FILE_MAX + 1);
    FILE *file = fopen(path, "re");
    struct jwks *set = NULL;

    if (!text || !file) {
        snprintf(error, error_size, "%s", strerror(errno));
    } else {
        size_t length = fread(text, 1, FILE_MAX + 1, file);
        if (ferror(file)) {
            snprintf(error, error_size, "%s", strerror(errno));
        } else if (length > FILE_MAX) {
            snprintf(error, error_size, "larger than 64 KiB");
        } else {
            text[length] = '\0';
            set = jwks_parse(text, length, error, error_size);
        }
    }
    if (file) fclose(file);
    free(text);
    return set;
}

void jwks_free(struct jwks *set)
{
    if (!set) return;
    for (size_t i = 0; i < set->count; i++) {
        EVP_PKEY_CTX_free(set->keys[i].verification);
        EVP_PKEY_free(set->keys[i].public_key);
    }
    free(set);
}

const struct jwk *jwks_find(const struct jwks *set, const char *kid)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!strcmp(set->keys[i].kid, kid)) return &set->keys[i];
    }
    return NULL;
}

bool jwks_has_serial(const struct jwks *set, uint32_t serial)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->keys[i].serial == serial) return true;
    }
    return false;
}

void jwks_keep_serials(struct jwks *fresh, const struct jwks *old)
{
    for (size_t i = 0; i < fresh->count; i++) {
        struct jwk *key = &fresh->keys[i];
        const struct jwk *same = jwks_find(old, key->kid);
        if (same && !memcmp(same->point, key->point, sizeof(key->point))) key->serial = same->serial;
    }
}

/* JOSE writes r and s side by side; OpenSSL wants them as a DER sequence. */
static int to_der(const uint8_t signature[ES256_SIGNATURE], unsigned char **der)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, COORDINATE, NULL);
    BIGNUM *s = BN_bin2bn(signature + COORDINATE, COORDINATE, NULL);
    int length = -1;

    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        r = s = NULL;
        length = i2d_ECDSA_SIG(pair, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return length;
}

bool jwk_verify(const struct jwk *key, const char *text, size_t length,
                const uint8_t signature[ES256_SIGNATURE])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned char *der = NULL;
    int der_length = to_der(signature, &der);

    /* The one-shot SHA256() fetches nothing, unlike EVP_Digest() with an implicit algorithm. */
    bool good = der_length > 0 && SHA256((const unsigned char *)text, length, digest)
                && EVP_PKEY_verify(key->verification, der, (size_t)der_length, digest, sizeof(digest)) == 1;
    OPENSSL_free(der);
    /* A refusal leaves an error in OpenSSL's queue, which the broker's own TLS code reads. */
    ERR_clear_error();
    return good;
}
