/* A key set is taken whole or not at all, and holds no private key. */
#include "check.h"
#include "jwks.h"
#include "signing.h"

static struct jwks *parse(const char *text, char *error, size_t size)
{
    return jwks_parse(text, strlen(text), error, size);
}

static void test_refusals(void)
{
    EVP_PKEY *key = signing_key();
    char good[512], text[2048], error[256];

    write_jwk(key, "k", "", good, sizeof(good));
    const struct {
        const char *format, *error;
    } rows[] = {
        {"", "not one JSON object"},
        {"[]", "not one JSON object"},
        {"{}", "\"keys\""},
        {"{\"keys\":{}}", "\"keys\""},
        {"{\"keys\":[]}", "\"keys\""},
        {"{\"keys\":[1]}", "key 1: not a JSON object"},
        {"{\"keys\":[{\"kty\":\"RSA\"}]}", "key 1: kty"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", "key 1: kty"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\"}]}", "key 1: crv"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"}]}", "key 1: kid"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a b\"}]}", "key 1: kid"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"\"}]}", "key 1: kid"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"AA\",\"y\":\"AA\"}]}", "key 1: x"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AA\"}]}",
         "key 1: y"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
         "key 1: x and y are no point"},
        {"{\"keys\":[%s,%s]}", "key 2: kid is used twice"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof(text), rows[i].format, good, good);
        CHECK_ROW(!parse(text, error, sizeof(error)), rows[i].format);
        CHECK_ROW(strstr(error, rows[i].error), error);
    }

    static const struct {
        const char *extra, *error;
    } members[] = {
        {",\"d\":\"AA\"", "private key"},  {",\"alg\":\"ES384\"", "alg"}, {",\"alg\":1", "alg"},
        {",\"use\":\"enc\"", "use"}, {",\"kid\":\"other\"", "not one JSON object"},
    };
    for (size_t i = 0; i < COUNT(members); i++) {
        write_jwk(key, "k", members[i].extra, good, sizeof(good));
        snprintf(text, sizeof(text), "{\"keys\":[%s]}", good);
        CHECK_ROW(!parse(text, error, sizeof(error)), members[i].extra);
        CHECK_ROW(strstr(error, members[i].error), error);
    }
    EVP_PKEY_free(key);
}

static void test_several_keys(void)
{
    EVP_PKEY *first = signing_key(), *second = signing_key();
    char one[512], two[512], text[1200], error[256];

    write_jwk(first, "one", ",\"alg\":\"ES256\",\"use\":\"sig\"", one, sizeof(one));
    write_jwk(second, "two", ",\"unknown\":true", two, sizeof(two));
    snprintf(text, sizeof(text), "{\"keys\":[%s,%s]}", one, two);
    struct jwks *old = parse(text, error, sizeof(error));
    CHECK_ROW(old, error);
    CHECK(jwks_find(old, "one") && jwks_find(old, "two") && !jwks_find(old, "three"));

    /* A key that stays keeps its serial, one with the same name and another point does not. */
    write_jwk(first, "two", "", two, sizeof(two));
    snprintf(text, sizeof(text), "{\"keys\":[%s,%s]}", two, one);
    struct jwks *fresh = parse(text, error, sizeof(error));
    CHECK_ROW(fresh, error);
    jwks_keep_serials(fresh, old);
    CHECK(jwks_has_serial(fresh, jwks_find(old, "one")->serial));
    CHECK(!jwks_has_serial(fresh, jwks_find(old, "two")->serial));
    jwks_free(old);
    jwks_free(fresh);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
}

static void test_files(void)
{
    char error[256] = "";

    CHECK(!jwks_load("/nonexistent/jwks.json", error, sizeof(error)));
    CHECK_ROW(strstr(error, "No such file"), error);
    CHECK(!jwks_load("/dev/zero", error, sizeof(error)));
    CHECK_ROW(strstr(error, "64 KiB"), error);
    CHECK(!jwks_load("/", error, sizeof(error)));
}

int main(void)
{
    test_refusals();
    test_several_keys();
    test_files();
    passed(__FILE__);
}
