/* connection.c -- non-blocking TCP connections on loopback, and the loop that serves them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loader.h"

#define EVENTS 256

struct connection **connections;
size_t connection_count;

static int epoll_fd;
/* Stand in for a connection in epoll's data. */
static struct connection stdin_mark, wake_mark;

bool is_publisher(const struct connection *connection)
{
    return connection->kind == PUBLISHER_HTTP || connection->kind == PUBLISHER_MQTT;
}

struct connection *connection_new(enum kind kind, uint16_t port)
{
    struct connection *connection = allocate(sizeof *connection);

    if (connection_count % 1024 == 0) {
        connections = realloc(connections, (connection_count + 1024) * sizeof *connections);
        if (!connections) die("out of memory");
    }
    connections[connection_count++] = connection;
    connection->fd = -1;
    connection->kind = kind;
    connection->port = port;
    connection->request = -1;
    return connection;
}

static void watch(struct connection *connection, int operation)
{
    struct epoll_event event = {
        .events = EPOLLIN | (connection->wants_write ? EPOLLOUT : 0),
        .data.ptr = connection,
    };

    if (epoll_ctl(epoll_fd, operation, connection->fd, &event)) die("epoll_ctl failed");
}

void connection_open(struct connection *connection)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(connection->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int on = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) die("no more descriptors: raise the limit (ulimit -n)");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->state = CONNECTING;
    connection->wants_write = true;
    watch(connection, EPOLL_CTL_ADD);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
        connection_close(connection, FAILED);
    }
}

void connection_close(struct connection *connection, enum state state)
{
    if (connection->fd < 0) return;
    close(connection->fd);
    connection->fd = -1;
    connection->state = state;
    bytes_free(&connection->in);
    bytes_free(&connection->out);
    if (is_publisher(connection)) publisher_lost(connection);
}

static void flush(struct connection *connection)
{
    bool wants_write;

    while (connection->out.length) {
        ssize_t sent = send(connection->fd, connection->out.data, connection->out.length, MSG_NOSIGNAL);

        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (sent < 0) {
            connection_close(connection, FAILED);
            return;
        }
        bytes_drop(&connection->out, (size_t)sent);
    }
    wants_write = connection->out.length > 0;
    if (wants_write != connection->wants_write) {
        connection->wants_write = wants_write;
        watch(connection, EPOLL_CTL_MOD);
    }
}

void connection_send(struct connection *connection, const void *data, size_t length)
{
    bytes_append(&connection->out, data, length);
    flush(connection);
}

static void readable(struct connection *connection)
{
    static unsigned char buffer[256 * 1024];
    ssize_t length = recv(connection->fd, buffer, sizeof buffer, 0);

    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        /* A server may end an idle HTTP connection; a publisher is opened again when it is needed. */
        connection_close(connection, connection->state == READY && is_publisher(connection) ? CLOSED : FAILED);
        return;
    }
    bytes_append(&connection->in, buffer, (size_t)length);
    if (is_publisher(connection)) {
        publisher_readable(connection);
    } else {
        subscriber_readable(connection);
    }
}

static void handle(struct connection *connection, uint32_t events)
{
    if (connection->fd < 0) return;
    if (connection->state == CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        int error = 0;
        socklen_t length = sizeof error;

        getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error) {
            connection_close(connection, FAILED);
            return;
        }
        if (is_publisher(connection)) {
            publisher_connected(connection);
        } else {
            subscriber_connected(connection);
        }
    }
    if (connection->fd >= 0 && events & EPOLLOUT) flush(connection);
    if (connection->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(connection);
}

void loop_set_up(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1 failed");
}

void loop_watch(int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &wake_mark };

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl failed");
}

bool loop_once(int timeout_ms, bool with_stdin)
{
    static bool watching_stdin;
    struct epoll_event events[EVENTS];
    bool commanded = false;
    int count;

    if (with_stdin != watching_stdin) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &stdin_mark };

        if (epoll_ctl(epoll_fd, with_stdin ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO, &event)) {
            die("stdin must be a pipe");
        }
        watching_stdin = with_stdin;
    }
    subscribers_keep_alive();
    count = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &stdin_mark) {
            commanded = true;
        } else if (events[i].data.ptr != &wake_mark) {
            handle(events[i].data.ptr, events[i].events);
        }
    }
    return commanded;
}
