/* Errors of BPMs that are missing, so that the correction is the one without them.
 *
 * For a block with response R and inverse K = (R^T R + M)^-1 R^T, and the set m of masked rows
 * (at most MAX_MASKED): e_m = (I - H_mm)^-1 H_m e with H = R K and e_m = 0 on the right. Then K
 * e equals the correction of the inverse recomputed without those rows, because e_m = R_m c
 * leaves the minimised sum without a contribution from m. No swap of matrices is needed.
 */
#ifndef ORBIT_RT_LOOP_MASK_H
#define ORBIT_RT_LOOP_MASK_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/loop/params.h"

struct mask {
    uint64_t n;
    uint64_t row[MAX_MASKED]; /* absolute row indices */
};

/* Fills error[mask rows] and corrects c = K e [block's n_col], which was made with those errors
 * 0. false: I - H_mm is singular (the masked rows alone see some kick); c and error are left as
 * they were. */
RT_SAFE bool mask_replace(const struct params *p, const struct param_block *block,
                          const struct mask *mask, double *error, double *c);

#endif
