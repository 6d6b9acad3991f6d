/* Whether an inverse K is safe on a machine whose response is R: the eigenvalues of K R are the
 * gains of the closed loop's modes (margin.h). For blocks of matrices; OpenBLAS and LAPACK do
 * the work.
 */
#ifndef ORBIT_MODEL_STABILITY_H
#define ORBIT_MODEL_STABILITY_H

#include <complex.h>
#include <stdint.h>

#include "model/margin.h"
#include "rt/base/attr.h"
#include "rt/base/rc.h"

/* A block of a set: R(i, j) at r[i r_stride + j], K(j, i) at k[j k_stride + i]. */
struct stability_block {
    uint32_t n_row, n_col;
    const double *r, *k;
    uint32_t r_stride, k_stride;
};

/* A mode that nothing drives: |lambda| below this times the largest is not judged. */
#define STABILITY_UNCONTROLLED 1e-9

struct stability {
    uint32_t n_mode;      /* judged */
    uint32_t n_unstable;  /* of them */
    double complex worst; /* the eigenvalue with the largest |S|, or the first unstable one */
    struct margin margin; /* least of each over all modes; stable if all are */
};

/* Eigenvalues of K R, [n_col], by descending real part. RC_NOMEM; RC_NUMERIC: not found;
 * RC_INPUT: an element is not finite. */
MUST_USE enum rc stability_eigenvalues(const struct stability_block *block,
                                       double complex *lambda);

/* The worst of n eigenvalues. quick: without the gain margin. */
struct stability stability_judge(const struct margin_loop *loop, uint32_t n,
                                 const double complex *lambda, bool quick);

/* One mode of the response and what K makes of it. */
struct stability_mode {
    double singular; /* s: of R */
    double kappa;    /* v^T K u: 1/s where the inverse is exact */
    double gain;     /* kappa s: the law's gain in this mode */
};

/* Modes of R, [min(n_row, n_col)], by descending singular value. For inverses that share the
 * singular vectors of R (Tikhonov, truncation) this is all of K. */
MUST_USE enum rc stability_modes(const struct stability_block *block,
                                 struct stability_mode *mode);

/* Kicks of the mode, v [n_col], of length 1; mode counts from 0, as in stability_modes. k is
 * not looked at. RC_RANGE: there are fewer. */
MUST_USE enum rc stability_direction(const struct stability_block *block, uint32_t mode,
                                     double *v);

/* rms over the columns of one static correction per rms of a white error of the orbit: the root
 * of the mean over columns of the sum of squares of K's rows; rows of zeros are not counted. */
double stability_static_noise(const struct stability_block *block);

#endif
