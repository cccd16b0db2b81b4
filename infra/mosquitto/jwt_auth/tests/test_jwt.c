/* A token is accepted only when everything about it is right; every other one is refused, and
 * the refusal says which thing, never what the token holds. */
#include "check.h"
#include "jwt.h"
#include "signing.h"

#define NOW 1790000000
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
#define ACL "{\"pub\":[\"p/ada\"],\"sub\":[\"s/+\",\"s/ada/#\"]}"

static EVP_PKEY *key;
static struct jwks *keys;
static const struct jwt_expected expected = {
    .issuer = "kull-sync",
    .audience = "kull-sync-broker",
    .username = "ada",
    .client_id = "ada:mac",
    .now = NOW,
};

/* The good claims, with one member replaced (or, for "", left out) or added. */
static char *payload(const char *name, const char *value)
{
    static const char *const members[][2] = {
        {"iss", "\"kull-sync\""}, {"aud", "\"kull-sync-broker\""}, {"sub", "\"ada\""}, {"device", "\"mac\""},
        {"session", "1790000000000"}, {"iat", "1790000000"}, {"nbf", "1790000000"}, {"exp", "1790000001"},
        {"jti", "\"id\""}, {"acl", ACL},
    };
    static char text[8192];
    bool replaced = false;

    strcpy(text, "{");
    for (size_t i = 0; i < COUNT(members); i++) {
        bool mine = !strcmp(members[i][0], name);
        const char *written = mine ? value : members[i][1];
        replaced |= mine;
        if (!written[0]) continue;
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"%s\":%s", text[1] ? "," : "", members[i][0],
                 written);
    }
    if (!replaced && name[0]) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ",\"%s\":%s", name, value);
    }
    return strcat(text, "}");
}

static const char *verify(const char *token, const struct jwt_expected *wanted)
{
    struct jwt_claims claims;
    const char *fault = jwt_verify(keys, wanted, token, &claims);

    /* Nothing of a refused token is left to be taken for granted. */
    CHECK(!fault == (claims.exp != 0) && (!fault || claims.acl.length == 0));
    return fault;
}

static void expect(EVP_PKEY *signer, const char *header, const char *claims, const char *fault, const char *row)
{
    char *token = sign_token(signer, header, claims);
    const char *answer = verify(token, &expected);

    if (!fault) {
        CHECK_ROW(!answer, answer ? answer : row);
    } else {
        CHECK_ROW(answer, row);
        CHECK_ROW(strstr(answer, fault), answer);
    }
    free(token);
}

static void test_the_good_token(void)
{
    struct jwt_claims claims;
    char *token = sign_token(key, HEADER, payload("", ""));

    CHECK(!jwt_verify(keys, &expected, token, &claims));
    CHECK(claims.session == 1790000000000 && claims.exp == NOW + 1);
    const char *acl = claims.acl.text;
    CHECK(acl_may_publish(acl, "ada:mac", "p/ada") && !acl_may_publish(acl, "ada:mac", "p/bob"));
    CHECK(!acl_may_publish(acl, "ada:mac", "s/x"));
    CHECK(acl_may_subscribe(acl, "ada:mac", "s/+") && acl_may_subscribe(acl, "ada:mac", "s/ada/x/#"));
    CHECK(!acl_may_subscribe(acl, "ada:mac", "s/#") && !acl_may_subscribe(acl, "ada:mac", "p/ada"));
    /* The contexts are used again and again. */
    for (int i = 0; i < 3; i++) CHECK(!verify(token, &expected));
    free(token);
}

