/* keys.def as data: where each key lives in struct cfg, its limits and words. */
#ifndef ORBIT_CONFIG_CFG_KEYS_H
#define ORBIT_CONFIG_CFG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum cfg_kind { CFG_TEXT, CFG_PATH, CFG_INT, CFG_REAL, CFG_BOOL, CFG_ENUM, CFG_NAMES };

struct cfg_key {
    enum cfg_kind kind;
    const char *section, *name; /* section "": top level */
    size_t offset, size;        /* in struct cfg; size of a text, or of the whole field */
    const char *unit;
    double min, max; /* of a number; max: most names of a list */
    const char *choices, *preset;
    bool live;
    const char *help;
};

extern const struct cfg_key cfg_keys[];
extern const size_t cfg_n_keys;

#endif
