/* Feed-forward: kicks, and orbits that are no error, as functions of quantities that are read
 * with the orbit (gap and phase of an undulator, a bump's readback, a ramp's phase).
 *
 * A table belongs to one input and has up to FF_MAX_POINT points with ascending positions;
 * between them it is linear, beyond them constant. Tables of the same input or of several add
 * up. An input that is not a number leaves its tables where they were; before its first number
 * they are not there. Pure; one thread per struct ff_hold.
 */
#ifndef ORBIT_RT_LOOP_LAW_FEED_FORWARD_H
#define ORBIT_RT_LOOP_LAW_FEED_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"

enum { FF_MAX_TABLE = 4, FF_MAX_POINT = 24 };

/* Values of a point lie apart: value[(table * FF_MAX_POINT + point) * width + element];
 * elements are the columns (rad, Hz), then the rows (m). */
struct ff_table {
    uint64_t input, n_point; /* n_point >= 1 */
    uint64_t has_kicks, has_orbit;
    double at[FF_MAX_POINT];
};

struct ff_tables {
    uint64_t n_table;
    struct ff_table table[FF_MAX_TABLE];
};

/* Where each table was read last. */
struct ff_hold {
    uint64_t known[FF_MAX_TABLE];
    double at[FF_MAX_TABLE];
};

/* Takes the inputs of now. */
RT_SAFE void ff_follow(const struct ff_tables *tables, const double *input,
                       struct ff_hold *hold);

/* Adds elements [first, first + n) of all tables to sum [n]. */
RT_SAFE void ff_add(const struct ff_tables *tables, const double *value, uint64_t width,
                    const struct ff_hold *hold, uint64_t first, uint64_t n, double *sum);

#endif
