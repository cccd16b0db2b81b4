/* base64url.c -- RFC 4648 section 5 without padding. */
#include "base64url.h"

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    if (c == '_') return 63;
    return -1;
}

ssize_t base64url_decode(const char *in, size_t length, uint8_t *out, size_t capacity)
{
    uint32_t bits = 0;
    unsigned pending = 0;
    size_t written = 0;

    if (length % 4 == 1) return -1;
    for (size_t i = 0; i < length; i++) {
        int value = sextet(in[i]);
        if (value < 0) return -1;
        bits = bits << 6 | (uint32_t)value;
        pending += 6;
        if (pending >= 8) {
            pending -= 8;
            if (written == capacity) return -1;
            out[written++] = (uint8_t)(bits >> pending);
            bits &= (1u << pending) - 1;
        }
    }
    return bits == 0 ? (ssize_t)written : -1;
}
