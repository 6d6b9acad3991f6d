/* Feed-forward tables from what a closed loop did: the piecewise linear function of a position,
 * per column, that fits set points best (least squares), less its value at the highest
 * position. */
#ifndef ORBIT_IO_CTL_FF_LEARN_H
#define ORBIT_IO_CTL_FF_LEARN_H

#include <stdint.h>
#include <stdio.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"

enum { FF_LEARN_MOST_POINTS = 24, FF_LEARN_LEAST_POINTS = 2 };

struct ff_learn {
    uint64_t n_point, n_col, n_sample;
    double low, high; /* of the positions */
    double normal[FF_LEARN_MOST_POINTS][FF_LEARN_MOST_POINTS];
    double *sum; /* [n_point][n_col]; after ff_learn_solve: the table */
};

/* Points lie evenly from low to high. RC_RANGE: number of points, or high not above low. */
MUST_USE enum rc ff_learn_create(struct ff_learn *learn, uint64_t n_point, uint64_t n_col,
                                 double low, double high);
void ff_learn_destroy(struct ff_learn *learn);

/* Set points u [n_col] at a position within low and high. */
void ff_learn_add(struct ff_learn *learn, double position, const double *u);

/* RC_INPUT: no samples between two points; says where. */
MUST_USE enum rc ff_learn_solve(struct ff_learn *learn);

double ff_learn_position(const struct ff_learn *learn, uint64_t point);

/* The table as a file (ff_file.h); columns that move by less than `least` are left out. */
void ff_learn_print(const struct ff_learn *learn, FILE *out, const char *table,
                    const char *input, const char (*name)[ORBIT_NAME_SIZE], double least);

#endif
