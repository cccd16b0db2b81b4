/* check.h -- a test is a main() of CHECKs. A failed one names its row and ends the program. */
#ifndef KULL_SYNC_CHECK_H
#define KULL_SYNC_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define CHECK_ROW(condition, row)                                                                        \
    do {                                                                                                 \
        if (!(condition)) {                                                                              \
            fprintf(stderr, "%s:%d: failed for \"%s\": %s\n", __FILE__, __LINE__, (row), #condition);    \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

#define CHECK(condition) CHECK_ROW(condition, __func__)

static inline void passed(const char *file)
{
    printf("passed %s\n", file);
}

#endif
