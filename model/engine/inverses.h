/* The inverses of a response matrix that the loop uses, block by block.
 *
 * K is the static least-squares correction of all correctors. The law has its own where gains
 * depend on the singular value (law.gain_knee_*), or where a block has slow and fast
 * correctors: then the law drives the fast ones, and OFFLOAD says which slow kicks do what fast
 * ones do, (R_s^T W^2 R_s + mu^2)^-1 R_s^T W^2 R_f. METRIC belongs to the law's correctors. One
 * block a plane, or one for both with inverse.coupled.
 */
#ifndef ORBIT_MODEL_ENGINE_INVERSES_H
#define ORBIT_MODEL_ENGINE_INVERSES_H

#include "model/engine/inputs.h"
#include "rt/base/rc.h"
#include "rt/shm/layout.h"

struct inverses {
    double *k;       /* [n_col][n_row] */
    double *metric;  /* [n_col][n_col] */
    double *law_k;   /* [n_col][n_row], NULL: the law uses k */
    double *offload; /* [n_col][n_col], NULL: no block has slow and fast correctors */
};

/* Blocks and conditions are filled into *head. r [n_row][n_col] in device order; energy
 * [n_col]: what response_energy_row says of each column, NULL: none is asked for. RC_NUMERIC,
 * RC_NOMEM, RC_RANGE; *inverses is then empty. */
MUST_USE enum rc inverses_find(struct inverses *inverses, struct param_head *head,
                               const struct inputs *in, const double *r, const double *energy);

/* An empty one is fine. */
void inverses_free(struct inverses *inverses);

/* True if all matrices are the same, bit by bit. */
bool inverses_same(const struct inverses *a, const struct inverses *b,
                   const struct orbit_dims *dims);

#endif
