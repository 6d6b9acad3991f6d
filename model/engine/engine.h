/* From lattice and devices to a parameter set: optics, closed orbit, response matrix,
 * regularised inverse.
 *
 * R is at fixed RF frequency, as a machine with cavities measures it: rows x, then y of the
 * BPMs, columns H, V in m/rad and RF in m/Hz, all in device order. K is Tikhonov's,
 * K = (R^T W^2 R + mu^2)^-1 R^T W^2 with weight 0 for disabled BPMs and zero rows for disabled
 * correctors; the rest is in inverses.h.
 */
#ifndef ORBIT_MODEL_ENGINE_ENGINE_H
#define ORBIT_MODEL_ENGINE_ENGINE_H

#include "model/engine/inputs.h"
#include "model/engine/inverses.h"
#include "model/engine/spaces.h"
#include "rt/base/rc.h"
#include "rt/shm/layout.h"
#include "rt/shm/param_set.h"

struct result {
    struct param_head
        head;  /* dims, blocks, tunes, conditions, origin; the rest is for who sends it */
    double *r; /* [n_row][n_col] */
    struct inverses inverses;
    double orbit_max_m; /* closed orbit of the lattice as it is, at the BPMs */
    struct spaces spaces;
    double optics_ms, orbit_ms, response_ms, inverse_ms, spaces_ms;
};

/* RC_NUMERIC: no stable optics, no closed orbit, singular; RC_INPUT: a result that is not
 * finite. *result is empty on failure. */
MUST_USE enum rc engine_compute(struct result *result, const struct inputs *inputs);

/* The result's matrices as a parameter set carries them; they stay the result's. */
struct param_matrices engine_matrices(const struct result *result);

/* Whether the law of the configuration is stable, with the margins that it demands (margin.*),
 * on a machine whose response is the set's own R: RC_RANGE names the block and its figures.
 * Always RC_OK without margin.required. */
MUST_USE enum rc engine_check_margin(const struct result *result, const struct cfg *cfg);

/* An empty one is fine. */
void engine_free(struct result *out);

/* True if both hold the same matrices, blocks and tunes, bit by bit. */
bool engine_same(const struct result *a, const struct result *b);

#endif
