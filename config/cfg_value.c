#include "config/cfg_value.h"

#include <ctype.h>
#include <errno.h>
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

static bool fail(char *reason, const char *what, const char *got)
{
    snprintf(reason, CFG_REASON_SIZE, "%s, not '%.60s'", what, got);
    return false;
}

static bool out_of_range(const struct cfg_key *key, const char *text, char *reason)
{
    snprintf(reason, CFG_REASON_SIZE, "%.40s is outside %.12g to %.12g%s%s", text, key->min,
             key->max, key->unit[0] ? " " : "", key->unit);
    return false;
}

/* 010 is eight to some readers of YAML and ten to others. */
static bool has_leading_zero(const char *text)
{
    text += *text == '-' || *text == '+';
    return text[0] == '0' && isdigit((unsigned char) text[1]);
}

static bool set_int(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || isspace((unsigned char) *text))
        return fail(reason, "a whole number is expected", text);
    if (has_leading_zero(text))
        return fail(reason, "a number without leading zeros is expected", text);
    if (errno || (double) value < key->min || (double) value > key->max)
        return out_of_range(key, text, reason);
    *(int64_t *) field(cfg, key) = value;
    return true;
}

static bool set_real(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
        return fail(reason, "a decimal number is expected", text);
    if (has_leading_zero(text))
        return fail(reason, "a number without leading zeros is expected", text);
    if (!(value >= key->min && value <= key->max))
        return out_of_range(key, text, reason);
    *(double *) field(cfg, key) = value;
    return true;
}

static bool set_bool(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return fail(reason, "true or false is expected", text);
    *(bool *) field(cfg, key) = yes;
    return true;
}

static bool set_enum(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason)
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
    snprintf(reason, CFG_REASON_SIZE, "one of %.60s is expected, not '%.60s'", key->choices,
             text);
    return false;
}

/* Control characters would spoil messages and the printed form. */
static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static bool set_text(struct cfg *cfg, const struct cfg_key *key, const char *text, char *reason)
{
    if (strlen(text) >= key->size) {
        snprintf(reason, CFG_REASON_SIZE, "%zu characters are more than %zu", strlen(text),
                 key->size - 1);
        return false;
    }
    if (has_control(text)) {
        snprintf(reason, CFG_REASON_SIZE, "contains a control character");
        return false;
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

static bool is_name(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length < CFG_NAME_SIZE && !has_control(text) &&
           !strpbrk(text, " \"\\");
}

bool cfg_list_add(struct cfg *cfg, const struct cfg_key *key, const char *name, char *reason)
{
    struct any_list *list = field(cfg, key);

    if (!is_name(name))
        return fail(reason,
                    "names of 1 to 31 characters without blanks and quotes are expected", name);
    if (list->count >= (size_t) key->max) {
        snprintf(reason, CFG_REASON_SIZE, "more than %.0f names", key->max);
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->name[i], name) == 0) {
            snprintf(reason, CFG_REASON_SIZE, "'%s' is there twice", name);
            return false;
        }
    }
    memcpy(list->name[list->count++], name, strlen(name) + 1);
    return true;
}

static bool set_names(struct cfg *cfg, const struct cfg_key *key, const char *text,
                      char *reason)
{
    char name[256];

    cfg_list_clear(cfg, key);
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");

        snprintf(name, sizeof name, "%.*s", length < 255 ? (int) length : 255, text);
        if (!cfg_list_add(cfg, key, name, reason))
            return false;
        text += length;
    }
    return true;
}

static bool is_null(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static bool set_scalar(struct cfg *cfg, const struct cfg_key *key, const char *text,
                       char *reason)
{
    switch (key->kind) {
    case CFG_TEXT:
    case CFG_PATH:
        return set_text(cfg, key, text, reason);
    case CFG_INT:
        return set_int(cfg, key, text, reason);
    case CFG_REAL:
        return set_real(cfg, key, text, reason);
    case CFG_BOOL:
        return set_bool(cfg, key, text, reason);
    case CFG_ENUM:
        return set_enum(cfg, key, text, reason);
    case CFG_NAMES:
        return set_names(cfg, key, text, reason);
    }
    return false;
}

bool cfg_set(struct cfg *cfg, const struct cfg_key *key, const char *text, bool plain,
             char *reason)
{
    bool number = key->kind == CFG_INT || key->kind == CFG_REAL || key->kind == CFG_BOOL;
    bool text_like = key->kind == CFG_TEXT || key->kind == CFG_PATH || key->kind == CFG_NAMES;

    if (number && !plain)
        return fail(reason, "a value without quotes is expected", text);
    if (!plain || !is_null(text))
        return set_scalar(cfg, key, text, reason);
    if (text_like)
        return set_scalar(cfg, key, "", reason);
    snprintf(reason, CFG_REASON_SIZE, "has no value");
    return false;
}

static void format_names(const struct any_list *list, char *text, size_t size)
{
    size_t used = (size_t) snprintf(text, size, "[");

    for (size_t i = 0; i < list->count && used + CFG_NAME_SIZE + 5 < size; i++)
        used += (size_t) snprintf(text + used, size - used, "%s\"%s\"", i ? ", " : "",
                                  list->name[i]);
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

bool cfg_make_absolute(struct cfg *cfg, const struct cfg_key *key, const char *folder,
                       const char *state)
{
    char *path = field(cfg, key), joined[CFG_PATH_SIZE];
    bool in_state = strncmp(path, "state:", 6) == 0;
    int length;

    if (path[0] == '\0' || path[0] == '/')
        return true;
    length = snprintf(joined, sizeof joined, "%s/%s", in_state ? state : folder,
                      in_state ? path + 6 : path);
    if (length < 0 || length >= CFG_PATH_SIZE)
        return false;
    memcpy(path, joined, (size_t) length + 1);
    return true;
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
