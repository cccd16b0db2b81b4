/* The password of a CONNECT, straight from the network. Two ways in: the raw token, and (first
 * byte 1) a payload behind a good header, or the fuzzer would never get past base64. */
#include "jwt.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char jwks[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
static const char header[] = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.";
static const char signature[] = ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *token_from(const uint8_t *data, size_t size)
{
    char *token = malloc(sizeof(header) + 4 * size / 3 + 8 + sizeof(signature));
    char *end;

    if (size == 0 || data[0] != 1) {
        memcpy(token, data, size);
        token[size] = '\0';
        return token;
    }
    memcpy(token, header, sizeof(header));
    end = token + strlen(token);
    EVP_EncodeBlock((unsigned char *)end, data + 1, (int)size - 1);
    for (char *c = end; *c; c++) {
        if (*c == '+') *c = '-';
        if (*c == '/') *c = '_';
        if (*c == '=') *c = '\0';
    }
    memcpy(end + strlen(end), signature, sizeof(signature));
    return token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwks *keys;
    static const struct jwt_expected expected = {
        .issuer = "kull-sync",
        .audience = "kull-sync-broker",
        .username = "ada",
        .client_id = "ada:mac",
        .now = 1790000000,
    };
    struct jwt_claims claims;
    char error[128];

    if (!keys) keys = jwks_parse(jwks, strlen(jwks), error, sizeof(error));
    if (!keys) abort();
    char *token = token_from(data, size);
    /* Nobody has the private key of RFC 7517's example at hand in here. */
    if (!jwt_verify(keys, &expected, token, &claims)) abort();
    free(token);
    return 0;
}
