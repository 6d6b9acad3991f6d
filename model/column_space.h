/* What a set of columns can do together: an orthonormal basis, strongest direction first.
 *
 * Two uses. Beam: which orbits a kick anywhere in a ring can make; whatever else the BPMs show
 * is the BPMs' own. A few tens of directions hold nearly all of it, because the orbit of a kick
 * is smooth but for one kink. Display: left singular vectors of a response matrix.
 */
#ifndef ORBIT_MODEL_COLUMN_SPACE_H
#define ORBIT_MODEL_COLUMN_SPACE_H

#include <stdint.h>

#include "model/optics.h"
#include "rt/base/attr.h"
#include "rt/base/rc.h"

/* A set of columns, [n_row][n_col] row-major. */
struct columns {
    uint32_t n_row, n_col;
    double *a;
};

struct column_space {
    uint32_t n_row, rank;
    double *basis; /* [n_row][rank], orthonormal columns */
    double left;   /* largest |a - Q Q^T a|/|a| of any column */
};

/* The smallest basis that leaves of every column at most `tolerance` of its length, but at most
 * max_rank directions. equal: each column counts as if of length 1; else as it is. Columns that
 * are zero do not count; a row of zeros is one of zeros in the basis. RC_NUMERIC: all are zero.
 */
MUST_USE enum rc column_space_find(struct column_space *space, const struct columns *columns,
                                   uint32_t max_rank, double tolerance, bool equal);

/* An empty one is fine. */
void column_space_free(struct column_space *space);

/* Orbits at n_bpm places (bpm[i]: an element of the lattice) of one plane (0: x, 1: y) for a
 * kick at every element's entrance, at fixed RF frequency, and, in x, for a change of the
 * frequency: [n_bpm][n_element + 1] into columns[..][first...], whose rows have `stride`
 * columns. Courant and Snyder, Ann. Phys. 3 (1958) 1, closed orbit of one kick. */
void columns_of_kicks(const struct optics *optics, const uint32_t *bpm, uint32_t n_bpm,
                      int plane, double *columns, uint32_t stride);

#endif
