/* revocations.c -- the sign-outs that are in force, in memory and on disk. */
#include "revocations.h"

#include "strict_json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tokens live an hour. Beyond a year somebody wrote milliseconds, and the entry would stay. */
#define UNTIL_MAX_AHEAD (366 * 24 * 3600L)
/* The file may grow to this many lines before its history is worth removing. */
#define LINES_TOLERATED 1024

const char *revocation_parse(const char *text, size_t length, int64_t now, struct revocation *out)
{
    cJSON *order = strict_json_object(text, length);
    const char *user = strict_json_string(order, "user");
    const char *device = strict_json_string(order, "device");
    const char *fault = NULL;

    memset(out, 0, sizeof(*out));
    if (!order) {
        fault = "not one JSON object";
    } else if (!user || !(user_id_valid(user) || service_name_valid(user))) {
        fault = "user must be a user id";
    } else if (!device || !device_id_valid(device)) {
        fault = "device must be a device id";
    } else if (!strict_json_integer(order, "session", &out->session)) {
        fault = "session must be a whole number";
    } else if (!strict_json_integer(order, "until", &out->until) || out->until > now + UNTIL_MAX_AHEAD) {
        fault = "until must be seconds since 1970, at most a year ahead";
    } else if (cJSON_GetArraySize(order) != 4) {
        fault = "only user, device, session and until may be given";
    } else {
        snprintf(out->client_id, sizeof(out->client_id), "%s:%s", user, device);
        out->node.key = out->client_id;
    }
    cJSON_Delete(order);
    return fault;
}

/* Ids may hold `"` and `\`, which JSON escapes; worst case every character. */
static void escape(const char *id, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++) {
        if (id[i] == '"' || id[i] == '\\') *out++ = '\\';
        *out++ = id[i];
    }
    *out = '\0';
}

static int format_line(const struct revocation *order, char line[REVOCATION_LINE_MAX])
{
    char user[2 * ID_MAX + 1], device[2 * ID_MAX + 1];
    const char *colon = strrchr(order->client_id, ':');

    escape(order->client_id, (size_t)(colon - order->client_id), user);
    escape(colon + 1, strlen(colon + 1), device);
    return snprintf(line, REVOCATION_LINE_MAX,
                    "{\"user\":\"%s\",\"device\":\"%s\",\"session\":%" PRId64 ",\"until\":%" PRId64 "}\n", user,
                    device, order->session, order->until);
}

static bool write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, text, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text += written;
        length -= (size_t)written;
    }
    return true;
}

static bool fail(char *error, size_t error_size, const char *doing)
{
    snprintf(error, error_size, "%s: %s", doing, strerror(errno));
    return false;
}

static void release(struct map_node *node)
{
    free(node);
}

/* Enters `copy` (from malloc), or widens what is there; two orders never shorten each other. */
static void enter(struct revocations *store, struct revocation *copy)
{
    struct revocation *known = (struct revocation *)map_find(&store->map, copy->client_id);

    if (known) {
        if (copy->session > known->session) known->session = copy->session;
        if (copy->until > known->until) known->until = copy->until;
        free(copy);
        return;
    }
    copy->node.key = copy->client_id;
    map_insert(&store->map, &copy->node);
}

static struct revocation *copy_of(const struct revocation *order)
{
    struct revocation *copy = malloc(sizeof(*copy));

    if (copy) *copy = *order;
    return copy;
}

struct rewrite {
    int file;
    size_t lines;
    bool failed;
};

static bool write_entry(struct map_node *node, void *argument)
{
    struct rewrite *rewrite = argument;
    char line[REVOCATION_LINE_MAX];
    int length = format_line((struct revocation *)node, line);

    if (!rewrite->failed && !write_all(rewrite->file, line, (size_t)length)) rewrite->failed = true;
    rewrite->lines++;
    return true;
}

/* Replaces the file by what is in force: a whole new one beside it, renamed over the old. */
static bool rewrite_file(struct revocations *store, char *error, size_t error_size)
{
    char fresh[4096];
    struct rewrite rewrite = {.file = -1};

    if (snprintf(fresh, sizeof(fresh), "%s.new", store->path) >= (int)sizeof(fresh)) {
        errno = ENAMETOOLONG;
        return fail(error, error_size, "cannot open");
    }
    rewrite.file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (rewrite.file < 0) return fail(error, error_size, "cannot create");
    map_filter(&store->map, write_entry, &rewrite);
    if (rewrite.failed || fsync(rewrite.file) || rename(fresh, store->path)) {
        /* Said before the cleanup changes errno. */
        fail(error, error_size, "cannot write");
        close(rewrite.file);
        unlink(fresh);
        return false;
    }
    /* From here on the new file is the one that counts, synced directory or not. */
    if (store->file >= 0) close(store->file);
    store->file = rewrite.file;
    store->lines = rewrite.lines;
    store->torn = false;
    if (fsync(store->directory)) return fail(error, error_size, "cannot sync the directory");
    return true;
}

