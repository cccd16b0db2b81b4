/* main.c -- reads commands from stdin, one a line, words apart by one space; bytes are hexadecimal, "-" none.
 *
 *   protocol READY PING PONG KEEPALIVE SECONDS    alike for all subscribers; PONG and KEEPALIVE as messages
 *   websocket PORT HANDSHAKE MESSAGE...           a subscriber; a message begins with "t" (text) or "b"
 *   raw PORT BYTES                                a subscriber over plain MQTT
 *   http PORT | mqtt PORT CONNECT                 a publisher
 *   request BYTES                                 what publishers send in turn, with a MARKER and ten digits
 *   connect PARALLEL SECONDS                      connect all; answers with a line of JSON
 *   load COUNT RATE DELIVERIES SECONDS            RATE 0: closed loop; answers with a line of JSON
 *
 * The end of stdin ends it. Between commands connections are served.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loader.h"

static const char *word(void)
{
    const char *next = strtok(NULL, " ");

    if (!next) die("a command lacks a word");
    return next;
}

static void append_message(struct bytes *to, const char *message)
{
    struct bytes payload = { 0 };

    if (!strcmp(message, "-")) return;
    bytes_append_hex(&payload, message + 1);
    websocket_frame(to, message[0] == 't', payload.data, payload.length);
    bytes_free(&payload);
}

static void set_protocol(void)
{
    const char *keepalive;

    bytes_free(&protocol.ready);
    bytes_free(&protocol.ping);
    bytes_free(&protocol.pong);
    bytes_free(&protocol.keepalive);
    bytes_append_hex(&protocol.ready, word());
    bytes_append_hex(&protocol.ping, word());
    append_message(&protocol.pong, word());
    keepalive = word();
    protocol.keepalive_is_text = keepalive[0] == 't';
    if (strcmp(keepalive, "-")) bytes_append_hex(&protocol.keepalive, keepalive + 1);
    protocol.keepalive_seconds = atoi(word());
}

static void command(char *line)
{
    const char *name = strtok(line, " ");
    const char *message;
    struct connection *connection;

    if (!name) return;
    if (!strcmp(name, "protocol")) {
        set_protocol();
    } else if (!strcmp(name, "websocket")) {
        connection = connection_new(SUBSCRIBER_WEBSOCKET, (uint16_t)atoi(word()));
        bytes_append_hex(&connection->handshake, word());
        while ((message = strtok(NULL, " "))) append_message(&connection->opening, message);
    } else if (!strcmp(name, "raw")) {
        connection = connection_new(SUBSCRIBER_RAW, (uint16_t)atoi(word()));
        bytes_append_hex(&connection->opening, word());
    } else if (!strcmp(name, "http")) {
        connection_new(PUBLISHER_HTTP, (uint16_t)atoi(word()));
    } else if (!strcmp(name, "mqtt")) {
        connection = connection_new(PUBLISHER_MQTT, (uint16_t)atoi(word()));
        bytes_append_hex(&connection->opening, word());
    } else if (!strcmp(name, "request")) {
        publisher_add_request(word());
    } else if (!strcmp(name, "connect")) {
        int parallel = atoi(word());

        run_connect(parallel, atof(word()));
    } else if (!strcmp(name, "load")) {
        long count = atol(word());
        double rate = atof(word());
        int deliveries = atoi(word());

        run_load(count, rate, deliveries, atof(word()));
    } else {
        die("unknown command");
    }
    fflush(stdout);
}

int main(void)
{
    struct bytes input = { 0 };
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    loop_set_up();
    for (;;) {
        char buffer[65536];
        unsigned char *end;
        ssize_t length;

        if (!loop_once(1000, true)) continue;
        length = read(STDIN_FILENO, buffer, sizeof buffer);
        if (length <= 0) return 0;
        bytes_append(&input, buffer, (size_t)length);
        while (input.length && (end = memchr(input.data, '\n', input.length))) {
            size_t used = (size_t)(end - input.data) + 1;
            char *line = strndup((char *)input.data, used - 1);

            if (!line) die("out of memory");
            bytes_drop(&input, used);
            command(line);
            free(line);
        }
    }
}
