/* One value of the configuration: from text into its field, and back. */
#ifndef ORBIT_CONFIG_CFG_VALUE_H
#define ORBIT_CONFIG_CFG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/cfg.h"
#include "config/cfg_keys.h"

enum { CFG_REASON_SIZE = 200 };

/* Sets a key from one scalar. plain: it stood unquoted. A list takes several names separated by
 * blanks. false: reason [CFG_REASON_SIZE] says what is wrong, and the field is as before. */
bool cfg_set(struct cfg *cfg, const struct cfg_key *key, const char *text, bool plain,
             char *reason);

void cfg_list_clear(struct cfg *cfg, const struct cfg_key *key);
bool cfg_list_add(struct cfg *cfg, const struct cfg_key *key, const char *name, char *reason);

/* The value as a YAML scalar or flow list. */
void cfg_format(const struct cfg *cfg, const struct cfg_key *key, char *text, size_t size);

/* Folder of a configuration file, symbolic links resolved. false: there is none. */
bool cfg_folder_of(const char *file, char *folder, size_t size);

/* Makes a CFG_PATH absolute: relative to `folder`, or to `state` behind "state:". false: the
 * result would not fit, and the field is as before. */
bool cfg_make_absolute(struct cfg *cfg, const struct cfg_key *key, const char *folder,
                       const char *state);

/* Levenshtein distance of the first 64 characters. */
size_t cfg_edit_distance(const char *a, const char *b);

#endif
