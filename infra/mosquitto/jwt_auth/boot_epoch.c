/* boot_epoch.c -- a fresh random id for every start of the broker, retained, so that clients
 * notice a restart. Published while the plugin is loaded: the broker takes it in at the top
 * of its loop, before it accepts anybody and after it restored the previous one from its
 * store, so nobody reads that. */
#include "plugin.h"

#include "topics.h"

#include <openssl/rand.h>
#include <stdio.h>

#define EPOCH_BYTES 16
#define EPOCH_TEXT (2 * EPOCH_BYTES)

bool boot_epoch_publish(void)
{
    unsigned char epoch[EPOCH_BYTES];
    /* From the broker's allocator, because the broker frees it. */
    char *text = mosquitto_malloc(EPOCH_TEXT + 1);

    if (!text || RAND_bytes(epoch, sizeof(epoch)) != 1) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: no randomness for the boot epoch.");
        mosquitto_free(text);
        return false;
    }
    for (size_t i = 0; i < EPOCH_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", epoch[i]);
    if (mosquitto_broker_publish(NULL, TOPIC_EPOCH, EPOCH_TEXT, text, 1, true, NULL) != MOSQ_ERR_SUCCESS) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "kull-sync: the boot epoch could not be published.");
        mosquitto_free(text);
        return false;
    }
    return true;
}
