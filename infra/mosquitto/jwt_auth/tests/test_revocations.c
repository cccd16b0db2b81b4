/* A sign-out that was taken is in force after a restart; one that could not be kept is not
 * taken at all; and a file that makes no sense stops the start. */
#include "check.h"
#include "revocations.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1790000000
#define YEAR (366 * 24 * 3600)

static char directory[] = "/tmp/revocations-XXXXXX";
static char path[64];
static char error[256];

static struct revocation order(const char *user, const char *device, int64_t session, int64_t until)
{
    struct revocation made = {.session = session, .until = until};

    snprintf(made.client_id, sizeof(made.client_id), "%s:%s", user, device);
    return made;
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static size_t file_size(void)
{
    struct stat info;

    CHECK(stat(path, &info) == 0);
    return (size_t)info.st_size;
}

static bool open_store(struct revocations *store, int64_t now)
{
    error[0] = '\0';
    return revocations_open(store, path, now, error, sizeof(error));
}

static bool add(struct revocations *store, struct revocation made)
{
    return revocations_add(store, &made, NOW, error, sizeof(error));
}

static void test_parse(void)
{
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":5,\"until\":1790003600}", NULL},
        {"{\"until\":1790003600,\"user\":\"org:a\\\"b\",\"session\":0,\"device\":\"m\\\\c\"}", NULL},
        {"{\"user\":\"$bridge\",\"device\":\"w0\",\"session\":5,\"until\":1}", NULL},
        {"", "JSON"},
        {"[]", "JSON"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":5,\"until\":1790003600}x", "JSON"},
        {"{\"user\":\"a\",\"user\":\"b\",\"device\":\"mac\",\"session\":5,\"until\":1}", "JSON"},
        {"{\"device\":\"mac\",\"session\":5,\"until\":1}", "user"},
        {"{\"user\":\"a/b\",\"device\":\"mac\",\"session\":5,\"until\":1}", "user"},
        {"{\"user\":\"$root\",\"device\":\"mac\",\"session\":5,\"until\":1}", "user"},
        {"{\"user\":1,\"device\":\"mac\",\"session\":5,\"until\":1}", "user"},
        {"{\"user\":\"ada\",\"session\":5,\"until\":1}", "device"},
        {"{\"user\":\"ada\",\"device\":\"m:c\",\"session\":5,\"until\":1}", "device"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"until\":1}", "session"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":-1,\"until\":1}", "session"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":\"5\",\"until\":1}", "session"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":5}", "until"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":5,\"until\":1790003600000}", "until"},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":5,\"until\":1,\"why\":\"x\"}", "only"},
    };
    struct revocation parsed;

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *fault = revocation_parse(rows[i].text, strlen(rows[i].text), NOW, &parsed);
        CHECK_ROW(!fault == !rows[i].fault, rows[i].text);
        if (fault) CHECK_ROW(strstr(fault, rows[i].fault), fault);
    }
}

static void test_survives_a_restart(void)
{
    struct revocations store;

    CHECK_ROW(open_store(&store, NOW), error);
    CHECK(!revocations_refuse(&store, "ada:mac", 1, NOW));
    CHECK(add(&store, order("ada", "mac", 100, NOW + 60)));
    CHECK(add(&store, order("o\"r\\g:b", "phone", 7, NOW + 600)));
    /* A later order never weakens an earlier one. */
    CHECK(add(&store, order("ada", "mac", 50, NOW + 90)));
    for (int restart = 0; restart < 3; restart++) {
        CHECK(revocations_refuse(&store, "ada:mac", 100, NOW));
        CHECK(!revocations_refuse(&store, "ada:mac", 101, NOW));
        CHECK(revocations_refuse(&store, "ada:mac", 1, NOW + 89));
        CHECK(!revocations_refuse(&store, "ada:mac", 1, NOW + 90));
        CHECK(!revocations_refuse(&store, "ada:mac2", 1, NOW));
        CHECK(revocations_refuse(&store, "o\"r\\g:b:phone", 7, NOW));
        revocations_close(&store);
        CHECK_ROW(open_store(&store, NOW), error);
    }
    CHECK(!add(&store, order("ada", "mac", 200, NOW)));
    CHECK_ROW(strstr(error, "future"), error);
    revocations_sweep(&store, NOW + 90);
    CHECK(store.map.count == 1);
    revocations_close(&store);

    CHECK(open_store(&store, NOW + 600) && store.map.count == 0 && file_size() == 0);
    revocations_close(&store);
}

