/* Collects the elements of a ring that is read one by one. For model/import only. */
#ifndef ORBIT_MODEL_IMPORT_BUILDER_H
#define ORBIT_MODEL_IMPORT_BUILDER_H

#include <stddef.h>

#include "model/import/import.h"

enum { DEVICE_BPM = 1, DEVICE_H = 2, DEVICE_V = 4 };

struct builder_entry {
    struct element element;   /* name is not set */
    size_t name, device_name; /* offsets into names */
    unsigned devices;         /* DEVICE_ bits */
};

struct builder {
    const struct import_source *source;
    struct import_report *report;
    uint32_t n, capacity;
    struct builder_entry *entry;
    char *names;
    size_t names_size, names_capacity;
    double energy_gev;
    uint32_t harmonic_number;
    char title[128];
};

/* Checks and appends. `line` is for messages (0: the caller adds source and line).
 * RC_INPUT: a length or strength that is not finite, a negative length, a bend without length;
 * a name that is empty or too long. RC_RANGE: too many elements. */
MUST_USE enum rc builder_add(struct builder *builder, const char *name,
                             const struct element *element, unsigned devices, uint32_t line);

/* Makes the lattice of what was added. RC_INPUT: no energy, nothing added. */
MUST_USE enum rc builder_finish(struct builder *builder, struct lattice **lattice);

void builder_free(struct builder *builder);

#endif
