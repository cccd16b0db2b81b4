/* signing.c -- keys and tokens for the tests. */
#include "signing.h"

#include "check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

static void encode(const unsigned char *bytes, size_t length, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
    for (char *c = out; *c; c++) {
        if (*c == '+') *c = '-';
        if (*c == '/') *c = '_';
        if (*c == '=') *c = '\0';
    }
}

EVP_PKEY *signing_key(void)
{
    return EVP_EC_gen("P-256");
}

void write_jwk(EVP_PKEY *key, const char *kid, const char *extra, char *out, size_t size)
{
    unsigned char point[65];
    char x[64], y[64];
    size_t length;

    CHECK(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed"));
    CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point), &length));
    CHECK(length == sizeof(point));
    encode(point + 1, 32, x);
    encode(point + 33, 32, y);
    snprintf(out, size, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}", kid, x, y,
             extra);
}

struct jwks *set_of(EVP_PKEY *key, const char *kid)
{
    char jwk[512], text[600], error[256] = "";

    write_jwk(key, kid, "", jwk, sizeof(jwk));
    snprintf(text, sizeof(text), "{\"keys\":[%s]}", jwk);
    struct jwks *set = jwks_parse(text, strlen(text), error, sizeof(error));
    CHECK_ROW(set, error);
    return set;
}

char *sign_token(EVP_PKEY *key, const char *header, const char *payload)
{
    char *token = malloc(2 * (strlen(header) + strlen(payload)) + 200);
    size_t length;

    encode((const unsigned char *)header, strlen(header), token);
    strcat(token, ".");
    encode((const unsigned char *)payload, strlen(payload), token + strlen(token));
    length = strlen(token);
    strcat(token, ".");
    if (!key) return token;

    unsigned char der[80], pair[64];
    size_t der_length = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1);
    CHECK(EVP_DigestSign(context, der, &der_length, (unsigned char *)token, length) == 1);
    EVP_MD_CTX_free(context);
    const unsigned char *cursor = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &cursor, (long)der_length);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature), pair, 32) == 32);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature), pair + 32, 32) == 32);
    ECDSA_SIG_free(signature);
    encode(pair, sizeof(pair), token + strlen(token));
    return token;
}
