/* bytes.c -- buffers that grow. Running out of memory ends the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

void die(const char *what)
{
    fprintf(stderr, "loader: %s\n", what);
    exit(2);
}

void *allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (!memory) die("out of memory");
    return memory;
}

void bytes_append(struct bytes *to, const void *data, size_t length)
{
    if (!length) return;
    if (to->length + length > to->capacity) {
        size_t capacity = to->capacity * 2 > to->length + length ? to->capacity * 2 : to->length + length;
        unsigned char *grown = realloc(to->data, capacity);

        if (!grown) die("out of memory");
        to->data = grown;
        to->capacity = capacity;
    }
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

void bytes_drop(struct bytes *from, size_t length)
{
    from->length -= length;
    if (from->length) {
        memmove(from->data, from->data + length, from->length);
    } else {
        /* Of ten thousand idle connections none needs a buffer. */
        bytes_free(from);
    }
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    die("not hexadecimal");
    return -1;
}

void bytes_append_hex(struct bytes *to, const char *hex)
{
    if (!strcmp(hex, "-")) return;
    for (; *hex; hex += 2) {
        unsigned char byte = (unsigned char)(digit(hex[0]) << 4 | digit(hex[1]));

        bytes_append(to, &byte, 1);
    }
}
