/* report.c -- what the operator reads, and the clock. */
#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define LINES_A_SECOND 1
#define LINES_AT_ONCE 50

struct instant instant_now(void)
{
    struct timespec steady;

    clock_gettime(CLOCK_MONOTONIC, &steady);
    return (struct instant){
        .wall_s = time(NULL),
        .steady_ms = (int64_t)steady.tv_sec * 1000 + steady.tv_nsec / 1000000,
    };
}

void log_refusal(struct jwt_auth *plugin, const char *what, const char *client_id, const char *reason)
{
    char dropped[64] = "";

    if (plugin->refusal_lines.refilled_ms == 0) {
        bucket_fill(&plugin->refusal_lines, LINES_AT_ONCE, instant_now().steady_ms);
    }
    if (!bucket_take(&plugin->refusal_lines, LINES_A_SECOND, LINES_AT_ONCE, instant_now().steady_ms)) {
        plugin->refusals_not_logged++;
        return;
    }
    if (plugin->refusals_not_logged) {
        snprintf(dropped, sizeof(dropped), " (%" PRIu64 " more not logged)", plugin->refusals_not_logged);
        plugin->refusals_not_logged = 0;
    }
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "kull-sync: refused %s of %s: %s%s.", what,
                         client_id && client_id_plausible(client_id) ? client_id : "a client id that is none of ours",
                         reason, dropped);
}
