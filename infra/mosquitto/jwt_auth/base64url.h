/* base64url.h -- RFC 4648 section 5 without padding, as RFC 7515 asks for. */
#ifndef KULL_SYNC_BASE64URL_H
#define KULL_SYNC_BASE64URL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Decodes `length` characters into `out`; answers the number of bytes, or -1.
 * Strict: no padding, no white space, no foreign letter, no stray bits in the last one,
 * so that one value has one spelling. */
ssize_t base64url_decode(const char *in, size_t length, uint8_t *out, size_t capacity);

#endif
