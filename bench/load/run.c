/* run.c -- one run: connects what is needed, posts so many requests, waits for all deliveries, prints JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loader.h"

#define SECOND 1000000000.0

static struct {
    bool active;
    long first; /* ids grow over the whole life of the process: what is late belongs to no later run */
    long count, sent, answered, refused, complete, deliveries;
    bool open_loop;
    int64_t *due;     /* when the request should go out; in a closed loop when it did */
    int64_t *sent_at;
    int64_t *answer_at;
    int64_t *last_at; /* the latest delivery */
    int *missing;     /* deliveries still to come */
} run;

static void send_next(struct connection *connection)
{
    long index = run.sent++;

    run.sent_at[index] = now_ns();
    if (!run.open_loop) run.due[index] = run.sent_at[index];
    publisher_send(connection, run.first + index);
}

void run_delivered(long id, int64_t at)
{
    long index = id - run.first;

    if (!run.active || index < 0 || index >= run.count) return;
    run.deliveries++;
    run.last_at[index] = at;
    if (--run.missing[index] == 0) run.complete++;
}

void run_answered(struct connection *connection, bool accepted)
{
    long index = connection->request - run.first;

    if (!run.active || connection->request < 0 || index >= run.count) return;
    run.answered++;
    if (!accepted) run.refused++;
    run.answer_at[index] = now_ns();
}

static long count_in(enum state state)
{
    long count = 0;

    for (size_t i = 0; i < connection_count; i++) count += connections[i]->state == state;
    return count;
}

static void connect_all(int parallel, double timeout_seconds)
{
    int64_t deadline = now_ns() + (int64_t)(timeout_seconds * SECOND);
    size_t next = 0;

    while (now_ns() < deadline) {
        long under_way = count_in(CONNECTING) + count_in(UPGRADING) + count_in(OPENING);

        while (next < connection_count && under_way < parallel) {
            struct connection *connection = connections[next++];

            if (connection->state == CLOSED) {
                connection_open(connection);
                under_way++;
            }
        }
        if (next == connection_count && !under_way) break;
        loop_once(100, false);
    }
}

void run_connect(int parallel, double timeout_seconds)
{
    int64_t started = now_ns();

    connect_all(parallel, timeout_seconds);
    printf("{\"ready\": %ld, \"of\": %zu, \"seconds\": %.3f}\n", count_in(READY), connection_count,
        (double)(now_ns() - started) / SECOND);
}

static void print_times(const char *name, const int64_t *times)
{
    printf(", \"%s\": [", name);
    for (long i = 0; i < run.count; i++) {
        if (times[i]) {
            printf("%s%ld", i ? "," : "", (long)((times[i] - run.due[i]) / 1000));
        } else {
            printf("%snull", i ? "," : "");
        }
    }
    printf("]");
}

static void arm(int timer, int64_t at)
{
    struct itimerspec when = {
        .it_value = { .tv_sec = at / 1000000000, .tv_nsec = at % 1000000000 },
    };

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void work(double timeout_seconds)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int64_t progress_at = now_ns();
    long progress = 0, due = run.open_loop ? 0 : run.count;

    loop_watch(timer);
    while (run.complete < run.count || run.answered < run.count) {
        struct connection *connection;
        int64_t now = now_ns();
        uint64_t expirations;

        while (due < run.count && run.due[due] <= now) due++;
        while (run.sent < due && (connection = publisher_take())) send_next(connection);
        if (due < run.count) arm(timer, run.due[due]);
        loop_once(100, false);
        while (read(timer, &expirations, sizeof expirations) > 0) continue;
        if (progress != run.answered + run.deliveries) {
            progress = run.answered + run.deliveries;
            progress_at = now_ns();
        } else if (due == run.count && (double)(now_ns() - progress_at) > timeout_seconds * SECOND) {
            break;
        }
    }
    close(timer);
}

void run_load(long count, double rate, int deliveries, double timeout_seconds)
{
    long next_first = run.first + run.count;
    int64_t started, ended, cpu;

    /* Servers end idle connections; opening them again is no part of the run. */
    connect_all(64, timeout_seconds);
    memset(&run, 0, sizeof run);
    run.first = next_first;
    run.count = count;
    run.open_loop = rate > 0;
    run.due = allocate((size_t)count * sizeof *run.due);
    run.sent_at = allocate((size_t)count * sizeof *run.sent_at);
    run.answer_at = allocate((size_t)count * sizeof *run.answer_at);
    run.last_at = allocate((size_t)count * sizeof *run.last_at);
    run.missing = allocate((size_t)count * sizeof *run.missing);
    for (long i = 0; i < count; i++) run.missing[i] = deliveries;
    if (!deliveries) run.complete = count;
    started = now_ns();
    for (long i = 0; run.open_loop && i < count; i++) {
        /* A beginning a little ahead, so that the first is not late. */
        run.due[i] = started + 5000000 + (int64_t)((double)i * SECOND / rate);
    }
    run.active = true;
    cpu = cpu_ns();
    work(timeout_seconds);
    ended = now_ns();
    cpu = cpu_ns() - cpu;
    run.active = false;
    printf("{\"count\": %ld, \"answered\": %ld, \"refused\": %ld, \"deliveries\": %ld, \"missing\": %ld", count,
        run.answered, run.refused, run.deliveries, count * deliveries - run.deliveries);
    printf(", \"seconds\": %.6f, \"loader_cpu_seconds\": %.6f, \"lost\": %ld", (double)(ended - started) / SECOND,
        (double)cpu / SECOND, count_in(FAILED));
    print_times("late_us", run.sent_at);
    print_times("answer_us", run.answer_at);
    print_times("delivery_us", run.last_at);
    printf("}\n");
    free(run.due);
    free(run.sent_at);
    free(run.answer_at);
    free(run.last_at);
    free(run.missing);
}