static void test_claims(void)
{
    static const struct {
        const char *name, *value, *fault;
    } rows[] = {
        {"extra", "{\"a\":[1]}", NULL},
        {"iat", "1790000030", NULL},
        {"nbf", "1790000030", NULL},
        {"acl", "{\"pub\":[],\"sub\":[]}", NULL},
        {"acl", "{\"pub\":[],\"sub\":[],\"other\":1}", NULL},
        {"iss", "", "issuer"},
        {"iss", "\"kull-sync2\"", "issuer"},
        {"iss", "\"kull-sync\\u0000\"", "not a JSON object"},
        {"iss", "1", "issuer"},
        {"aud", "", "audience"},
        {"aud", "\"kull-sync\"", "audience"},
        {"aud", "[\"kull-sync-broker\"]", "audience"},
        {"iat", "", "iat"},
        {"iat", "1790000031", "not yet valid"},
        {"iat", "\"1790000000\"", "iat"},
        {"nbf", "", "nbf"},
        {"nbf", "1790000031", "not yet valid"},
        {"exp", "", "exp"},
        {"exp", "1790000000", "expired"},
        {"exp", "0", "expired"},
        {"exp", "-1", "exp"},
        {"exp", "1e30", "exp"},
        {"exp", "1790000001.5", "exp"},
        {"exp", "null", "exp"},
        {"sub", "", "sub"},
        {"sub", "\"bob\"", "user name"},
        {"sub", "\"ad\"", "user name"},
        {"sub", "\"a/b\"", "sub"},
        {"sub", "\"+\"", "sub"},
        {"sub", "\"$root\"", "sub"},
        {"sub", "[\"ada\"]", "sub"},
        {"device", "", "device"},
        {"device", "\"phone\"", "client id"},
        {"device", "\"ma:c\"", "device"},
        {"device", "\"ma/c\"", "device"},
        {"device", "\"\"", "device"},
        {"session", "", "session"},
        {"session", "\"1\"", "session"},
        {"session", "9007199254740992", "session"},
        {"jti", "", "jti"},
        {"jti", "\"\"", "jti"},
        {"jti", "7", "jti"},
        {"acl", "", "acl"},
        {"acl", "[]", "acl"},
        {"acl", "{\"pub\":[]}", "acl"},
        {"acl", "{\"sub\":[]}", "acl"},
        {"acl", "{\"pub\":\"#\",\"sub\":[]}", "acl"},
        {"acl", "{\"pub\":[1],\"sub\":[]}", "acl"},
        {"acl", "{\"pub\":[\"\"],\"sub\":[]}", "acl"},
        {"acl", "{\"pub\":[\"a+\"],\"sub\":[]}", "acl"},
        {"acl", "{\"pub\":[\"a\"],\"sub\":[\"$share/g/a\"]}", "acl"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        expect(key, HEADER, payload(rows[i].name, rows[i].value), rows[i].fault, rows[i].value);
    }
}

static void test_headers(void)
{
    static const struct {
        const char *header, *fault;
    } rows[] = {
        {"{\"kid\":\"k1\",\"typ\":\"JWT\",\"alg\":\"ES256\",\"x\":1}", NULL},
        {"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"es256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":[\"ES256\"],\"typ\":\"JWT\",\"kid\":\"k1\"}", "alg"},
        {"{\"typ\":\"JWT\",\"kid\":\"k1\"}", "alg"},
        {"{\"alg\":\"ES256\",\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}", "header"},
        {"{\"alg\":\"ES256\",\"kid\":\"k1\"}", "typ"},
        {"{\"alg\":\"ES256\",\"typ\":\"JOSE\",\"kid\":\"k1\"}", "typ"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "kid"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k2\"}", "kid"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":1}", "kid"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"crit\":[\"b64\"]}", "crit"},
        {"[]", "header"},
        {"", "header"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        expect(key, rows[i].header, payload("", ""), rows[i].fault, rows[i].header);
    }
}

static void test_signatures(void)
{
    EVP_PKEY *stranger = signing_key();
    char *token = sign_token(key, HEADER, payload("", ""));
    size_t length = strlen(token);
    char *signature = strrchr(token, '.') + 1;
    char changed[8192];

    expect(stranger, HEADER, payload("", ""), "signature is wrong", "another key");
    expect(NULL, HEADER, payload("", ""), "not 64 bytes", "no signature");

    /* Any character changed is another token. */
    for (size_t i = 0; i < length; i += 7) {
        strcpy(changed, token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CHECK_ROW(verify(changed, &expected), changed);
    }
    snprintf(changed, sizeof(changed), "%.*s%086d", (int)(signature - token), token, 0);
    memset(changed + (signature - token), 'A', 86);
    CHECK_ROW(verify(changed, &expected), "r and s are 0");
    memset(changed + (signature - token), '_', 85);
    changed[length - 1] = 'w';
    CHECK_ROW(verify(changed, &expected), "r and s above the order");

    static const char *const tails[] = {"=", " ", "\n", ".", ".AA", "A", "AA"};
    for (size_t i = 0; i < COUNT(tails); i++) {
        snprintf(changed, sizeof(changed), "%s%s", token, tails[i]);
        CHECK_ROW(verify(changed, &expected), tails[i]);
    }
    snprintf(changed, sizeof(changed), " %s", token);
    CHECK(verify(changed, &expected));
    /* A refusal leaves the next good one good. */
    CHECK(!verify(token, &expected));
    free(token);
    EVP_PKEY_free(stranger);
}

static void test_shapes(void)
{
    static const char *const rows[] = {"", ".", "..", "...", "a.b", "a.b.c", "garbage", "e30.e30.", "e30..e30"};
    char large[JWT_LENGTH_MAX + 2];

    for (size_t i = 0; i < COUNT(rows); i++) CHECK_ROW(verify(rows[i], &expected), rows[i]);

    memset(large, 'A', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    CHECK(strstr(verify(large, &expected), "longer than 4096"));
    large[JWT_LENGTH_MAX] = '\0';
    CHECK(strstr(verify(large, &expected), "three parts"));
    large[2000] = large[4000] = '.';
    CHECK(strstr(verify(large, &expected), "header"));
}

static void test_too_many_filters(void)
{
    char acl[4096] = "{\"pub\":[\"a\"";

    for (int i = 1; i < JWT_FILTERS_MAX; i++) strcat(acl, ",\"a\"");
    strcat(acl, "],\"sub\":[]}");
    expect(key, HEADER, payload("acl", acl), NULL, "64 filters");
    memmove(acl + 12, acl + 8, strlen(acl + 8) + 1);
    memcpy(acl + 8, "\"a\",", 4);
    expect(key, HEADER, payload("acl", acl), "too many", "65 filters");
}

static void test_the_connection_must_be_the_tokens(void)
{
    static const struct {
        const char *username, *client_id;
    } rows[] = {
        {"bob", "ada:mac"}, {"ada", "ada:mac2"}, {"ada", "bob:mac"}, {"ada", "ada"}, {"ada", ""}, {"", "ada:mac"},
        {"ada:mac", "ada:mac"}, {"Ada", "ada:mac"}, {"$bridge", "$bridge:mac"},
    };
    char *token = sign_token(key, HEADER, payload("", ""));

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwt_expected wanted = expected;
        wanted.username = rows[i].username;
        wanted.client_id = rows[i].client_id;
        CHECK_ROW(verify(token, &wanted), rows[i].client_id);
    }
    free(token);
}

int main(void)
{
    key = signing_key();
    keys = set_of(key, "k1");
    test_the_good_token();
    test_claims();
    test_headers();
    test_signatures();
    test_shapes();
    test_too_many_filters();
    test_the_connection_must_be_the_tokens();
    jwks_free(keys);
    EVP_PKEY_free(key);
    passed(__FILE__);
}
