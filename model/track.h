/* Nonlinear tracking through one element or a stretch of the ring, with its tangent map.
 *
 * Fourth-order Forest-Ruth steps (Physica D 43 (1990) 105), n_slices per element, of the
 * expanded Hamiltonian (small angles, exact in delta up to that), edges as linear kicks with
 * the fringe correction of K. L. Brown: the same maps as Accelerator Toolbox, so that orbits
 * agree to rounding. Misalignments, rolls, field errors b, a and kicks of the element all act.
 * A rolled dipole kicks the beam as the rotated field does; the reference orbit stays the
 * design's. Nothing is shared: any number of threads may track through one lattice.
 */
#ifndef ORBIT_MODEL_TRACK_H
#define ORBIT_MODEL_TRACK_H

#include "model/lattice.h"

enum { TRACK_DIM = 6, TRACK_COLUMNS = 7 };

/* Derivatives that travel with a particle; column c is dz/dq_c. */
struct tangent {
    uint32_t n; /* columns in use */
    double column[TRACK_COLUMNS][TRACK_DIM];
    double kick_x[TRACK_COLUMNS], kick_y[TRACK_COLUMNS]; /* the element's kick per q_c, rad */
};

/* Columns 0..4 become the unit vectors of x, px, y, py, delta; no kicks. */
void tangent_start(struct tangent *tangent);

/* Takes z through one element. tangent may be NULL. */
void track_element(const struct element *element, double z[TRACK_DIM], struct tangent *tangent);

/* Takes z through the elements first..end-1. RC_NUMERIC with the element's name when |x| or |y|
 * passes 1 m or a coordinate is no longer finite: the particle is lost. tangent may be NULL. */
MUST_USE enum rc track_range(const struct lattice *lattice, uint32_t first, uint32_t end,
                             double z[TRACK_DIM], struct tangent *tangent);

#endif
