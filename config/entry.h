/* Entries { attribute: value, ... } of a table file: each attribute described once, where its
 * value goes and what it may be. Every fault is reported with line and column. */
#ifndef ORBIT_CONFIG_ENTRY_H
#define ORBIT_CONFIG_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/document.h"

enum { ENTRY_NAME_SIZE = 32, ENTRY_REASON_SIZE = 200, ENTRY_MAX_FIELDS = 24 };

/* A word that stands for a number. */
struct entry_choice {
    const char *word;
    double value;
};

enum entry_kind {
    ENTRY_NOTE,   /* anything; read elsewhere, or by nobody */
    ENTRY_NAME,   /* char [ENTRY_NAME_SIZE] */
    ENTRY_REAL,   /* double within min and max */
    ENTRY_INT,    /* int64_t within min and max */
    ENTRY_BOOL,   /* bool: true or false */
    ENTRY_FACTOR, /* double: value of one of choices */
    ENTRY_CHOICE, /* int or enum: value of one of choices */
    ENTRY_WORD,   /* char [ENTRY_NAME_SIZE]: one of choices */
    ENTRY_OTHER   /* by `take` */
};

struct entry_field {
    const char *name; /* NULL ends a list of fields */
    enum entry_kind kind;
    size_t offset;
    bool required, nonzero;
    double min, max;
    const struct entry_choice *choices; /* a NULL word ends them */
    /* false: reason [ENTRY_REASON_SIZE] says what is wrong */
    bool (*take)(void *at, const char *text, char *reason);
};

/* A file while it is read. */
struct entry_file {
    const char *path;
    yaml_document_t *document;
    struct cfg_faults *faults;
};

/* Takes the attributes of a node into *target, whose other members stay. true: an entry without
 * a fault that has all that is required. */
bool entry_take(const struct entry_file *file, const yaml_node_t *node,
                const struct entry_field *fields, void *target);

/* Value of an attribute, or NULL. */
const yaml_node_t *entry_find(const struct entry_file *file, const yaml_node_t *mapping,
                              const char *key);

/* The list under a key, or NULL; *n is its length, 1 to limit. An absent one is for entry_take
 * to report. */
const yaml_node_t *entry_list(const struct entry_file *file, const yaml_node_t *root,
                              const char *key, uint64_t limit, uint64_t *n);
const yaml_node_t *entry_item(const struct entry_file *file, const yaml_node_t *list,
                              uint64_t i);

/* Printable, and none of the characters in `without`. */
bool entry_is_printable(const char *text, const char *without);

#endif
