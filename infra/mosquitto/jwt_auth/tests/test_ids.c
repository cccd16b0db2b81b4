/* Ids are what the contract says, and a client id splits in one way only. */
#include "check.h"
#include "ids.h"

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128 X32 X32 X32 X32

static void test_ids(void)
{
    static const struct {
        const char *id;
        bool user, device;
    } rows[] = {
        {"a", true, true}, {"ada@example.com", true, true}, {"auth0|5f7c", true, true}, {X128, true, true},
        {"org:ada", true, false}, {"a\"b\\c", true, true}, {"", false, false}, {X128 "x", false, false},
        {"a/b", false, false}, {"a+", false, false}, {"#", false, false}, {"$functions", false, false},
        {"a b", false, false}, {"a\t", false, false}, {"caf\xc3\xa9", false, false}, {"a\x7f", false, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(user_id_valid(rows[i].id) == rows[i].user, rows[i].id);
        CHECK_ROW(device_id_valid(rows[i].id) == rows[i].device, rows[i].id);
    }
    CHECK(service_name_valid("$functions") && service_name_valid("$bridge") && service_name_valid("$operator"));
    CHECK(!service_name_valid("bridge") && !service_name_valid("$Bridge") && !service_name_valid("$bridge "));
}

static void test_client_ids(void)
{
    CHECK(client_id_is("ada:mac", "ada", "mac"));
    CHECK(client_id_is("org:ada:mac", "org:ada", "mac"));
    CHECK(!client_id_is("ada:mac2", "ada", "mac"));
    CHECK(!client_id_is("ada:ma", "ada", "mac"));
    CHECK(!client_id_is("adamac", "ada", "mac"));
    CHECK(!client_id_is("ad", "ada", "mac"));
    CHECK(!client_id_is("", "ada", "mac"));
}

static void test_only_plausible_client_ids_are_logged(void)
{
    static const char *const yes[] = {"ada:mac", "org:ada:mac", "$functions:a1"};
    static const char *const no[] = {
        "", "ada", ":", "ada:", ":mac", "$:mac", "a$b:mac", "ada:m$c", "ada\n:mac", "ada:mac\x1b[2J",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", X128 "x:mac", "ada:" X128 "x",
    };

    for (size_t i = 0; i < COUNT(yes); i++) CHECK_ROW(client_id_plausible(yes[i]), yes[i]);
    for (size_t i = 0; i < COUNT(no); i++) CHECK_ROW(!client_id_plausible(no[i]), no[i]);
}

int main(void)
{
    test_ids();
    test_client_ids();
    test_only_plausible_client_ids_are_logged();
    passed(__FILE__);
}
