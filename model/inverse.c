#include "model/inverse.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double most_condition = 1e13, least_singular = 1e-12;
/* What masking may leave of a row's own share before digits are lost. */
static const double least_left = 1e-9;

static double weight(const double *weights, uint32_t i)
{
    return weights ? weights[i] : 1;
}

static double *numbers(size_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* Rows of A: those of the block, and the zero sum. */
static uint32_t rows(const struct inverse_block *block)
{
    return block->n_row + (block->zero_sum ? 1 : 0);
}

static double plain(const struct inverse_block *block, uint32_t i, uint32_t j)
{
    uint32_t column = block->column ? block->column[j] : block->first_col + j;

    if (i == block->n_row)
        return block->zero_sum[j];
    return block->matrix[(size_t) (block->first_row + i) * block->stride + column];
}

static double weight_of_row(const struct inverse_block *block, uint32_t i)
{
    return i == block->n_row ? block->zero_sum_weight : weight(block->row_weight, i);
}

/* A = W R U, [rows][n_col]. */
static enum rc weighted(const struct inverse_block *block, double *a)
{
    for (uint32_t i = 0; i < rows(block); i++) {
        double w = weight_of_row(block, i);

        for (uint32_t j = 0; j < block->n_col; j++) {
            double value = w * plain(block, i, j) * weight(block->col_weight, j);

            if (isfinite(value)) {
                a[(size_t) i * block->n_col + j] = value;
                continue;
            }
            if (i == block->n_row)
                return err_set(RC_INPUT, "zero-sum row: entry %u is not finite", j);
            return err_set(RC_INPUT, "response matrix: row %u, column %u is not finite",
                           block->first_row + i,
                           block->column ? block->column[j] : block->first_col + j);
        }
    }
    return RC_OK;
}

static enum rc check_block(const struct inverse_block *block)
{
    if (!block->n_row || !block->n_col)
        return err_set(RC_RANGE, "inverse of an empty block (%u x %u)", block->n_row,
                       block->n_col);
    for (uint32_t j = 0; block->column && j < block->n_col; j++)
        if (block->column[j] >= block->stride)
            return err_set(RC_RANGE, "column %u of a matrix with %u", block->column[j],
                           block->stride);
    if (!block->column && block->first_col + block->n_col > block->stride)
        return err_set(RC_RANGE, "columns %u..%u of a matrix with %u", block->first_col,
                       block->first_col + block->n_col, block->stride);
    return RC_OK;
}

/* K = U X W, X [n_col][n_row]. */
static void unweight(const struct inverse_block *block, double *x)
{
    for (uint32_t j = 0; j < block->n_col; j++)
        for (uint32_t i = 0; i < block->n_row; i++)
            x[(size_t) j * block->n_row + i] *=
                weight(block->col_weight, j) * weight(block->row_weight, i);
}

/* ---- Tikhonov ---- */

/* N = A^T A + mu^2, upper triangle. A column of weight 0 gets a 1, so that it does not count as
 * singular. */
static double normal_matrix(const struct inverse_block *block, const double *a, double mu,
                            double *normal)
{
    int n = (int) block->n_col, m = (int) rows(block);
    double norm = 0;

    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, n, m, 1, a, n, 0, normal, n);
    for (int j = 0; j < n; j++) {
        bool unused = fabs(weight(block->col_weight, (uint32_t) j)) <= 0;

        normal[(size_t) j * (size_t) n + (size_t) j] += mu * mu + (unused ? 1 : 0);
    }
    for (int j = 0; j < n; j++) {
        double sum = 0;

        for (int i = 0; i < n; i++)
            sum += fabs(normal[i < j ? i * n + j : j * n + i]);
        norm = fmax(norm, sum);
    }
    return norm;
}

static enum rc factor(const struct inverse_block *block, double *normal, double norm,
                      double *condition)
{
    int n = (int) block->n_col;
    double reciprocal = 0;
    int info = LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'U', n, normal, n);

    if (info > 0)
        return err_set(
            RC_NUMERIC,
            "inverse: the normal matrix is singular at column %u; raise mu or disable "
            "correctors",
            block->first_col + (uint32_t) info - 1);
    if (info == 0)
        info = LAPACKE_dpocon(LAPACK_ROW_MAJOR, 'U', n, normal, n, norm, &reciprocal);
    if (info < 0)
        return err_set(RC_NUMERIC,
                       "inverse: the normal matrix has elements that are not finite");
    *condition = 1 / reciprocal;
    if (!(*condition < most_condition))
        return err_set(RC_NUMERIC,
                       "inverse: condition number %.2g of the normal matrix; raise mu",
                       *condition);
    return RC_OK;
}

