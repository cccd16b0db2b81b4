/* A revoke order from the network, and the file of them: what was accepted survives being
 * written and read. */
#include "revocations.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW 1790000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_and_close(const char *path)
{
    struct revocations store, again;
    char error[256];

    if (!revocations_open(&store, path, NOW, error, sizeof(error))) return;
    size_t count = store.map.count;
    revocations_close(&store);
    /* Opening rewrote the file; what it wrote must be good. */
    if (!revocations_open(&again, path, NOW, error, sizeof(error)) || again.map.count != count) abort();
    revocations_close(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    struct revocation order;
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    if (!revocation_parse(text, size, NOW, &order) && !strrchr(order.client_id, ':')) abort();
    free(text);

    if (!path[0]) snprintf(path, sizeof(path), "/tmp/fuzz-revocations-%d", (int)getpid());
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, data, size) != (ssize_t)size) abort();
    close(file);
    open_and_close(path);
    unlink(path);
    return 0;
}
