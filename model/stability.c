#include "model/stability.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

static double *numbers(size_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* ---- eigenvalues --------------------------------------------------------------------- */

static int by_falling_real_part(const void *left, const void *right)
{
    double a = creal(*(const double complex *) left),
           b = creal(*(const double complex *) right);

    return (a < b) - (a > b);
}

static enum rc check_finite(const double *value, uint32_t n_row, uint32_t n_col,
                            uint32_t stride, const char *name)
{
    for (uint32_t i = 0; i < n_row; i++)
        for (uint32_t j = 0; j < n_col; j++)
            if (!isfinite(value[(size_t) i * stride + j]))
                return err_set(RC_INPUT, "%s: row %u, column %u is not finite", name, i, j);
    return RC_OK;
}

static enum rc eigenvalues_of(double *square, uint32_t n, double complex *lambda)
{
    double *re = numbers(n), *im = numbers(n);
    lapack_int info = -1;

    if (re && im)
        info = LAPACKE_dgeev(LAPACK_ROW_MAJOR, 'N', 'N', (int) n, square, (int) n, re, im, NULL,
                             (int) n, NULL, (int) n);
    for (uint32_t i = 0; i < n && info == 0; i++)
        lambda[i] = CMPLX(re[i], im[i]);
    free(re);
    free(im);
    if (info < 0)
        return err_set(RC_NOMEM, "no memory for the eigenvalues of %u modes", n);
    return info == 0 ? RC_OK : err_set(RC_NUMERIC, "the eigenvalues of K R were not found");
}

enum rc stability_eigenvalues(const struct stability_block *block, double complex *lambda)
{
    uint32_t n = block->n_col;
    double *square;
    enum rc rc = check_finite(block->r, block->n_row, n, block->r_stride, "response");

    if (rc == RC_OK)
        rc = check_finite(block->k, n, block->n_row, block->k_stride, "inverse");
    if (rc != RC_OK)
        return rc;
    square = numbers((size_t) n * n);
    if (!square)
        return err_set(RC_NOMEM, "no memory for %u x %u", n, n);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int) n, (int) n, (int) block->n_row,
                1.0, block->k, (int) block->k_stride, block->r, (int) block->r_stride, 0.0,
                square, (int) n);
    rc = eigenvalues_of(square, n, lambda);
    free(square);
    if (rc == RC_OK)
        qsort(lambda, n, sizeof *lambda, by_falling_real_part);
    return rc;
}

/* ---- judgement ----------------------------------------------------------------------- */

static void take_worse(struct stability *all, const struct margin *one, double complex lambda)
{
    if (!one->stable) {
        all->worst = all->n_unstable++ ? all->worst : lambda;
        all->margin.stable = false;
    } else if (one->peak > all->margin.peak && all->n_unstable == 0) {
        all->worst = lambda;
    }
    if (one->peak > all->margin.peak) {
        all->margin.peak = one->peak;
        all->margin.peak_hz = one->peak_hz;
    }
    all->margin.gain = fmin(all->margin.gain, one->gain);
    all->margin.phase_rad = fmin(all->margin.phase_rad, one->phase_rad);
    all->margin.bandwidth_hz = fmin(all->margin.bandwidth_hz, one->bandwidth_hz);
}

struct stability stability_judge(const struct margin_loop *loop, uint32_t n,
                                 const double complex *lambda, bool quick)
{
    struct stability all = {.margin = {.stable = true,
                                       .gain = MARGIN_MAX_GAIN,
                                       .phase_rad = M_PI,
                                       .bandwidth_hz = INFINITY}};
    double largest = 0.0;

    for (uint32_t i = 0; i < n; i++)
        largest = fmax(largest, cabs(lambda[i]));
    for (uint32_t i = 0; i < n; i++) {
        struct margin one;

        if (cabs(lambda[i]) <= STABILITY_UNCONTROLLED * largest)
            continue;
        one = margin_of(loop, lambda[i], quick);
        take_worse(&all, &one, lambda[i]);
        all.n_mode++;
    }
    return all;
}

/* ---- modes --------------------------------------------------------------------------- */

struct svd {
    uint32_t n_row, n_col, n;
    double *a, *u, *vt, *s; /* u [n_row][n], vt [n][n_col] */
};

static enum rc decompose(struct svd *svd, const struct stability_block *block)
{
    lapack_int info = -1;

    *svd = (struct svd){.n_row = block->n_row,
                        .n_col = block->n_col,
                        .n = block->n_row < block->n_col ? block->n_row : block->n_col};
    svd->a = numbers((size_t) svd->n_row * svd->n_col);
    svd->u = numbers((size_t) svd->n_row * svd->n);
    svd->vt = numbers((size_t) svd->n * svd->n_col);
    svd->s = numbers(svd->n);
    if (!svd->a || !svd->u || !svd->vt || !svd->s)
        return err_set(RC_NOMEM, "no memory for singular values");
    for (uint32_t i = 0; i < svd->n_row; i++)
        for (uint32_t j = 0; j < svd->n_col; j++)
            svd->a[(size_t) i * svd->n_col + j] = block->r[(size_t) i * block->r_stride + j];
    info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (int) svd->n_row, (int) svd->n_col, svd->a,
                          (int) svd->n_col, svd->s, svd->u, (int) svd->n, svd->vt,
                          (int) svd->n_col);
    return info == 0 ? RC_OK : err_set(RC_NUMERIC, "the singular values were not found");
}

static void svd_free(struct svd *svd)
{
    free(svd->a);
    free(svd->u);
    free(svd->vt);
    free(svd->s);
}

/* v_m^T K u_m */
static double inverse_in_mode(const struct stability_block *block, const struct svd *svd,
                              uint32_t m)
{
    double sum = 0.0;

    for (uint32_t j = 0; j < svd->n_col; j++)
        sum += svd->vt[(size_t) m * svd->n_col + j] *
               cblas_ddot((int) svd->n_row, block->k + (size_t) j * block->k_stride, 1,
                          svd->u + m, (int) svd->n);
    return sum;
}

enum rc stability_modes(const struct stability_block *block, struct stability_mode *mode)
{
    struct svd svd;
    enum rc rc =
        check_finite(block->r, block->n_row, block->n_col, block->r_stride, "response");

    if (rc != RC_OK)
        return rc;
    rc = decompose(&svd, block);
    for (uint32_t m = 0; m < svd.n && rc == RC_OK; m++) {
        mode[m].singular = svd.s[m];
        mode[m].kappa = inverse_in_mode(block, &svd, m);
        mode[m].gain = mode[m].kappa * svd.s[m];
    }
    svd_free(&svd);
    return rc;
}

enum rc stability_direction(const struct stability_block *block, uint32_t mode, double *v)
{
    struct svd svd;
    enum rc rc = decompose(&svd, block);

    if (rc == RC_OK && mode >= svd.n)
        rc = err_set(RC_RANGE, "mode %u: there are %u", mode + 1, svd.n);
    for (uint32_t j = 0; j < svd.n_col && rc == RC_OK; j++)
        v[j] = svd.vt[(size_t) mode * svd.n_col + j];
    svd_free(&svd);
    return rc;
}

double stability_static_noise(const struct stability_block *block)
{
    double sum = 0.0;
    uint32_t n = 0;

    for (uint32_t j = 0; j < block->n_col; j++) {
        const double *row = block->k + (size_t) j * block->k_stride;
        double power = cblas_ddot((int) block->n_row, row, 1, row, 1);

        sum += power;
        n += power > 0;
    }
    return n ? sqrt(sum / n) : 0.0;
}
