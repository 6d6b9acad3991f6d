#include "config/cfg_keys.h"

#include "config/cfg.h"

#define LIVE      true
#define START     false
#define AT(field) offsetof(struct cfg, field), sizeof(((struct cfg *) 0)->field)

const struct cfg_key cfg_keys[] = {
#define KEY_TOP_TEXT(name, size, preset, when, help)                                           \
    {CFG_TEXT, "", #name, AT(name), "", 0, 0, NULL, preset, when, help},
#define KEY_TEXT(section, name, size, preset, when, help)                                      \
    {CFG_TEXT, #section, #name, AT(section##_##name), "", 0, 0, NULL, preset, when, help},
#define KEY_PATH(section, name, preset, when, help)                                            \
    {CFG_PATH, #section, #name, AT(section##_##name), "", 0, 0, NULL, preset, when, help},
#define KEY_INT(section, name, unit, min, max, preset, when, help)                             \
    {CFG_INT, #section, #name, AT(section##_##name), unit, min, max, NULL, preset, when, help},
#define KEY_REAL(section, name, unit, min, max, preset, when, help)                            \
    {CFG_REAL, #section, #name, AT(section##_##name), unit, min, max, NULL, preset, when, help},
#define KEY_BOOL(section, name, preset, when, help)                                            \
    {CFG_BOOL, #section, #name, AT(section##_##name), "", 0, 0, NULL, preset, when, help},
#define KEY_ENUM(section, name, choices, preset, when, help)                                   \
    {CFG_ENUM, #section, #name, AT(section##_##name), "", 0, 0, choices, preset, when, help},
#define KEY_LIST(section, name, max, preset, when, help)                                       \
    {CFG_NAMES, #section, #name, AT(section##_##name), "", 0, max, NULL, preset, when, help},
#include "config/keys.def"
#include "config/keys_undef.h"
};

const size_t cfg_n_keys = sizeof cfg_keys / sizeof cfg_keys[0];
