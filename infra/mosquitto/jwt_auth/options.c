/* options.c -- the plugin's options. */
#include "options.h"

#include "subscriptions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* MQTT's own limit of a packet. */
#define PAYLOAD_MAX 268435455

static const struct {
    const char *name;
    size_t offset;
    /* 0 for a text. */
    uint32_t largest;
} known[] = {
    {"jwks_file", offsetof(struct options, jwks_file), 0},
    {"issuer", offsetof(struct options, issuer), 0},
    {"audience", offsetof(struct options, audience), 0},
    {"revocations_file", offsetof(struct options, revocations_file), 0},
    {"device_rate", offsetof(struct options, device_rate), 1000000},
    {"device_burst", offsetof(struct options, device_burst), 1000000},
    {"device_payload", offsetof(struct options, device_payload), PAYLOAD_MAX},
    {"device_subscriptions", offsetof(struct options, device_subscriptions), SUBSCRIPTIONS_MAX},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static char **text_at(struct options *options, size_t i)
{
    return (char **)((char *)options + known[i].offset);
}

void options_init(struct options *options)
{
    *options = (struct options){
        .device_rate = 50,
        .device_burst = 100,
        .device_payload = 16384,
        .device_subscriptions = 12,
    };
}

static bool parse_number(const char *text, uint32_t largest, uint32_t *value)
{
    size_t digits = strspn(text, "0123456789");

    if (digits < 1 || digits > 9 || text[digits] != '\0') return false;
    *value = (uint32_t)strtoul(text, NULL, 10);
    return *value >= 1 && *value <= largest;
}

bool options_set(struct options *options, const char *name, const char *value, char *error, size_t error_size)
{
    size_t i = 0;

    while (i < KNOWN && strcmp(known[i].name, name)) i++;
    if (i == KNOWN) {
        snprintf(error, error_size, "unknown option plugin_opt_%s", name);
        return false;
    }
    if (options->given & 1u << i) {
        snprintf(error, error_size, "plugin_opt_%s is given twice", name);
        return false;
    }
    options->given |= 1u << i;

    if (known[i].largest) {
        uint32_t *number = (uint32_t *)((char *)options + known[i].offset);
        if (parse_number(value, known[i].largest, number)) return true;
        snprintf(error, error_size, "plugin_opt_%s must be a whole number from 1 to %u", name, known[i].largest);
        return false;
    }
    if (!value[0]) {
        snprintf(error, error_size, "plugin_opt_%s must not be empty", name);
        return false;
    }
    *text_at(options, i) = strdup(value);
    if (*text_at(options, i)) return true;
    snprintf(error, error_size, "plugin_opt_%s: %s", name, strerror(errno));
    return false;
}

const char *options_missing(const struct options *options)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (!known[i].largest && !(options->given & 1u << i)) return known[i].name;
    }
    return NULL;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].largest) continue;
        free(*text_at(options, i));
        *text_at(options, i) = NULL;
    }
}
