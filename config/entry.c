#include "config/entry.h"

#include <stdlib.h>
#include <string.h>

/* ---- values: false, and reason says what is wrong ------------------------------------------
 */

bool entry_is_printable(const char *text, const char *without)
{
    for (; *text; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f || strchr(without, *text))
            return false;
    return true;
}

static bool take_name(char *name, const char *text, char *reason)
{
    if (text[0] == '\0' || strlen(text) >= ENTRY_NAME_SIZE) {
        snprintf(reason, ENTRY_REASON_SIZE, "1 to %d characters are expected, not '%.60s'",
                 ENTRY_NAME_SIZE - 1, text);
        return false;
    }
    if (!entry_is_printable(text, "\"\\")) {
        snprintf(reason, ENTRY_REASON_SIZE, "quotes and control characters are not allowed");
        return false;
    }
    memcpy(name, text, strlen(text) + 1);
    return true;
}

static bool is_within(const struct entry_field *field, double number, const char *text,
                      char *reason)
{
    if (!(number >= field->min && number <= field->max)) {
        snprintf(reason, ENTRY_REASON_SIZE, "%.40s is outside %.12g to %.12g", text, field->min,
                 field->max);
        return false;
    }
    if (field->nonzero && !(number < 0) && !(number > 0)) {
        snprintf(reason, ENTRY_REASON_SIZE, "must not be 0");
        return false;
    }
    return true;
}

static bool take_real(double *value, const struct entry_field *field, const char *text,
                      char *reason)
{
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end || strspn(text, "+-.0123456789eE") != strlen(text)) {
        snprintf(reason, ENTRY_REASON_SIZE, "a decimal number is expected, not '%.60s'", text);
        return false;
    }
    if (!is_within(field, number, text, reason))
        return false;
    *value = number;
    return true;
}

/* Hexadecimal is what registers and masks are written in. */
static bool take_int(int64_t *value, const struct entry_field *field, const char *text,
                     char *reason)
{
    bool hex = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
    const char *digits = text + (hex ? 2 : text[0] == '-');
    size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
    long long number;

    if (n < 1 || n > 15 || digits[n]) {
        snprintf(reason, ENTRY_REASON_SIZE, "a whole number is expected, not '%.60s'", text);
        return false;
    }
    number = strtoll(text, NULL, hex ? 16 : 10);
    if (!is_within(field, (double) number, text, reason))
        return false;
    *value = number;
    return true;
}

static bool take_bool(bool *value, const char *text, char *reason)
{
    *value = strcmp(text, "true") == 0;
    if (*value || strcmp(text, "false") == 0)
        return true;
    snprintf(reason, ENTRY_REASON_SIZE, "true or false is expected, not '%.60s'", text);
    return false;
}

static const struct entry_choice *choose(const struct entry_choice *choices, const char *text,
                                         char *reason)
{
    size_t used;

    for (const struct entry_choice *c = choices; c->word; c++)
        if (strcmp(c->word, text) == 0)
            return c;
    used = (size_t) snprintf(reason, ENTRY_REASON_SIZE, "'%.40s' is not one of", text);
    for (const struct entry_choice *c = choices; c->word; c++)
        used += (size_t) snprintf(reason + used, ENTRY_REASON_SIZE - used, " %s", c->word);
    return NULL;
}

static bool take_choice(void *at, const struct entry_field *field, const char *text,
                        char *reason)
{
    const struct entry_choice *choice = choose(field->choices, text, reason);
    int number;

    if (!choice)
        return false;
    number = (int) choice->value;
    if (field->kind == ENTRY_FACTOR)
        *(double *) at = choice->value;
    else if (field->kind == ENTRY_CHOICE)
        memcpy(at, &number, sizeof number);
    else
        memcpy(at, choice->word, strlen(choice->word) + 1);
    return true;
}

static bool take_value(void *target, const struct entry_field *field, const char *text,
                       char *reason)
{
    void *at = (char *) target + field->offset;

    switch (field->kind) {
    case ENTRY_NAME:
        return take_name(at, text, reason);
    case ENTRY_REAL:
        return take_real(at, field, text, reason);
    case ENTRY_INT:
        return take_int(at, field, text, reason);
    case ENTRY_BOOL:
        return take_bool(at, text, reason);
    case ENTRY_FACTOR:
    case ENTRY_CHOICE:
    case ENTRY_WORD:
        return take_choice(at, field, text, reason);
    case ENTRY_OTHER:
        return field->take(at, text, reason);
    case ENTRY_NOTE:
        break;
    }
    return true;
}

/* ---- entries ------------------------------------------------------------------------------
 */

const yaml_node_t *entry_find(const struct entry_file *file, const yaml_node_t *mapping,
                              const char *key)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;

    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = node_text(yaml_document_get_node(file->document, pair->key));

        if (name && strcmp(name, key) == 0)
            return yaml_document_get_node(file->document, pair->value);
    }
    return NULL;
}

static void take_attribute(const struct entry_file *file, const yaml_node_pair_t *pair,
                           const struct entry_field *fields, void *target, bool *seen)
{
    const yaml_node_t *key = yaml_document_get_node(file->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(file->document, pair->value);
    const char *name = node_text(key), *text = node_text(value);
    char reason[ENTRY_REASON_SIZE];
    size_t i = 0;

    while (name && fields[i].name && strcmp(fields[i].name, name) != 0)
        i++;
    if (!name || !fields[i].name)
        node_fault(file->faults, file->path, key, "unknown attribute '%.60s'",
                   name ? name : "");
    else if (seen[i])
        node_fault(file->faults, file->path, key, "%s: is given twice", name);
    else if (!text && fields[i].kind != ENTRY_NOTE)
        node_fault(file->faults, file->path, value, "%s: one value is expected", name);
    else if (text && !take_value(target, &fields[i], text, reason))
        node_fault(file->faults, file->path, value, "%s: %s", name, reason);
    if (name && fields[i].name)
        seen[i] = true;
}

bool entry_take(const struct entry_file *file, const yaml_node_t *node,
                const struct entry_field *fields, void *target)
{
    size_t before = file->faults->count;
    bool seen[ENTRY_MAX_FIELDS] = {false};

    if (node->type != YAML_MAPPING_NODE) {
        node_fault(file->faults, file->path, node,
                   "an entry { \"attribute\": value, ... } is expected");
        return false;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++)
        take_attribute(file, p, fields, target, seen);
    for (size_t i = 0; fields[i].name; i++)
        if (fields[i].required && !seen[i])
            node_fault(file->faults, file->path, node, "%s: is missing", fields[i].name);
    return file->faults->count == before;
}

const yaml_node_t *entry_list(const struct entry_file *file, const yaml_node_t *root,
                              const char *key, uint64_t limit, uint64_t *n)
{
    const yaml_node_t *list = entry_find(file, root, key);

    *n = 0;
    if (!list)
        return NULL;
    if (list->type == YAML_SEQUENCE_NODE)
        *n = (uint64_t) (list->data.sequence.items.top - list->data.sequence.items.start);
    if (*n >= 1 && *n <= limit)
        return list;
    node_fault(file->faults, file->path, list,
               "%s: a list of 1 to %lu entries is expected, not %lu", key,
               (unsigned long) limit, (unsigned long) *n);
    *n = 0;
    return NULL;
}

const yaml_node_t *entry_item(const struct entry_file *file, const yaml_node_t *list,
                              uint64_t i)
{
    return yaml_document_get_node(file->document, list->data.sequence.items.start[i]);
}
