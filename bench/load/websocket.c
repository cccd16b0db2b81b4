/* websocket.c -- the client's side of RFC 6455 framing, without extensions. */
#include <string.h>

#include "loader.h"

#define OPCODE 0x0f
#define TEXT 0x1
#define BINARY 0x2
#define CLOSE 0x8
#define PING 0x9
#define PONG 0xa
#define FIN 0x80
#define MASKED 0x80

/* A client must mask (5.3). A fixed key costs the server what a random one costs it. */
static const unsigned char MASK[4] = { 0x4b, 0x53, 0x79, 0x6e };

static void frame(struct bytes *to, unsigned char opcode, const void *payload, size_t length)
{
    const unsigned char *data = payload;
    unsigned char head[4] = { (unsigned char)(FIN | opcode) };

    if (length > 0xffff) die("a frame may have 65535 bytes");
    if (length < 126) {
        head[1] = (unsigned char)(MASKED | length);
        bytes_append(to, head, 2);
    } else {
        head[1] = MASKED | 126;
        head[2] = (unsigned char)(length >> 8);
        head[3] = (unsigned char)length;
        bytes_append(to, head, 4);
    }
    bytes_append(to, MASK, sizeof MASK);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = data[i] ^ MASK[i % sizeof MASK];

        bytes_append(to, &byte, 1);
    }
}

void websocket_frame(struct bytes *to, bool text, const void *payload, size_t length)
{
    frame(to, text ? TEXT : BINARY, payload, length);
}

static void handle(struct connection *connection, unsigned char opcode, const unsigned char *payload,
    size_t length)
{
    struct bytes answer = { 0 };

    if (opcode == CLOSE) {
        connection_close(connection, FAILED);
    } else if (opcode == PING) {
        frame(&answer, PONG, payload, length);
        connection_send(connection, answer.data, answer.length);
        bytes_free(&answer);
    } else if (opcode != PONG) {
        subscriber_message(connection, payload, length);
    }
}

void websocket_read(struct connection *connection)
{
    size_t done = 0;

    for (;;) {
        const unsigned char *data = connection->in.data + done;
        size_t rest = connection->in.length - done, head = 2, length;

        if (rest < head) break;
        length = data[1] & 0x7f;
        if (length == 126) {
            head = 4;
            if (rest < head) break;
            length = (size_t)data[2] << 8 | data[3];
        } else if (length == 127) {
            head = 10;
            if (rest < head) break;
            length = 0;
            for (int i = 2; i < 10; i++) length = length << 8 | data[i];
        }
        if (rest < head + length) break;
        done += head + length;
        handle(connection, data[0] & OPCODE, data + head, length);
        if (connection->fd < 0) return;
    }
    if (done) bytes_drop(&connection->in, done);
}
