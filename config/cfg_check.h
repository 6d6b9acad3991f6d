/* Rules between keys, checked after every key has been read. */
#ifndef ORBIT_CONFIG_CFG_CHECK_H
#define ORBIT_CONFIG_CFG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"

enum { CFG_MAX_KEYS = 256 };

/* Where a key's value stands in the file; line 0: it is not there and has its default. */
struct cfg_place {
    size_t line, column;
    bool faulty; /* a fault was reported already: rules that need it say nothing */
};

/* Adds one fault per broken rule, at the place of the key to change. place: [cfg_n_keys]. */
void cfg_check(const struct cfg *cfg, const struct cfg_place *place, const char *path,
               struct cfg_faults *faults);

#endif