static void test_files(void)
{
#define LINE "{\"user\":\"ada\",\"device\":\"mac\",\"session\":5,\"until\":1790003600}\n"
    static const struct {
        const char *text;
        /* What is in force, or -1 for a refused start. */
        int count;
    } rows[] = {
        {"", 0},
        {LINE, 1},
        {LINE LINE, 1},
        /* A crash in the middle of a write: that order was never acknowledged. */
        {LINE "{\"user\":\"bob\",\"dev", 1},
        {"{\"user\":\"ada\",\"device\":\"mac\",\"session\":5,\"until\":1790003600}", 0},
        {"garbage\n" LINE, -1},
        {LINE "\n", -1},
        {LINE "{}\n", -1},
    };
    struct revocations store;

    for (size_t i = 0; i < COUNT(rows); i++) {
        write_file(rows[i].text);
        CHECK_ROW(open_store(&store, NOW) == (rows[i].count >= 0), rows[i].text);
        if (rows[i].count < 0) {
            CHECK_ROW(strstr(error, "line "), error);
        } else {
            CHECK_ROW((int)store.map.count == rows[i].count, rows[i].text);
            revocations_close(&store);
        }
    }
    char missing[80];
    snprintf(missing, sizeof(missing), "%s/none/file", directory);
    CHECK(!revocations_open(&store, missing, NOW, error, sizeof(error)));
    CHECK_ROW(strstr(error, "directory"), error);
    CHECK(!revocations_open(&store, directory, NOW, error, sizeof(error)));
}

/* A full disk, played by the limit of a file's size: the order is refused and leaves no trace. */
static void test_a_failed_write_changes_nothing(void)
{
    struct revocations store;
    struct rlimit before, tight;

    unlink(path);
    CHECK(open_store(&store, NOW));
    CHECK(add(&store, order("ada", "mac", 1, NOW + 60)));
    size_t size = file_size();

    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    tight = before;
    tight.rlim_cur = size + 10;
    CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    CHECK(!add(&store, order("bob", "mac", 1, NOW + 60)));
    CHECK_ROW(strstr(error, "too large"), error);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);

    CHECK(!revocations_refuse(&store, "bob:mac", 1, NOW) && revocations_refuse(&store, "ada:mac", 1, NOW));
    CHECK(file_size() == size);
    CHECK(add(&store, order("carol", "mac", 1, NOW + 60)));
    revocations_close(&store);
    CHECK_ROW(open_store(&store, NOW), error);
    CHECK(store.map.count == 2 && revocations_refuse(&store, "carol:mac", 1, NOW));
    revocations_close(&store);
}

static void test_history_does_not_pile_up(void)
{
    struct revocations store;

    unlink(path);
    CHECK(open_store(&store, NOW));
    for (int i = 0; i < 1100; i++) CHECK(add(&store, order("ada", "mac", i, NOW + 60)));
    CHECK(store.lines == 1100);
    revocations_sweep(&store, NOW);
    CHECK(store.lines == 1 && file_size() < 200 && revocations_refuse(&store, "ada:mac", 1099, NOW));
    CHECK(add(&store, order("bob", "mac", 1, NOW + 60)));
    revocations_close(&store);
    CHECK(open_store(&store, NOW) && store.map.count == 2);
    revocations_close(&store);
}

int main(void)
{
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/revocations", directory);
    test_parse();
    test_survives_a_restart();
    test_files();
    test_a_failed_write_changes_nothing();
    test_history_does_not_pile_up();
    unlink(path);
    rmdir(directory);
    passed(__FILE__);
}
