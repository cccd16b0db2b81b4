/* subscriber.c -- a device: opens its connection as told, answers pings, and notes when messages arrive. */
#define _GNU_SOURCE
#include <string.h>

#include "loader.h"

#define SWITCHING "HTTP/1.1 101"

struct protocol protocol;

void subscriber_connected(struct connection *connection)
{
    if (connection->kind == SUBSCRIBER_WEBSOCKET) {
        connection->state = UPGRADING;
        connection_send(connection, connection->handshake.data, connection->handshake.length);
    } else {
        connection->state = OPENING;
        connection_send(connection, connection->opening.data, connection->opening.length);
    }
}

/* The ids in a piece of the stream. A server that sends one message in two pieces loses it here, and the
 * result then counts it as missing. */
static void note_ids(const unsigned char *data, size_t length)
{
    const unsigned char *end = data + length;
    const size_t marker = sizeof MARKER - 1;
    int64_t at = 0;

    while ((data = memmem(data, (size_t)(end - data), MARKER, marker))) {
        long id = 0;

        data += marker;
        if (end - data < ID_DIGITS) return;
        for (int i = 0; i < ID_DIGITS; i++) id = id * 10 + (data[i] - '0');
        if (!at) at = now_ns();
        run_delivered(id, at);
    }
}

void subscriber_message(struct connection *connection, const unsigned char *payload, size_t length)
{
    if (connection->state == OPENING
        && memmem(payload, length, protocol.ready.data, protocol.ready.length)) {
        connection->state = READY;
    }
    if (protocol.ping.length && length == protocol.ping.length
        && !memcmp(payload, protocol.ping.data, length)) {
        connection_send(connection, protocol.pong.data, protocol.pong.length);
        return;
    }
    note_ids(payload, length);
}

/* Raw MQTT: whole packets, by their remaining length (MQTT 5, 1.5.5). */
static void read_packets(struct connection *connection)
{
    size_t done = 0;

    for (;;) {
        const unsigned char *data = connection->in.data + done;
        size_t rest = connection->in.length - done, length = 0, head = 1;
        int shift = 0;
        bool whole = false;

        while (head < rest && !whole) {
            length |= (size_t)(data[head] & 0x7f) << shift;
            shift += 7;
            whole = !(data[head++] & 0x80);
        }
        if (!whole || rest < head + length) break;
        subscriber_message(connection, data, head + length);
        if (connection->fd < 0) return;
        done += head + length;
    }
    if (done) bytes_drop(&connection->in, done);
}

void subscriber_readable(struct connection *connection)
{
    if (connection->state == UPGRADING) {
        unsigned char *end = memmem(connection->in.data, connection->in.length, "\r\n\r\n", 4);

        if (!end) return;
        if (connection->in.length < sizeof SWITCHING - 1
            || memcmp(connection->in.data, SWITCHING, sizeof SWITCHING - 1)) {
            connection_close(connection, FAILED);
            return;
        }
        connection->state = OPENING;
        bytes_drop(&connection->in, (size_t)(end + 4 - connection->in.data));
        if (connection->opening.length) {
            connection_send(connection, connection->opening.data, connection->opening.length);
            if (connection->fd < 0) return;
        }
    }
    if (connection->kind == SUBSCRIBER_WEBSOCKET) {
        websocket_read(connection);
    } else {
        read_packets(connection);
    }
}

void subscribers_keep_alive(void)
{
    static int64_t last;
    int64_t now = now_ns();

    if (!protocol.keepalive_seconds || now - last < (int64_t)protocol.keepalive_seconds * 1000000000) return;
    last = now;
    for (size_t i = 0; i < connection_count; i++) {
        if (!is_publisher(connections[i]) && connections[i]->state == READY) {
            struct bytes message = { 0 };

            if (connections[i]->kind == SUBSCRIBER_WEBSOCKET) {
                websocket_frame(&message, protocol.keepalive_is_text, protocol.keepalive.data,
                    protocol.keepalive.length);
            } else {
                bytes_append(&message, protocol.keepalive.data, protocol.keepalive.length);
            }
            connection_send(connections[i], message.data, message.length);
            bytes_free(&message);
        }
    }
}
