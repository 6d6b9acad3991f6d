/* The closed orbit at fixed momentum, quickly: the same maps as model/track.h by slices, to
 * rounding.
 *
 * At a given momentum drifts, correctors, bends and quadrupoles act on (x, px, y, py) as an
 * affine map, slices or not, so that their slices are multiplied out once (repeated squaring)
 * and neighbours become one block. Only sextupoles and higher multipoles are stepped through in
 * every turn. One object per thread; nothing is allocated after quick_orbit_create.
 */
#ifndef ORBIT_MODEL_QUICK_ORBIT_H
#define ORBIT_MODEL_QUICK_ORBIT_H

#include "model/lattice.h"

struct quick_orbit; /* opaque */

MUST_USE enum rc quick_orbit_create(struct quick_orbit **quick, uint32_t n_element);
void quick_orbit_destroy(struct quick_orbit *quick);

/* Multiplies out the ring at momentum error delta; again whenever its elements have changed.
 * The lattice is looked at by the calls below too. RC_RANGE: more elements than the object is
 * for. */
MUST_USE enum rc quick_orbit_prepare(struct quick_orbit *quick, const struct lattice *lattice,
                                     double delta);

/* Newton's method from `start` (in: first guess; out: x, px, y, py at the entrance of element
 * 0), until a step, or the next one as the last two foretell it, is below 1e-12. iterations may
 * be NULL. RC_NUMERIC: particle lost, no convergence, resonance, motion that is not stable;
 * `start` is then as it was. */
MUST_USE enum rc quick_orbit_solve(struct quick_orbit *quick, double start[4],
                                   uint32_t *iterations);

/* Positions at the BPMs of the orbit found last: position_m [2 n_bpm], x of all, then y. Taken
 * from the last turn and its tangent, so they cost nothing more. */
void quick_orbit_at_bpms(const struct quick_orbit *quick, double *position_m);

#endif
