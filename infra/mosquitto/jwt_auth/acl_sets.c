/* acl_sets.c -- what tokens grant, each different text once. */
#include "acl_sets.h"

#include <stdlib.h>
#include <string.h>

struct acl_set *acl_sets_take(struct map *sets, const char *text)
{
    struct acl_set *set = (struct acl_set *)map_find(sets, text);

    if (!set) {
        size_t size = strlen(text) + 1;
        set = calloc(1, sizeof(*set) + size);
        if (!set) return NULL;
        memcpy(set->text, text, size);
        set->node.key = set->text;
        set->sets = sets;
        map_insert(sets, &set->node);
    }
    set->holders++;
    return set;
}

void acl_sets_give_back(struct acl_set *set)
{
    if (!set || --set->holders > 0) return;
    map_remove(set->sets, &set->node);
    free(set);
}
