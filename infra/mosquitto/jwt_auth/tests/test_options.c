/* Whatever is wrong with an option, the start is refused and the error names it. */
#include "check.h"
#include "options.h"

static void test_refusals(void)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"device_ratte", "50"}, {"", "x"}, {"issuer", ""}, {"device_rate", ""}, {"device_rate", "0"},
        {"device_rate", "-1"}, {"device_rate", "1.5"}, {"device_rate", "50 "}, {"device_rate", "0x10"},
        {"device_rate", "1000001"}, {"device_rate", "99999999999999999999"}, {"device_subscriptions", "33"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct options options;
        char error[256] = "", named[64];
        options_init(&options);
        CHECK_ROW(!options_set(&options, rows[i].name, rows[i].value, error, sizeof(error)), rows[i].name);
        snprintf(named, sizeof(named), "plugin_opt_%s", rows[i].name);
        CHECK_ROW(strstr(error, named), error);
        options_free(&options);
    }
}

static void test_all_four_texts_are_required(void)
{
    static const char *const required[] = {"jwks_file", "issuer", "audience", "revocations_file"};
    struct options options;
    char error[256];

    options_init(&options);
    for (size_t i = 0; i < COUNT(required); i++) {
        CHECK(!strcmp(options_missing(&options), required[i]));
        CHECK(options_set(&options, required[i], "value", error, sizeof(error)));
    }
    CHECK(!options_missing(&options));
    CHECK(!options_set(&options, "issuer", "again", error, sizeof(error)) && strstr(error, "plugin_opt_issuer"));
    CHECK(options.device_rate == 50 && options.device_burst == 100);
    CHECK(options.device_payload == 16384 && options.device_subscriptions == 12);
    CHECK(options_set(&options, "device_rate", "7", error, sizeof(error)) && options.device_rate == 7);
    CHECK(!strcmp(options.issuer, "value"));
    options_free(&options);
}

int main(void)
{
    test_refusals();
    test_all_four_texts_are_required();
    passed(__FILE__);
}
