/* Quantities along the ring as CSV and JSON. */
#ifndef ORBIT_IO_CTL_RING_TABLE_H
#define ORBIT_IO_CTL_RING_TABLE_H

#include <jansson.h>
#include <stdio.h>

#include "model/lattice.h"

enum { TABLE_COLUMNS = 24 };

/* One value per element, at its entrance. */
struct table {
    const struct lattice *ring;
    uint32_t n;
    struct {
        const char *name; /* with its unit: "beta_x_m" */
        const double *value;
        uint32_t stride; /* element i has value[i * stride] */
    } column[TABLE_COLUMNS];
};

void table_add(struct table *table, const char *name, const double *value, uint32_t stride);

/* A line of names, then one line per element: name,kind,s_m,length_m and the columns, with all
 * digits. */
void table_write_csv(FILE *out, const struct table *table);

/* Adds one array per column to the object, name, kind, s_m and length_m first. */
void table_add_json(json_t *object, const struct table *table);

/* A number, or null if it is not finite. */
json_t *json_number(double value);

/* An array of n numbers; what is not finite is null. */
json_t *json_numbers(const double *value, uint32_t n, uint32_t stride);

/* Prints the object as all commands do, with all digits. */
void json_print(const json_t *object);

/* "Quadrupole", as a lattice file says it. */
const char *kind_word(enum element_kind kind);

/* A name as a CSV cell: quoted where it has to be. */
void csv_name(FILE *out, const char *name);

#endif
