/* acl_sets.h -- what tokens grant, each different text once, for as long as a client has it. */
#ifndef KULL_SYNC_ACL_SETS_H
#define KULL_SYNC_ACL_SETS_H

#include "map.h"

#include <stddef.h>

struct acl_set {
    /* Its key is `text`. */
    struct map_node node;
    /* Where it is kept. */
    struct map *sets;
    size_t holders;
    /* See acl.h. */
    char text[];
};

/* The set of this text, one holder richer. NULL: out of memory. */
struct acl_set *acl_sets_take(struct map *sets, const char *text);

/* Ends one holder's claim; the last one's end is the set's. NULL is fine. */
void acl_sets_give_back(struct acl_set *set);

#endif