static void transpose(const double *a, uint32_t n_row, uint32_t n_col, double *t)
{
    for (uint32_t i = 0; i < n_row; i++)
        for (uint32_t j = 0; j < n_col; j++)
            t[(size_t) j * n_row + i] = a[(size_t) i * n_col + j];
}

static enum rc tikhonov(const struct inverse_block *block, double mu, double *a, double *normal,
                        double *inverse, double *condition)
{
    int n = (int) block->n_col, m = (int) block->n_row;
    enum rc rc = weighted(block, a);

    if (rc == RC_OK)
        rc = factor(block, normal, normal_matrix(block, a, mu, normal), condition);
    if (rc != RC_OK)
        return rc;
    transpose(a, block->n_row, block->n_col, inverse);
    if (LAPACKE_dpotrs(LAPACK_ROW_MAJOR, 'U', n, m, normal, n, inverse, m))
        return err_set(RC_NUMERIC, "inverse: no solution of the normal equations");
    unweight(block, inverse);
    return RC_OK;
}

enum rc inverse_tikhonov(const struct inverse_block *block, double mu, double *inverse,
                         double *condition)
{
    size_t n = block->n_col, m = block->n_row;
    double *a = numbers(n * rows(block)), *normal = numbers(n * n), unasked;
    enum rc rc = check_block(block);

    if (rc == RC_OK && !(mu >= 0 && isfinite(mu)))
        rc = err_set(RC_RANGE, "inverse: mu = %g is not 0 or more", mu);
    if (rc == RC_OK && (!a || !normal))
        rc = err_set(RC_NOMEM, "no memory for an inverse of %zu x %zu", n, m);
    if (rc == RC_OK)
        rc = tikhonov(block, mu, a, normal, inverse, condition ? condition : &unasked);
    free(a);
    free(normal);
    return rc;
}

/* The lower triangle of a symmetric matrix from its upper one, and the weights of both sides.
 */
static void spread(const struct inverse_block *block, const double *upper, double *metric)
{
    size_t n = block->n_col;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            metric[i * n + j] = (i < j ? upper[i * n + j] : upper[j * n + i]) *
                                weight(block->col_weight, (uint32_t) i) *
                                weight(block->col_weight, (uint32_t) j);
}

static enum rc metric_of(const struct inverse_block *block, double mu, double *a,
                         double *normal, double *metric)
{
    int n = (int) block->n_col;
    double condition;
    enum rc rc = weighted(block, a);

    if (rc == RC_OK)
        rc = factor(block, normal, normal_matrix(block, a, mu, normal), &condition);
    if (rc != RC_OK)
        return rc;
    if (LAPACKE_dpotri(LAPACK_ROW_MAJOR, 'U', n, normal, n))
        return err_set(RC_NUMERIC, "metric: no inverse of the normal matrix");
    spread(block, normal, metric);
    return RC_OK;
}

enum rc inverse_metric(const struct inverse_block *block, double mu, double *metric)
{
    size_t n = block->n_col;
    double *a = numbers(n * rows(block)), *normal = numbers(n * n);
    enum rc rc = check_block(block);

    if (rc == RC_OK && (!a || !normal))
        rc = err_set(RC_NOMEM, "no memory for a metric of %zu columns", n);
    if (rc == RC_OK)
        rc = metric_of(block, mu, a, normal, metric);
    free(a);
    free(normal);
    return rc;
}

/* Without row r: K_j + K_r (r K_j)/(1 - r K_r). The weights drop out. */
enum rc inverse_mask_row(const struct inverse_block *block, uint32_t row, double *inverse)
{
    size_t m = block->n_row, n = block->n_col;
    double *seen = numbers(m), left;

    if (row >= m || !seen) {
        free(seen);
        return row < m ? err_set(RC_NOMEM, "no memory for a row of %zu", m)
                       : err_set(RC_RANGE, "row %u of a block with %zu", row, m);
    }
    for (uint32_t j = 0; j < n; j++)
        cblas_daxpy((int) m, plain(block, row, j), inverse + j * m, 1, seen, 1);
    left = 1 - seen[row];
    if (!(left > least_left)) {
        free(seen);
        return err_set(RC_NUMERIC,
                       "inverse without row %u: the other rows do not determine it; raise mu",
                       row);
    }
    for (size_t j = 0; j < n; j++) {
        cblas_daxpy((int) m, inverse[j * m + row] / left, seen, 1, inverse + j * m, 1);
        inverse[j * m + row] = 0;
    }
    free(seen);
    return RC_OK;
}

/* ---- singular values ---- */

struct svd {
    size_t n_row, n_col, n;
    double *a, *u, *s, *vt; /* [m][n] destroyed, [m][k], [k], [k][n] */
};

