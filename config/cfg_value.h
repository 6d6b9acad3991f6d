/* One value of the configuration: from text into its field, and back. Used by cfg.c and
 * cfg_print.c. */
#ifndef ORBIT_CONFIG_CFG_VALUE_H
#define ORBIT_CONFIG_CFG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"
#include "config/cfg_keys.h"

/* Sets a key from one scalar. plain: it stood unquoted. false: *reason says what is wrong. A
 * list takes several names separated by blanks. */
bool cfg_set(struct cfg *cfg, const struct cfg_key *key, const char *text, bool plain,
             char *reason, size_t size);

void cfg_list_clear(struct cfg *cfg, const struct cfg_key *key);
bool cfg_list_add(struct cfg *cfg, const struct cfg_key *key, const char *name, char *reason,
                  size_t size);

/* The value as a YAML scalar or flow list. */
void cfg_format(const struct cfg *cfg, const struct cfg_key *key, char *text, size_t size);

/* Makes every CFG_PATH absolute, relative to the file's folder or ("state:") to the state
 * folder. */
void cfg_make_absolute(struct cfg *cfg, const char *file);

/* Levenshtein distance, at most 255. */
size_t cfg_edit_distance(const char *a, const char *b);

#endif
