/* publisher.c -- posts one request at a time on a connection that is kept, and reads the answer. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader.h"

#define CONNACK 0x20
#define PUBACK 0x40
/* MQTT 5, 2.4: from here on a reason code is a refusal. */
#define REFUSED 0x80

struct request {
    struct bytes bytes;
    size_t id_at;
};

static struct request *requests;
static long request_count;
/* In the order in which they became free: used in turn, none is idle for so long that a server ends it. */
static struct connection *first_free, *last_free;

void publisher_add_request(const char *hex)
{
    struct request *request;
    unsigned char *marker;

    requests = realloc(requests, (size_t)(request_count + 1) * sizeof *requests);
    if (!requests) die("out of memory");
    request = &requests[request_count++];
    memset(request, 0, sizeof *request);
    bytes_append_hex(&request->bytes, hex);
    marker = memmem(request->bytes.data, request->bytes.length, MARKER, sizeof MARKER - 1);
    if (!marker) die("a request lacks the marker");
    request->id_at = (size_t)(marker - request->bytes.data) + sizeof MARKER - 1;
}

static void set_free(struct connection *connection)
{
    connection->request = -1;
    connection->next_free = NULL;
    if (last_free) {
        last_free->next_free = connection;
    } else {
        first_free = connection;
    }
    last_free = connection;
}

struct connection *publisher_take(void)
{
    struct connection *connection;

    do {
        connection = first_free;
        if (!connection) return NULL;
        first_free = connection->next_free;
        if (!first_free) last_free = NULL;
    } while (connection->state != READY);
    return connection;
}

void publisher_send(struct connection *connection, long id)
{
    struct request *request = &requests[id % request_count];
    char digits[ID_DIGITS + 1];

    snprintf(digits, sizeof digits, "%0*ld", ID_DIGITS, id);
    memcpy(request->bytes.data + request->id_at, digits, ID_DIGITS);
    connection->request = id;
    connection_send(connection, request->bytes.data, request->bytes.length);
}

void publisher_connected(struct connection *connection)
{
    if (connection->kind == PUBLISHER_MQTT) {
        connection->state = OPENING;
        connection_send(connection, connection->opening.data, connection->opening.length);
    } else {
        connection->state = READY;
        set_free(connection);
    }
}

void publisher_lost(struct connection *connection)
{
    struct connection **link = &first_free;

    last_free = NULL;
    while (*link) {
        if (*link == connection) {
            *link = connection->next_free;
        } else {
            last_free = *link;
            link = &(*link)->next_free;
        }
    }
    if (connection->request >= 0) run_answered(connection, false);
    connection->request = -1;
}

static void answered(struct connection *connection, bool accepted)
{
    run_answered(connection, accepted);
    if (connection->state == READY) set_free(connection);
}

static void show_refusal(const struct connection *connection)
{
    static bool shown;

    if (!shown) {
        fprintf(stderr, "loader: refused: %.*s\n", (int)(connection->in.length < 600 ? connection->in.length : 600),
            (const char *)connection->in.data);
    }
    shown = true;
}

static void read_http(struct connection *connection)
{
    static const char LENGTH[] = "\r\ncontent-length:";
    const char *data = (const char *)connection->in.data;
    const char *end = memmem(data, connection->in.length, "\r\n\r\n", 4);
    long length = -1;
    bool accepted;

    if (!end) return;
    for (const char *line = data; line < end; line++) {
        if (!strncasecmp(line, LENGTH, sizeof LENGTH - 1)) {
            length = strtol(line + sizeof LENGTH - 1, NULL, 10);
            break;
        }
    }
    if (length < 0) die("an answer without Content-Length");
    if (connection->in.length < (size_t)(end + 4 - data) + (size_t)length) return;
    accepted = connection->in.length > 9 && data[9] == '2';
    if (!accepted) show_refusal(connection);
    bytes_drop(&connection->in, (size_t)(end + 4 - data) + (size_t)length);
    answered(connection, accepted);
}

static void read_mqtt(struct connection *connection)
{
    while (connection->in.length >= 2) {
        const unsigned char *data = connection->in.data;
        size_t length = data[1];
        unsigned char type = data[0], reason = 0;

        if (length & 0x80) die("an MQTT answer of more than 127 bytes");
        if (connection->in.length < 2 + length) return;
        if (length > 2) reason = type == PUBACK ? data[4] : data[3];
        bytes_drop(&connection->in, 2 + length);
        if (type == CONNACK && reason < REFUSED) {
            connection->state = READY;
            set_free(connection);
        } else if (type == PUBACK) {
            answered(connection, reason < REFUSED);
        } else {
            connection_close(connection, FAILED);
            return;
        }
    }
}

void publisher_readable(struct connection *connection)
{
    if (connection->kind == PUBLISHER_MQTT) {
        read_mqtt(connection);
    } else {
        read_http(connection);
    }
}
