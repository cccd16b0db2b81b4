/* One value has one spelling: RFC 4648's vectors decode, every second spelling is refused. */
#include "base64url.h"
#include "check.h"

static void test_vectors(void)
{
    static const struct {
        const char *encoded, *decoded;
    } rows[] = {
        {"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"},
        {"Zm9vYmFy", "foobar"}, {"-_-_", "\xfb\xff\xbf"},
    };
    uint8_t out[16];

    for (size_t i = 0; i < COUNT(rows); i++) {
        ssize_t length = base64url_decode(rows[i].encoded, strlen(rows[i].encoded), out, sizeof(out));
        CHECK_ROW(length == (ssize_t)strlen(rows[i].decoded), rows[i].encoded);
        CHECK_ROW(!memcmp(out, rows[i].decoded, (size_t)length), rows[i].encoded);
    }
}

static void test_refusals(void)
{
    static const char *const rows[] = {
        "Zg==", "Zg=", "Z", "Zm9vY", "Zh", "Zm9", " Zg", "Zg ", "Zg\n", "Zm+v", "Zm/v", "Zm9v.", "Zm\xc3\xa9v",
    };
    uint8_t out[16];

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(base64url_decode(rows[i], strlen(rows[i]), out, sizeof(out)) == -1, rows[i]);
    }
    CHECK(base64url_decode("Zm9vYmFy", 8, out, 5) == -1);
}

int main(void)
{
    test_vectors();
    test_refusals();
    passed(__FILE__);
}
