/* clock.c -- what time it is, and how much of it this process had on a CPU. */
#include <time.h>

#include "loader.h"

static int64_t read_ns(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
