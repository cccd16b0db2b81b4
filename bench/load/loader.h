/* loader.h -- the load generator: subscribers that note when a message arrives, publishers that post it.
 *
 * One thread, one epoll, one clock: sending and arriving are timed by the same process. It knows WebSocket
 * framing, HTTP answers and the PUBACK of MQTT; whatever else a server speaks is bytes that it is given.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In every payload, followed by ID_DIGITS decimal digits: which request the message came from. */
#define MARKER "IMG-"
#define ID_DIGITS 10

struct bytes {
    unsigned char *data;
    size_t length;
    size_t capacity;
};

enum kind {
    SUBSCRIBER_WEBSOCKET,
    SUBSCRIBER_RAW,
    PUBLISHER_HTTP,
    PUBLISHER_MQTT,
};

enum state {
    CLOSED,
    CONNECTING,
    UPGRADING, /* the WebSocket handshake was sent */
    OPENING,   /* the opening script was sent */
    READY,
    FAILED,
};

struct connection {
    int fd;
    enum kind kind;
    enum state state;
    uint16_t port;
    bool wants_write;
    struct bytes handshake; /* the HTTP request of the upgrade; empty without WebSocket */
    struct bytes opening;   /* what to send then, framed already */
    struct bytes in;        /* read and not understood yet */
    struct bytes out;       /* written and not sent yet */
    long request;           /* of a publisher: the request under way, or -1 */
    struct connection *next_free;
};

/* What is alike for all subscribers of a server. Empty bytes: there is no such thing. */
struct protocol {
    struct bytes ready;     /* a subscriber that has read this is subscribed */
    struct bytes ping;      /* a message with exactly this text is answered ... */
    struct bytes pong;      /* ... with this, framed already */
    struct bytes keepalive; /* what to send ... */
    bool keepalive_is_text;
    int keepalive_seconds;  /* ... so often; 0: never */
};

extern struct protocol protocol;

/* bytes.c */
void die(const char *what);
void *allocate(size_t size);
void bytes_append(struct bytes *to, const void *data, size_t length);
void bytes_drop(struct bytes *from, size_t length);
void bytes_free(struct bytes *bytes);
/* Read hexadecimal digits, "-" being none, and append what they mean. Ends the program on anything else. */
void bytes_append_hex(struct bytes *to, const char *hex);

/* clock.c: nanoseconds */
int64_t now_ns(void);
int64_t cpu_ns(void);

/* connection.c */
extern struct connection **connections;
extern size_t connection_count;
struct connection *connection_new(enum kind kind, uint16_t port);
void connection_open(struct connection *connection);
void connection_close(struct connection *connection, enum state state);
void connection_send(struct connection *connection, const void *data, size_t length);
bool is_publisher(const struct connection *connection);
/* Wait at most `timeout_ms` for something to happen, and handle it. True when stdin can be read: looked at
 * only if asked for. */
bool loop_once(int timeout_ms, bool with_stdin);
void loop_set_up(void);
/* Add a descriptor whose being readable only has to end the wait. */
void loop_watch(int fd);

/* websocket.c */
void websocket_frame(struct bytes *to, bool text, const void *payload, size_t length);
/* Handle the whole frames in `in`; what is left is the begin of one. */
void websocket_read(struct connection *connection);

/* subscriber.c */
void subscriber_connected(struct connection *connection);
void subscriber_readable(struct connection *connection);
void subscriber_message(struct connection *connection, const unsigned char *payload, size_t length);
void subscribers_keep_alive(void);

/* publisher.c */
void publisher_connected(struct connection *connection);
void publisher_readable(struct connection *connection);
void publisher_lost(struct connection *connection);
struct connection *publisher_take(void);
void publisher_send(struct connection *connection, long id);
/* A request as it is to be sent; its MARKER says where the id goes. */
void publisher_add_request(const char *hex);

/* run.c */
void run_delivered(long id, int64_t at);
void run_answered(struct connection *connection, bool accepted);
/* Connect whatever is not connected, `parallel` at a time, and print how many are ready. */
void run_connect(int parallel, double timeout_seconds);
/* rate 0: closed loop, each publisher posts again as soon as it is answered. Prints the result. */
void run_load(long count, double rate, int deliveries, double timeout_seconds);

#endif
