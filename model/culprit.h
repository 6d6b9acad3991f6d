/* Which magnet made an orbit: a change of the closed orbit, or the amplitude of one of its
 * lines, fitted by one kick at each magnet in turn, per plane.
 *
 * The orbit of a magnet is the mean of the orbits of kicks at its entrance and at its end. With
 * D the measured change and c the orbit of 1 rad, both over the good BPMs: kick = c D/(c c),
 * goodness = |c D|^2/((c c) |D|^2), 1: nothing is left. A finder is made once per lattice;
 * culprit_find() only reads it and takes some tens of microseconds.
 */
#ifndef ORBIT_MODEL_CULPRIT_H
#define ORBIT_MODEL_CULPRIT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/lattice.h"
#include "model/optics.h"
#include "rt/base/rc.h"

struct culprit_finder {
    uint32_t n_bpm, n_magnet;
    uint32_t *element; /* [n_magnet] along the ring: all that can kick, correctors included */
    double *column[2]; /* x, y: [n_magnet][n_bpm] orbit of 1 rad, m */
};

/* bpm [n_bpm]: the element of each BPM. RC_NOMEM; RC_RANGE: nothing in the ring can kick. */
MUST_USE enum rc culprit_finder_create(struct culprit_finder *finder,
                                       const struct lattice *lattice,
                                       const struct optics *optics, const uint32_t *bpm,
                                       uint32_t n_bpm);
void culprit_finder_destroy(struct culprit_finder *finder);

struct culprit_orbit {
    const double *re, *im; /* [n_bpm] m; im NULL: not a line */
    const bool *good;      /* [n_bpm]; NULL: all */
};

struct culprit {
    uint32_t magnet, element; /* place among the finder's magnets, element of the lattice */
    double kick_rad;          /* of a line: its amplitude */
    double goodness;
    uint32_t second, second_element; /* the best of those that are no neighbours of the first */
    double second_goodness;
};

/* plane 0: x, 1: y. RC_RANGE: no good BPM, or no orbit at all. */
MUST_USE enum rc culprit_find(const struct culprit_finder *finder, unsigned plane,
                              const struct culprit_orbit *orbit, struct culprit *culprit);

#endif
