/* options.h -- the plugin's options: `plugin_opt_<name> <value>` lines in mosquitto.conf.
 * A missing, unknown, repeated or bad one stops the start: a typo must not loosen a limit. */
#ifndef KULL_SYNC_OPTIONS_H
#define KULL_SYNC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    /* JWK Set with the public keys that may sign tokens. */
    char *jwks_file;
    /* What a token's iss and aud have to be. */
    char *issuer;
    char *audience;
    /* The sign-outs in force; beside the broker's own store. */
    char *revocations_file;
    /* What one device may do: publishes a second on average and at once, bytes of one
     * payload, different filters in its session. Services are not limited. */
    uint32_t device_rate;
    uint32_t device_burst;
    uint32_t device_payload;
    uint32_t device_subscriptions;
    /* A bit for every option that was given. */
    uint32_t given;
};

void options_init(struct options *options);

/* Takes one option. False with a sentence in `error` that names it. */
bool options_set(struct options *options, const char *name, const char *value, char *error, size_t error_size);

/* The first required option that was not given, or NULL. */
const char *options_missing(const struct options *options);

void options_free(struct options *options);

#endif