static enum rc svd_create(struct svd *svd, const struct inverse_block *block)
{
    *svd = (struct svd){.n_row = rows(block), .n_col = block->n_col};
    svd->n = svd->n_row < svd->n_col ? svd->n_row : svd->n_col;
    svd->a = numbers(svd->n_row * svd->n_col);
    svd->u = numbers(svd->n_row * svd->n);
    svd->s = numbers(svd->n);
    svd->vt = numbers(svd->n * svd->n_col);
    if (!svd->a || !svd->u || !svd->s || !svd->vt)
        return err_set(RC_NOMEM, "no memory for singular values of %zu x %zu", svd->n_row,
                       svd->n_col);
    return check_block(block);
}

static void svd_destroy(struct svd *svd)
{
    free(svd->a);
    free(svd->u);
    free(svd->s);
    free(svd->vt);
}

static enum rc svd_compute(struct svd *svd, const struct inverse_block *block)
{
    int m = (int) svd->n_row, n = (int) svd->n_col, k = (int) svd->n;
    enum rc rc = weighted(block, svd->a);

    if (rc != RC_OK)
        return rc;
    if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', m, n, svd->a, n, svd->s, svd->u, k, svd->vt, n))
        return err_set(RC_NUMERIC, "singular values of %d x %d do not converge", m, n);
    return RC_OK;
}

/* X = V_n S_n^-1 U_n^T: the rows of V^T are scaled in place. The target of the zero sum is 0:
 * its column of X is not made. */
static enum rc svd_invert(struct svd *svd, size_t n_modes, size_t n_row, double *x)
{
    int m = (int) n_row, n = (int) svd->n_col, k = (int) svd->n;

    for (size_t mode = 0; mode < n_modes; mode++) {
        if (!(svd->s[mode] > least_singular * svd->s[0]))
            return err_set(RC_NUMERIC, "inverse: singular value %zu is %.2g of the largest",
                           mode, svd->s[mode] / svd->s[0]);
        cblas_dscal(n, 1 / svd->s[mode], svd->vt + mode * svd->n_col, 1);
    }
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans, n, m, (int) n_modes, 1, svd->vt, n,
                svd->u, k, 0, x, m);
    return RC_OK;
}

enum rc inverse_truncated(const struct inverse_block *block, uint32_t n_modes, double *inverse,
                          double *singular)
{
    struct svd svd;
    enum rc rc = svd_create(&svd, block);

    if (rc == RC_OK && n_modes > svd.n)
        rc = err_set(RC_RANGE, "%u modes asked of a block that has %zu", n_modes, svd.n);
    if (rc == RC_OK)
        rc = svd_compute(&svd, block);
    if (rc == RC_OK && singular)
        memcpy(singular, svd.s, svd.n * sizeof *singular);
    if (rc == RC_OK)
        rc = svd_invert(&svd, n_modes ? n_modes : svd.n, block->n_row, inverse);
    if (rc == RC_OK)
        unweight(block, inverse);
    svd_destroy(&svd);
    return rc;
}

enum rc inverse_singular_values(const struct inverse_block *block, double *singular)
{
    struct svd svd;
    enum rc rc = svd_create(&svd, block);

    if (rc == RC_OK)
        rc = svd_compute(&svd, block);
    if (rc == RC_OK)
        memcpy(singular, svd.s, svd.n * sizeof *singular);
    svd_destroy(&svd);
    return rc;
}

static double gain_of(const struct inverse_gains *gains, double s)
{
    double knee = gains->knee;

    return knee > 0 ? gains->weak + (1 - gains->weak) * s * s / (s * s + knee * knee) : 1;
}

enum rc inverse_shaped(const struct inverse_block *block, double mu,
                       const struct inverse_gains *gains, double *inverse)
{
    struct svd svd;
    enum rc rc = svd_create(&svd, block);
    int m = (int) block->n_row, n = (int) block->n_col;

    if (rc == RC_OK && !(mu >= 0 && gains->knee >= 0 && gains->weak >= 0 && gains->weak <= 1))
        rc = err_set(RC_RANGE, "inverse: mu %g, knee %g, weak %g: 0 or more, weak at most 1",
                     mu, gains->knee, gains->weak);
    if (rc == RC_OK)
        rc = svd_compute(&svd, block);
    if (rc == RC_OK) {
        for (size_t mode = 0; mode < svd.n; mode++) {
            double s = svd.s[mode];
            bool seen = s > least_singular * svd.s[0];

            cblas_dscal(n, seen ? gain_of(gains, s) * s / (s * s + mu * mu) : 0,
                        svd.vt + mode * svd.n_col, 1);
        }
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans, n, m, (int) svd.n, 1, svd.vt, n,
                    svd.u, (int) svd.n, 0, inverse, m);
        unweight(block, inverse);
    }
    svd_destroy(&svd);
    return rc;
}
