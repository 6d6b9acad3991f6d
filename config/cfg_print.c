/* The configuration as annotated YAML, and what differs between two of them. */
#include "config/cfg.h"

#include <string.h>

#include "config/cfg_keys.h"
#include "config/cfg_value.h"

enum { VALUE_SIZE = 16384 };

static void print_limits(FILE *out, const struct cfg_key *key)
{
    if (key->kind == CFG_INT || key->kind == CFG_REAL)
        fprintf(out, " [%.12g to %.12g%s%s]", key->min, key->max, key->unit[0] ? " " : "",
                key->unit);
    if (key->kind == CFG_ENUM)
        fprintf(out, " [%s]", key->choices);
    fprintf(out, "%s\n", key->live ? " (live)" : "");
}

void cfg_print(FILE *out, const struct cfg *cfg)
{
    char value[VALUE_SIZE];
    const char *section = "";

    for (size_t i = 0; i < cfg_n_keys; i++) {
        const struct cfg_key *key = &cfg_keys[i];
        const char *indent = key->section[0] ? "  " : "";

        if (strcmp(section, key->section) != 0)
            fprintf(out, "\n%s:\n", key->section);
        section = key->section;
        cfg_format(cfg, key, value, sizeof value);
        fprintf(out, "%s# %s", indent, key->help);
        print_limits(out, key);
        fprintf(out, "%s%s: %s\n", indent, key->name, value);
    }
}

void cfg_copy_start_keys(struct cfg *cfg, const struct cfg *running)
{
    for (size_t i = 0; i < cfg_n_keys; i++)
        if (!cfg_keys[i].live)
            memcpy((char *) cfg + cfg_keys[i].offset,
                   (const char *) running + cfg_keys[i].offset, cfg_keys[i].size);
}

static void append(char *list, size_t size, const struct cfg_key *key)
{
    size_t used = strlen(list);

    snprintf(list + used, size - used, "%s%s%s%s", used ? ", " : "", key->section,
             key->section[0] ? "." : "", key->name);
}

bool cfg_differences(const struct cfg *before, const struct cfg *after, char *live,
                     size_t live_size, char *start, size_t start_size)
{
    char old_value[VALUE_SIZE], new_value[VALUE_SIZE];
    bool any = false;

    live[0] = start[0] = '\0';
    for (size_t i = 0; i < cfg_n_keys; i++) {
        cfg_format(before, &cfg_keys[i], old_value, sizeof old_value);
        cfg_format(after, &cfg_keys[i], new_value, sizeof new_value);
        if (strcmp(old_value, new_value) == 0)
            continue;
        any = true;
        if (cfg_keys[i].live)
            append(live, live_size, &cfg_keys[i]);
        else
            append(start, start_size, &cfg_keys[i]);
    }
    return any;
}
