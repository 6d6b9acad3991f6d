/* Nonlinear tracking through one element or a stretch of the ring, with its tangent map.
 *
 * Fourth-order Forest-Ruth steps (Physica D 43 (1990) 105), n_slices per element, of the
 * expanded Hamiltonian (small angles, exact in delta up to that), edges as linear kicks with
 * the fringe correction of K. L. Brown: the same maps as Accelerator Toolbox, so that orbits
 * agree to rounding. Misalignments, rolls, field errors b, a and kicks of the element all act.
 * A rolled dipole kicks the beam as the rotated field does; the reference orbit stays the
 * design's. Cavities, where they act: a thin kick of energy in the middle of a drift,
 * delta -= V/E sin(2 pi f (ct - lag)/c), so that ct = lag is the stable point above transition
 * of a beam that does not radiate. At fixed delta every map is symplectic; with delta and ct
 * too, but for the edges of struct tracking. Nothing is shared: any number of threads may track
 * through one lattice.
 */
#ifndef ORBIT_MODEL_TRACK_H
#define ORBIT_MODEL_TRACK_H

#include "model/lattice.h"

enum { TRACK_DIM = 6, TRACK_COLUMNS = 7 };

/* What a turn is made of. All false: slices everywhere, cavities as drifts. */
struct tracking {
    bool exact; /* bends and quadrupoles by the exact solution of their equations of motion at
                   the particle's momentum, the slices only for sextupoles and higher; edges
                   keep the path symplectic, which Accelerator Toolbox's do not off the
                   plane */
    bool cavities; /* cavities act; needs the energy of the ring */
};

/* Derivatives that travel with a particle; column c is dz/dq_c. */
struct tangent {
    uint32_t n; /* columns in use */
    double column[TRACK_COLUMNS][TRACK_DIM];
    double kick_x[TRACK_COLUMNS], kick_y[TRACK_COLUMNS]; /* the element's kick per q_c, rad */
};

/* Columns 0..4 become the unit vectors of x, px, y, py, delta; no kicks. */
void tangent_start(struct tangent *tangent);

/* The same with column 5 for ct. */
void tangent_start_6d(struct tangent *tangent);

/* Takes z through one element by slices; a cavity is a drift. tangent may be NULL. */
void track_element(const struct element *element, double z[TRACK_DIM], struct tangent *tangent);

/* Takes z through the elements first..end-1. RC_NUMERIC with the element's name when |x| or |y|
 * passes 1 m or a coordinate is no longer finite: the particle is lost. tangent may be NULL. */
MUST_USE enum rc track_range(const struct lattice *lattice, uint32_t first, uint32_t end,
                             double z[TRACK_DIM], struct tangent *tangent);

/* track_range in the given way; RC_INPUT: cavities shall act in a ring of unknown energy. */
MUST_USE enum rc track_range_as(const struct tracking *how, const struct lattice *lattice,
                                uint32_t first, uint32_t end, double z[TRACK_DIM],
                                struct tangent *tangent);

#endif
