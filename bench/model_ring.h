/* The model's work on one ring, as the calculation engine does it. */
#ifndef ORBIT_BENCH_MODEL_RING_H
#define ORBIT_BENCH_MODEL_RING_H

#include <stddef.h>

#include "model/optics.h"
#include "model/quick_orbit.h"

struct model_ring {
    struct lattice *lattice, *kicked; /* kicked: every corrector at some 20 urad */
    struct optics *optics;
    struct quick_orbit *quick;
    double *matrix;     /* [2 n_bpm][n_h + n_v + 1] */
    double *position_m; /* [2 n_bpm] */
    size_t memory_b;    /* all of this but `kicked` */
};

/* From lattices/<name>/lattice.json. RC_SYS, RC_INPUT, RC_NOMEM. */
MUST_USE enum rc model_ring_open(struct model_ring *ring, const char *name);

/* `cells` times the FODO test ring's cell of `cell_elements` elements, with `devices` BPMs and
 * correctors of each plane whatever the length: the number of elements is all that grows. */
MUST_USE enum rc model_ring_repeat(struct model_ring *ring, uint32_t cells, uint32_t devices,
                                   uint32_t *cell_elements);
void model_ring_close(struct model_ring *ring);

/* Full linear update: matrices of all elements, optics, dispersion, tunes, response of both
 * planes with the RF column, at fixed momentum (what build_analytical computes in 4D). */
MUST_USE enum rc model_ring_update(struct model_ring *ring, enum integrator integrator);

/* The same with the term of a fixed RF frequency, with exact matrices: what is measured. */
MUST_USE enum rc model_ring_update_rf(struct model_ring *ring);

/* Nonlinear closed orbit from a cold start, ring multiplied out anew, at all BPMs, at fixed
 * momentum. */
MUST_USE enum rc model_ring_orbit(struct model_ring *ring);

/* Frobenius norm of the matrix's block of a plane, which is what the yardstick tells of its
 * own. */
double model_ring_norm(const struct model_ring *ring, int plane);

#endif
