/* Orbit response matrices.
 *
 * One matrix for the whole ring, row-major, rows [2 n_bpm]: x of all BPMs, then y of all;
 * columns [n_hcorrector + n_vcorrector + 1]: H, then V in m/rad, then the RF frequency in m/Hz.
 * Kicks outward and up are positive. With w_j the kick of corrector j seen back at the start of
 * the ring, the orbit starts with (1 - M)^-1 M w_j, and w_j is added downstream of the
 * corrector; whether a BPM lies downstream is told by the order of elements, not by phase or s.
 */
#ifndef ORBIT_MODEL_RESPONSE_H
#define ORBIT_MODEL_RESPONSE_H

#include "model/optics.h"
#include "model/track.h"

enum response_mode {
    RESPONSE_FIXED_MOMENTUM, /* delta = 0 whatever the kick */
    RESPONSE_FIXED_RF /* the path of a turn stays, as in a ring with cavities: what is measured
                       */
};

/* About the design orbit, from optics computed with INTEGRATOR_EXACT or INTEGRATOR_AT for this
 * lattice. The planes do not mix: those blocks are zero. matrix [2 n_bpm][n_h + n_v + 1]. The
 * RF column -eta/(alpha_c f) is the same in both modes, and zero if the ring has no cavity. */
MUST_USE enum rc response_matrix_design(const struct optics *optics,
                                        const struct lattice *lattice, enum response_mode mode,
                                        double *matrix);

/* About a closed orbit that starts with `start` (see closed_orbit.h), cross-plane blocks
 * included: derivative of the nonlinear closed orbit. BPM positions are those of the beam:
 * gains, rolls and offsets of BPMs are not in it. RC_NUMERIC: lost, or on a resonance. */
MUST_USE enum rc response_matrix_about(const struct lattice *lattice,
                                       const double start[TRACK_DIM], enum response_mode mode,
                                       double *matrix);

/* The same in the given way of tracking (its cavities do not act: ring closed in four
 * dimensions). */
MUST_USE enum rc response_matrix_about_as(const struct tracking *how,
                                          const struct lattice *lattice,
                                          const double start[TRACK_DIM],
                                          enum response_mode mode, double *matrix);

/* d(delta)/d(kick) at fixed RF of every corrector, -eta_j/(alpha_c C), and d(delta)/df in the
 * last column: row [n_h + n_v + 1]. Its zero sum is a correction that keeps the energy (see
 * inverse.h). RC_NUMERIC: momentum compaction zero, integer tune. */
MUST_USE enum rc response_energy_row(const struct optics *optics, const struct lattice *lattice,
                                     double *row);

/* The same about a closed orbit that starts with `start`, cavities not acting. */
MUST_USE enum rc response_energy_row_about(const struct tracking *how,
                                           const struct lattice *lattice,
                                           const double start[TRACK_DIM], double *row);

#endif
