/* jwt.c -- the MQTT password: a JWT in JWS compact form, ES256. */
#include "jwt.h"

#include "base64url.h"
#include "ids.h"
#include "strict_json.h"

#include <string.h>

/* Decodes one part of the token and parses it. */
static cJSON *decode_object(const char *part, size_t length)
{
    char text[JWT_LENGTH_MAX];
    ssize_t decoded = base64url_decode(part, length, (uint8_t *)text, sizeof(text) - 1);

    if (decoded < 0) return NULL;
    text[decoded] = '\0';
    return strict_json_object(text, (size_t)decoded);
}

static const char *check_header(const cJSON *header, const struct jwks *keys, const struct jwk **key)
{
    const char *alg = strict_json_string(header, "alg");
    const char *kid = strict_json_string(header, "kid");
    const char *typ = strict_json_string(header, "typ");

    if (!header) return "the token's header is not a JSON object";
    /* Compared before anything else is looked at: "none" and HS256 end here. */
    if (!alg || strcmp(alg, "ES256")) return "the token's alg is not ES256";
    if (!typ || strcmp(typ, "JWT")) return "the token's typ is not JWT";
    /* RFC 7515 section 4.1.11: an extension that we do not know is a refusal. We know none. */
    if (cJSON_HasObjectItem(header, "crit")) return "the token's header has crit";
    *key = kid ? jwks_find(keys, kid) : NULL;
    return *key ? NULL : "the token's kid is not a key of ours";
}

static bool string_is(const cJSON *payload, const char *name, const char *expected)
{
    const char *text = strict_json_string(payload, name);

    return text && !strcmp(text, expected);
}

static const char *check_times(const cJSON *payload, int64_t now, struct jwt_claims *claims)
{
    int64_t iat, nbf;

    if (!strict_json_integer(payload, "iat", &iat)) return "claim iat is missing or no integer";
    if (!strict_json_integer(payload, "nbf", &nbf)) return "claim nbf is missing or no integer";
    if (!strict_json_integer(payload, "exp", &claims->exp)) return "claim exp is missing or no integer";
    if (iat > now + JWT_LEEWAY || nbf > now + JWT_LEEWAY) return "the token is not yet valid";
    if (claims->exp <= now) return "the token has expired";
    return NULL;
}

static const char *check_identity(const cJSON *payload, const struct jwt_expected *expected,
                                  struct jwt_claims *claims)
{
    const char *sub = strict_json_string(payload, "sub");
    const char *device = strict_json_string(payload, "device");
    const char *jti = strict_json_string(payload, "jti");

    if (!sub || !(user_id_valid(sub) || service_name_valid(sub))) return "claim sub is no user and no service";
    if (!device || !device_id_valid(device)) return "claim device is no device id";
    if (!jti || !jti[0]) return "claim jti is missing or empty";
    if (!strict_json_integer(payload, "session", &claims->session)) return "claim session is missing or no integer";
    if (strcmp(sub, expected->username)) return "the user name is not the token's sub";
    if (!client_id_is(expected->client_id, sub, device)) return "the client id is not the token's sub:device";
    return NULL;
}

static const char *read_filters(const cJSON *list, enum acl_right right, const char *client_id, struct acl_text *acl)
{
    const cJSON *item;
    size_t count = 0;

    if (!cJSON_IsArray(list)) return "claim acl has no lists pub and sub";
    cJSON_ArrayForEach(item, list) {
        const char *filter = cJSON_GetStringValue(item);
        if (++count > JWT_FILTERS_MAX) return "claim acl has too many filters";
        if (!filter || !acl_add(acl, right, filter, client_id)) return "claim acl has an entry that is no topic filter";
    }
    return NULL;
}

static const char *check_payload(const cJSON *payload, const struct jwt_expected *expected,
                                 struct jwt_claims *claims)
{
    const cJSON *acl = cJSON_GetObjectItemCaseSensitive(payload, "acl");
    const char *id = expected->client_id;
    const char *fault;

    if (!payload) return "the token's payload is not a JSON object";
    if (!string_is(payload, "aud", expected->audience)) return "the token is for another audience";
    if (!string_is(payload, "iss", expected->issuer)) return "the token is from another issuer";
    if ((fault = check_times(payload, expected->now, claims))) return fault;
    if ((fault = check_identity(payload, expected, claims))) return fault;
    fault = read_filters(cJSON_GetObjectItemCaseSensitive(acl, "pub"), ACL_PUBLISH, id, &claims->acl);
    if (fault) return fault;
    return read_filters(cJSON_GetObjectItemCaseSensitive(acl, "sub"), ACL_SUBSCRIBE, id, &claims->acl);
}

const char *jwt_verify(const struct jwks *keys, const struct jwt_expected *expected, const char *token,
                       struct jwt_claims *claims)
{
    size_t length = strnlen(token, JWT_LENGTH_MAX + 1);
    const char *first_dot, *second_dot;
    const struct jwk *key = NULL;
    uint8_t signature[ES256_SIGNATURE];
    const char *fault;

    memset(claims, 0, sizeof(*claims));
    if (length > JWT_LENGTH_MAX) return "the token is longer than 4096 bytes";
    first_dot = memchr(token, '.', length);
    second_dot = first_dot ? strchr(first_dot + 1, '.') : NULL;
    if (!second_dot || strchr(second_dot + 1, '.')) return "the password is no token of three parts";

    cJSON *header = decode_object(token, (size_t)(first_dot - token));
    fault = check_header(header, keys, &key);
    cJSON_Delete(header);
    if (fault) return fault;

    const char *encoded_signature = second_dot + 1;
    if (base64url_decode(encoded_signature, strlen(encoded_signature), signature, sizeof(signature))
        != ES256_SIGNATURE) {
        return "the token's signature is not 64 bytes";
    }

    cJSON *payload = decode_object(first_dot + 1, (size_t)(second_dot - first_dot - 1));
    fault = check_payload(payload, expected, claims);
    cJSON_Delete(payload);
    if (!fault && !jwk_verify(key, token, (size_t)(second_dot - token), signature)) {
        fault = "the token's signature is wrong";
    }
    if (fault) {
        memset(claims, 0, sizeof(*claims));
        return fault;
    }
    claims->key_serial = key->serial;
    return NULL;
}
