/* A text that two readers could take for two different objects is no object. */
#include "check.h"
#include "strict_json.h"

static void test_objects(void)
{
    static const struct {
        const char *text;
        bool accepted;
    } rows[] = {
        {"{}", true},
        {" {\"a\": [1, {\"b\": null}]}\n", true},
        {"{\"a\":\"[[[[[[[[[[[[\"}", true},
        {"{\"a\":\"\\\"[[[[[[[[[[[[\"}", true},
        {"{\"a\":1,\"A\":2}", true},
        {"", false},
        {"[]", false},
        {"null", false},
        {"\"a\"", false},
        {"{}{}", false},
        {"{} x", false},
        {"{\"a\":1", false},
        {"{\"a\":1,\"a\":1}", false},
        {"{\"a\":1,\"\\u0061\":1}", false},
        {"{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", false},
        {"{\"x\":[{\"a\":1,\"a\":3}]}", false},
        {"{\"a\":\"b\\u0000c\"}", false},
        {"{\"a\":\"b\001c\"}", false},
        {"\f{}", false},
        {"{\"a\":[[[[[[[[1]]]]]]]]}", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        cJSON *object = strict_json_object(rows[i].text, strlen(rows[i].text));
        CHECK_ROW((object != NULL) == rows[i].accepted, rows[i].text);
        cJSON_Delete(object);
    }
    /* A NUL inside, with more behind it. */
    CHECK(!strict_json_object("{}\0{}", 5));
}

static void test_integers(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"9007199254740991", 9007199254740991},
        {"1e3", 1000},
        {"9007199254740992", -1},
        {"-1", -1},
        {"1.5", -1},
        {"1e400", -1},
        {"\"1\"", -1},
        {"true", -1},
        {"null", -1},
        {"[1]", -1},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[64];
        int64_t value = -1;
        snprintf(text, sizeof(text), "{\"n\":%s}", rows[i].text);
        cJSON *object = strict_json_object(text, strlen(text));
        CHECK_ROW(object, text);
        CHECK_ROW(strict_json_integer(object, "n", &value) == (rows[i].value >= 0), text);
        CHECK_ROW(value == rows[i].value, text);
        cJSON_Delete(object);
    }
}

int main(void)
{
    test_objects();
    test_integers();
    passed(__FILE__);
}
