/* Regularised inverses of a block of the response matrix.
 *
 * With row weights W and column weights U the weighted matrix is A = W R U, and the inverse is
 *   Tikhonov:  K = U (A^T A + mu^2 1)^-1 A^T W        (Cholesky: the quick one)
 *   truncated: K = U V_n S_n^-1 U_n^T W               (singular values, the n largest)
 * so that the least-squares correction is du = -K (y - y_ref). A row of weight 0 is not looked
 * at, a column of weight 0 is never driven (its row in K is zero). The RF frequency is a column
 * like others; its weight brings Hz and rad together. An extra row g with target 0 (zero sum:
 * the energy row of response.h) joins the rows of R with its own weight. OpenBLAS and LAPACK do
 * the work: callers that want one thread set that for their process.
 */
#ifndef ORBIT_MODEL_INVERSE_H
#define ORBIT_MODEL_INVERSE_H

#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

/* A block of a row-major matrix. */
struct inverse_block {
    const double *matrix; /* element (i, j) of the whole at matrix[i * stride + j] */
    uint32_t stride;
    uint32_t first_row, n_row;
    uint32_t first_col, n_col;
    const double *row_weight; /* [n_row] W; NULL: all 1 */
    const double *col_weight; /* [n_col] U; NULL: all 1 */
    const uint32_t *column;   /* [n_col] columns of the matrix to take instead of first_col...;
                                 NULL: those */
    const double *zero_sum;   /* [n_col] g; NULL: no such row */
    double zero_sum_weight;
};

/* inverse [n_col][n_row], row-major. condition (may be NULL): estimated condition number, in
 * the 1-norm, of A^T A + mu^2 1. mu in the unit of A. RC_NUMERIC when it is not positive
 * definite or the condition passes 1e13; RC_INPUT for a non-finite element (its row and column
 * are told). */
MUST_USE enum rc inverse_tikhonov(const struct inverse_block *block, double mu, double *inverse,
                                  double *condition);

/* metric [n_col][n_col] = U (A^T A + mu^2 1)^-1 U: by how much each column of a solution
 * changes when one is forced, so that with columns s at given values the rest of the
 * least-squares solution v is v - metric_:s metric_ss^-1 (v_s - given). Rows and columns of
 * weight 0 are zero. Errors as above. */
MUST_USE enum rc inverse_metric(const struct inverse_block *block, double mu, double *metric);

/* Gain of a law as a function of singular value: 1 well above the knee, `weak` well below it,
 * weak + (1 - weak) s^2/(s^2 + knee^2) between. knee 0: 1 everywhere. */
struct inverse_gains {
    double knee, weak;
};

/* The Tikhonov inverse with every mode times its gain, K = U V diag(gain(s) s/(s^2 + mu^2)) U^T
 * W. Modes below 1e-12 of the largest are left out. */
MUST_USE enum rc inverse_shaped(const struct inverse_block *block, double mu,
                                const struct inverse_gains *gains, double *inverse);

/* Takes row `row` (of the block) out of a Tikhonov inverse in O(n_col n_row): the same as a new
 * one with weight 0 for that row, by the Sherman-Morrison formula. RC_NUMERIC: the rest does
 * not determine the correction (mu = 0 and too few rows); inverse is as it was. Truncated
 * inverses have no such formula: make a new one. */
MUST_USE enum rc inverse_mask_row(const struct inverse_block *block, uint32_t row,
                                  double *inverse);

/* inverse [n_col][n_row]; singular [min(n_row, n_col)], descending, may be NULL (a
 * zero sum counts as a row). n_modes: how
 * many are kept, 0: all. RC_NUMERIC when a kept value is below 1e-12 of the largest. */
MUST_USE enum rc inverse_truncated(const struct inverse_block *block, uint32_t n_modes,
                                   double *inverse, double *singular);

/* Singular values of A alone, [min(n_row, n_col)] (a zero sum counts as a row), descending. The
 * first over the last is the condition of A. */
MUST_USE enum rc inverse_singular_values(const struct inverse_block *block, double *singular);

#endif
