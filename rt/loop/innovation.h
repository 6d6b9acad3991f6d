/* Innovation: what the orbit did since a baseline that the correctors do not explain, and which
 * BPMs contradict the others.
 *
 *   D = (y - y_b) - R (u_eff - u_b)        the RF columns of R carry -eta/(alpha_c f)
 *
 * Per plane, with the orthonormal basis Q of all that the beam can do: beam part Q Q^T D, the
 * estimate of a disturbance and never held against a BPM; what is left, r = D - Q Q^T D, judges
 * BPMs, z_i = r_i/(sigma_i sqrt(1 - h_ii)), h = Q Q^T. Rows that are not usable are replaced by
 * what the others say (D_m = (I - H_mm)^-1 H_m. D), so they have no influence on the rest.
 *
 * sigma_i is robust: from the running median of |r_i[k] - r_i[k-1]| over noise_frames frames,
 * which a step or a slow drift of one BPM does not move; it is held between a third and three
 * times its plane's, so a BPM that becomes noisy is found as well. What the model cannot know
 * is added to it: the share of the beam part that the basis leaves, and model_error of R (u_eff
 * - u_b). chi-square is sum (r_i/sigma_i)^2 over its n - rank degrees of freedom.
 *
 * At most one BPM per plane and frame is masked: the one with the largest |z| among those that
 * were beyond the limits for mask_count frames in a row; the next frame judges without it. It
 * is released after release_count frames in a row within half the limit. All the memory is made
 * by innovation_create; the loop's thread does the rest.
 */
#ifndef ORBIT_RT_LOOP_INNOVATION_H
#define ORBIT_RT_LOOP_INNOVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/loop/params.h"

struct innovation_plane {
    double beam_rms_m, left_rms_m, chi2_per_dof;
    double noise_m;  /* sigma of the plane */
    double middle_m; /* median of |r[k] - r[k-1]| over the plane */
    uint64_t n_masked;
    uint64_t crowded; /* row that should be masked beyond max_masked, or UINT64_MAX */
    bool judged;      /* in the newest frame */
};

struct innovation {
    uint64_t n_bpm, n_col;
    enum baseline_state baseline;
    uint64_t n_collected, n_judged; /* frames in the sums; since the baseline */
    double *y_b, *u_b;              /* [n_row], [n_col]; sums while collecting */
    double *beam, *left, *z;        /* [n_row] */
    double *middle, *last_left;     /* [n_row] running median of |change|, and r before */
    double *moved, *fit, *part, *du;
    uint64_t *bad, *good; /* [n_row] frames in a row */
    uint64_t *masked;     /* [n_row] QUALITY_MISFIT or 0 */
    uint64_t *blank;   /* [n_row] was not good in every frame of the baseline: its bits, or 0 */
    uint64_t *quality; /* [n_row] of the newest frame, blank included, masked not */
    struct innovation_plane plane[2];
    double *memory;
    uint64_t memory_b;
};

/* A frame: measured orbit, its quality, and the kicks it contains. */
struct innovation_frame {
    const double *y, *u_eff;
    const uint64_t *quality; /* QUALITY_MISFIT does not matter */
};

MUST_USE enum rc innovation_create(struct innovation *self, const struct orbit_dims *dims);
void innovation_destroy(struct innovation *self);

/* A new baseline from the next baseline_frames frames; nothing is masked any more. */
RT_SAFE void innovation_restart(struct innovation *self);

/* One new frame, not of an injection window. */
RT_SAFE void innovation_update(struct innovation *self, const struct params *p,
                               const struct innovation_frame *frame);

#endif
