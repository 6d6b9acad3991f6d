/* The configuration: one YAML file, every key of keys.def, every fault reported at once.
 *
 *   cfg_load -> { use fields, e.g. cfg->loop_rate_hz }; nothing to free.
 *
 * Any thread on separate objects. struct cfg_faults is 32 KiB.
 *
 * A field is section_name of its key, or name alone at the top level. Files named in the
 * configuration are relative to it; the prefix "state:" is relative to state_dir
 * (cfg_state_dir). They are absolute in struct cfg.
 */
#ifndef ORBIT_CONFIG_CFG_H
#define ORBIT_CONFIG_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rt/base/rc.h"

enum { CFG_PATH_SIZE = 512, CFG_NAME_SIZE = 32, CFG_MAX_FAULTS = 64, CFG_FAULT_SIZE = 512 };

#define CFG_LIST(max)                                                                          \
    struct {                                                                                   \
        size_t count;                                                                          \
        char name[max][CFG_NAME_SIZE];                                                         \
    }

struct cfg {
#define KEY_TOP_TEXT(name, size, preset, when, help)                char name[size];
#define KEY_TEXT(section, name, size, preset, when, help)           char section##_##name[size];
#define KEY_PATH(section, name, preset, when, help)                 char section##_##name[CFG_PATH_SIZE];
#define KEY_INT(section, name, unit, min, max, preset, when, help)  int64_t section##_##name;
#define KEY_REAL(section, name, unit, min, max, preset, when, help) double section##_##name;
#define KEY_BOOL(section, name, preset, when, help)                 bool section##_##name;
#define KEY_ENUM(section, name, choices, preset, when, help)        int section##_##name;
#define KEY_LIST(section, name, max, preset, when, help)            CFG_LIST(max) section##_##name;
#include "config/keys.def"
#include "config/keys_undef.h"
};

/* Every fault found, each "file:line:column: key: reason". */
struct cfg_faults {
    size_t count; /* may exceed CFG_MAX_FAULTS; text holds the first ones */
    char text[CFG_MAX_FAULTS][CFG_FAULT_SIZE];
};

/* Defaults, then the file. RC_INPUT: faults, all of them in *faults; *cfg then holds what was
 * readable. */
MUST_USE enum rc cfg_load(struct cfg *cfg, const char *path, struct cfg_faults *faults);

/* The keys of a second file over those of a configuration that was loaded: a law to be tried.
 * Keys that it does not name stay. Faults as above. */
MUST_USE enum rc cfg_overlay(struct cfg *cfg, const char *path, struct cfg_faults *faults);

/* cfg_load from memory; `path` names it in faults, and its folder is what files are relative
 * to. */
MUST_USE enum rc cfg_parse(struct cfg *cfg, const void *text, size_t size_b, const char *path,
                           struct cfg_faults *faults);

/* One fault a line. */
void cfg_faults_print(FILE *out, const struct cfg_faults *faults);

/* Adds one fault; line and column from 1, or 0: not known. */
void cfg_fault(struct cfg_faults *faults, const char *path, size_t line, size_t column,
               const char *format, ...) PRINTF_LIKE(5, 6);

/* Effective configuration as YAML with units, ranges and help; parsing it gives the same
 * values. */
void cfg_print(FILE *out, const struct cfg *cfg);

/* Writes the names of keys that differ and take effect (live) live, or only at a start. Returns
 * true if any differs. Texts are comma-separated, empty if none. */
bool cfg_differences(const struct cfg *before, const struct cfg *after, char *live,
                     size_t live_size, char *start, size_t start_size);

/* Copies the values of all START keys from `running` to `cfg`. */
void cfg_copy_start_keys(struct cfg *cfg, const struct cfg *running);

/* Folder of this instance's socket and endpoints, its state folder, and the files in it. */
void cfg_runtime_dir(const struct cfg *cfg, char *path, size_t size);
void cfg_state_dir(const struct cfg *cfg, char *path, size_t size);
void cfg_socket_path(const struct cfg *cfg, char *path, size_t size);
void cfg_endpoints_path(const struct cfg *cfg, char *path, size_t size);

#endif
