/* Quantities of the points table as text and JSON, for get and watch. */
#ifndef ORBIT_IO_CTL_VALUES_H
#define ORBIT_IO_CTL_VALUES_H

#include <jansson.h>
#include <stdio.h>

#include "io/points.h"

/* What somebody asked for by name. */
struct values {
    unsigned n;
    const struct point_def *point[256];
};

/* Looks all names up. RC_INPUT: every unknown one is named. RC_RANGE: more than 256. */
MUST_USE enum rc values_find(struct values *values, int n_name, char *const *name);

/* "NAME value unit", a vector one element a line, with the device's name where known. RC_GONE:
 * not published. */
MUST_USE enum rc value_print(FILE *out, const struct point_def *point,
                             const struct points_source *source);

/* One cell of a table: the value, or "rms max" of a vector. "-" if it is not published. */
void value_print_short(FILE *out, const struct point_def *point,
                       const struct points_source *source);

/* The value: number, text, or array of them; null for what is not a number. NULL: not
 * published. */
json_t *value_json(const struct point_def *point, const struct points_source *source);

/* {"cycle": ..., "t_utc": seconds, "values": {NAME: {"value": ..., "unit": ...}, ...}} */
json_t *values_json(const struct values *values, const struct points_source *source);

/* Every name with unit and help. */
void values_list(FILE *out);

#endif
