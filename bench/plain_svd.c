#include "bench/plain_svd.h"

#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

struct parts {
    double *a, *u, *s, *vt;
};

static void scale_rows(double *vt, const double *s, int n)
{
    for (int i = 0; i < n; i++)
        cblas_dscal(n, 1 / s[i], vt + (size_t) i * (size_t) n, 1);
}

static enum rc invert(struct parts *p, int n_row, int n_col, double *inverse)
{
    if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', n_row, n_col, p->a, n_col, p->s, p->u, n_col,
                       p->vt, n_col) != 0)
        return err_set(RC_NUMERIC, "dgesdd did not converge");
    scale_rows(p->vt, p->s, n_col);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans, n_col, n_row, n_col, 1, p->vt, n_col,
                p->u, n_col, 0, inverse, n_row);
    return RC_OK;
}

enum rc plain_svd_inverse(const double *matrix, int n_row, int n_col, double *inverse)
{
    size_t m = (size_t) n_row, n = (size_t) n_col;
    struct parts p = {.a = malloc((2 * m * n + n + n * n) * sizeof(double))};
    enum rc rc;

    if (!p.a)
        return err_set(RC_NOMEM, "an inverse");
    p.u = p.a + m * n;
    p.s = p.u + m * n;
    p.vt = p.s + n;
    memcpy(p.a, matrix, m * n * sizeof(double));
    rc = invert(&p, n_row, n_col, inverse);
    free(p.a);
    return rc;
}