static bool read_file(struct revocations *store, int64_t now, char *error, size_t error_size)
{
    FILE *file = fopen(store->path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    size_t number = 0;
    bool good = true;

    if (!file) return errno == ENOENT || fail(error, error_size, "cannot read");
    while (good && (length = getline(&line, &capacity, file)) > 0) {
        struct revocation order;
        number++;
        if (line[length - 1] != '\n') break;
        line[--length] = '\0';
        const char *fault = revocation_parse(line, (size_t)length, now, &order);
        if (fault) {
            snprintf(error, error_size, "line %zu: %s", number, fault);
            good = false;
        } else if (order.until > now) {
            struct revocation *copy = copy_of(&order);
            if (copy) enter(store, copy);
            good = copy || fail(error, error_size, "cannot read");
        }
    }
    if (good && ferror(file)) good = fail(error, error_size, "cannot read");
    free(line);
    fclose(file);
    return good;
}

bool revocations_open(struct revocations *store, const char *path, int64_t now, char *error, size_t error_size)
{
    memset(store, 0, sizeof(*store));
    store->file = store->directory = -1;

    char *path_copy = strdup(path);
    store->path = strdup(path);
    if (!path_copy || !store->path || !map_init(&store->map)) {
        free(path_copy);
        revocations_close(store);
        return fail(error, error_size, "cannot start");
    }
    store->directory = open(dirname(path_copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path_copy);
    /* Rewritten at once: a file that cannot be written is found at the start, not at the
     * first sign-out. */
    bool good = store->directory >= 0 ? read_file(store, now, error, error_size)
                                            && rewrite_file(store, error, error_size)
                                      : fail(error, error_size, "cannot open the directory");
    if (!good) revocations_close(store);
    return good;
}

void revocations_close(struct revocations *store)
{
    map_clear(&store->map, release);
    free(store->path);
    if (store->file >= 0) close(store->file);
    if (store->directory >= 0) close(store->directory);
    memset(store, 0, sizeof(*store));
    store->file = store->directory = -1;
}

static bool append(struct revocations *store, const struct revocation *order)
{
    char line[REVOCATION_LINE_MAX];
    int length = format_line(order, line);
    struct stat before;

    if (fstat(store->file, &before)) return false;
    if (write_all(store->file, line, (size_t)length) && fdatasync(store->file) == 0) {
        store->lines++;
        return true;
    }
    int why = errno;
    store->torn = ftruncate(store->file, before.st_size) != 0;
    errno = why;
    return false;
}

bool revocations_add(struct revocations *store, const struct revocation *order, int64_t now, char *error,
                     size_t error_size)
{
    if (order->until <= now) {
        snprintf(error, error_size, "until must lie in the future");
        return false;
    }
    if (store->torn && !rewrite_file(store, error, error_size)) return false;
    /* Before the write: what is on disk must not fail in memory. */
    struct revocation *copy = copy_of(order);
    if (!copy) return fail(error, error_size, "cannot keep");
    if (!append(store, order)) {
        fail(error, error_size, "cannot write");
        free(copy);
        return false;
    }
    enter(store, copy);
    return true;
}

bool revocations_refuse(const struct revocations *store, const char *client_id, int64_t session, int64_t now)
{
    const struct revocation *known = (const struct revocation *)map_find(&store->map, client_id);

    return known && session <= known->session && now < known->until;
}

static bool still_in_force(struct map_node *node, void *argument)
{
    if (((struct revocation *)node)->until > *(int64_t *)argument) return true;
    free(node);
    return false;
}

void revocations_sweep(struct revocations *store, int64_t now)
{
    char error[128];

    map_filter(&store->map, still_in_force, &now);
    /* A failure leaves the old file, which is as good, only longer. */
    if (store->lines > LINES_TOLERATED && store->lines > 2 * store->map.count) {
        rewrite_file(store, error, sizeof(error));
    }
}
