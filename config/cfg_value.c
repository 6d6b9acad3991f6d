#include "config/cfg_value.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *field(struct cfg *cfg, const struct cfg_key *key)
{
    return (char *) cfg + key->offset;
}

static const void *const_field(const struct cfg *cfg, const struct cfg_key *key)
{
    return (const char *) cfg + key->offset;
}

static bool fail(char *reason, size_t size, const char *what, const char *got)
{
    snprintf(reason, size, "%s, not '%.60s'", what, got);
    return false;
}

static bool out_of_range(const struct cfg_key *key, const char *text, char *reason, size_t size)
{
    snprintf(reason, size, "%.40s is outside %.12g to %.12g%s%s", text, key->min, key->max,
             key->unit[0] ? " " : "", key->unit);
    return false;
}

static bool set_int(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason,
                    size_t size)
{
    char *end;
    long long value;

    /* 010 is eight to some readers of YAML and ten to others: say which is meant. */
    if (text[0] == '0' && text[1] != '\0')
        return fail(reason, size, "a whole number without leading zeros is expected", text);
    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return fail(reason, size, "a whole number is expected", text);
    if (errno || (double) value < key->min || (double) value > key->max)
        return out_of_range(key, text, reason, size);
    *(int64_t *) field(cfg, key) = value;
    return true;
}

static bool set_real(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason,
                     size_t size)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || strpbrk(text, "xXnN") || !isfinite(value))
        return fail(reason, size, "a finite decimal number is expected", text);
    if (value < key->min || value > key->max)
        return out_of_range(key, text, reason, size);
    *(double *) field(cfg, key) = value;
    return true;
}

static bool set_bool(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason,
                     size_t size)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return fail(reason, size, "true or false is expected", text);
    *(bool *) field(cfg, key) = yes;
    return true;
}

static bool set_enum(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason,
                     size_t size)
{
    const char *at = key->choices;

    for (int index = 0; at; index++) {
        size_t length = strcspn(at, "|");

        if (length == strlen(text) && strncmp(at, text, length) == 0) {
            *(int *) field(cfg, key) = index;
            return true;
        }
        at = at[length] ? at + length + 1 : NULL;
    }
    snprintf(reason, size, "one of %.60s is expected, not '%.60s'", key->choices, text);
    return false;
}

static bool set_text(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason,
                     size_t size)
{
    if (strlen(text) >= key->size) {
        snprintf(reason, size, "longer than %zu characters", key->size - 1);
        return false;
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char) *c < ' ') {
            snprintf(reason, size, "contains a control character");
            return false;
        }
    }
    memset(field(cfg, key), 0, key->size);
    memcpy(field(cfg, key), text, strlen(text));
    return true;
}

/* Every list is a count and then an array of names, whatever its length. */
struct any_list {
    size_t count;
    char name[][CFG_NAME_SIZE];
};

void cfg_list_clear(struct cfg *cfg, const struct cfg_key *key)
{
    memset(field(cfg, key), 0, key->size);
}

bool cfg_list_add(struct cfg *cfg, const struct cfg_key *key, const char *name, char *reason,
                  size_t size)
{
    struct any_list *list = field(cfg, key);

    if (name[0] == '\0' || strlen(name) >= CFG_NAME_SIZE)
        return fail(reason, size, "a name of 1 to 31 characters is expected", name);
    if (list->count >= (size_t) key->max) {
        snprintf(reason, size, "more than %.0f names", key->max);
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->name[i], name) == 0) {
            snprintf(reason, size, "'%.40s' is there twice", name);
            return false;
        }
    }
    memcpy(list->name[list->count++], name, strlen(name));
    return true;
}

static bool set_names(struct cfg *cfg, const struct cfg_key *key, const char *text,
                      char *reason, size_t size)
{
    char name[256];

    cfg_list_clear(cfg, key);
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");

        snprintf(name, sizeof name, "%.*s", length < 255 ? (int) length : 255, text);
        if (!cfg_list_add(cfg, key, name, reason, size))
            return false;
        text += length;
    }
    return true;
}

static bool is_null(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

bool cfg_set(struct cfg *cfg, const struct cfg_key *key, const char *text, bool plain,
             char *reason, size_t size)
{
    switch (key->kind) {
    case CFG_TEXT:
    case CFG_PATH:
        return set_text(cfg, key, plain && is_null(text) ? "" : text, reason, size);
    case CFG_INT:
        return set_int(cfg, key, text, reason, size);
    case CFG_REAL:
        return set_real(cfg, key, text, reason, size);
    case CFG_BOOL:
        return set_bool(cfg, key, text, reason, size);
    case CFG_ENUM:
        return set_enum(cfg, key, text, reason, size);
    case CFG_NAMES:
        return set_names(cfg, key, plain && is_null(text) ? "" : text, reason, size);
    }
    return false;
}

static void format_names(const struct any_list *list, char *text, size_t size)
{
    size_t used = (size_t) snprintf(text, size, "[");

    for (size_t i = 0; i < list->count && used + CFG_NAME_SIZE + 3 < size; i++)
        used +=
            (size_t) snprintf(text + used, size - used, "%s%s", i ? ", " : "", list->name[i]);
    snprintf(text + used, size - used, "]");
}

static void format_choice(const char *choices, int index, char *text, size_t size)
{
    while (index-- > 0)
        choices += strcspn(choices, "|") + 1;
    snprintf(text, size, "%.*s", (int) strcspn(choices, "|"), choices);
}

/* YAML double quotes: only these two need an escape, control characters were refused. */
static void format_text(const char *value, char *text, size_t size)
{
    size_t used = 0;

    for (text[used++] = '"'; *value && used + 4 < size; value++) {
        if (*value == '"' || *value == '\\')
            text[used++] = '\\';
        text[used++] = *value;
    }
    text[used++] = '"';
    text[used] = '\0';
}

/* Shortest decimal that reads back as the same number. */
static void format_real(double value, char *text, size_t size)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (!(strtod(text, NULL) < value) && !(strtod(text, NULL) > value))
            return;
    }
}

void cfg_format(const struct cfg *cfg, const struct cfg_key *key, char *text, size_t size)
{
    const void *value = const_field(cfg, key);

    switch (key->kind) {
    case CFG_TEXT:
    case CFG_PATH:
        format_text(value, text, size);
        break;
    case CFG_INT:
        snprintf(text, size, "%lld", (long long) *(const int64_t *) value);
        break;
    case CFG_REAL:
        format_real(*(const double *) value, text, size);
        break;
    case CFG_BOOL:
        snprintf(text, size, "%s", *(const bool *) value ? "true" : "false");
        break;
    case CFG_ENUM:
        format_choice(key->choices, *(const int *) value, text, size);
        break;
    case CFG_NAMES:
        format_names(value, text, size);
        break;
    }
}

static void join(char *path, const char *folder, const char *rest)
{
    char joined[CFG_PATH_SIZE + PATH_MAX];

    snprintf(joined, sizeof joined, "%s/%s", folder, rest);
    snprintf(path, CFG_PATH_SIZE, "%.*s", CFG_PATH_SIZE - 1, joined);
}

void cfg_make_absolute(struct cfg *cfg, const char *file)
{
    char folder[PATH_MAX], state[CFG_PATH_SIZE];
    char *slash;

    if (!realpath(file, folder))
        return;
    slash = strrchr(folder, '/');
    *slash = '\0';
    cfg_state_dir(cfg, state, sizeof state);
    for (size_t i = 0; i < cfg_n_keys; i++) {
        char *path = field(cfg, &cfg_keys[i]);
        char rest[CFG_PATH_SIZE];

        if (cfg_keys[i].kind != CFG_PATH || path[0] == '\0' || path[0] == '/')
            continue;
        snprintf(rest, sizeof rest, "%s", path);
        if (strncmp(rest, "state:", 6) == 0)
            join(path, state, rest + 6);
        else
            join(path, folder, rest);
    }
}

size_t cfg_edit_distance(const char *a, const char *b)
{
    size_t row[65], n = strlen(b) < 64 ? strlen(b) : 64;

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] && i < 64; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            size_t edit = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

            diagonal = row[j + 1];
            row[j + 1] = change < edit ? change : edit;
        }
    }
    return row[n];
}
