#include "rt/loop/mask.h"

#include <math.h>

/* Solves a x = b in place by Gaussian elimination with row pivoting; n <= MAX_MASKED. */
static RT_SAFE bool solve(double a[MAX_MASKED][MAX_MASKED], double *b, uint64_t n)
{
    enum { TINY_DIVISOR = 1000000000 };

    for (uint64_t k = 0; k < n; k++) {
        uint64_t pivot = k;

        for (uint64_t i = k + 1; i < n; i++)
            pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
        if (!(fabs(a[pivot][k]) > 1.0 / TINY_DIVISOR))
            return false;
        for (uint64_t j = 0; j < n; j++) {
            double swap = a[k][j];

            a[k][j] = a[pivot][j];
            a[pivot][j] = swap;
        }
        double swap = b[k];

        b[k] = b[pivot];
        b[pivot] = swap;
        for (uint64_t i = k + 1; i < n; i++) {
            double factor = a[i][k] / a[k][k];

            for (uint64_t j = k; j < n; j++)
                a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    }
    for (uint64_t k = n; k-- > 0;) {
        for (uint64_t j = k + 1; j < n; j++)
            b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
    return true;
}

/* sum over the block's columns of R[row][col] * value(col) */
static RT_SAFE double dot(const double *r_row, const double *value, uint64_t n)
{
    double sum = 0.0;

    for (uint64_t j = 0; j < n; j++)
        sum += r_row[j] * value[j];
    return sum;
}

bool mask_replace(const struct params *p, const struct param_block *block,
                  const struct mask *mask, double *error, double *c)
{
    uint64_t n_col = dims_n_col(&p->dims);
    double a[MAX_MASKED][MAX_MASKED], e[MAX_MASKED];

    for (uint64_t i = 0; i < mask->n; i++) {
        const double *r_row = p->r + mask->row[i] * n_col + block->col0;

        e[i] = dot(r_row, c, block->n_col);
        for (uint64_t j = 0; j < mask->n; j++) {
            const double *k_col = p->k_by_row + mask->row[j] * n_col + block->col0;

            a[i][j] = (i == j ? 1.0 : 0.0) - dot(r_row, k_col, block->n_col);
        }
    }
    if (!solve(a, e, mask->n))
        return false;
    for (uint64_t i = 0; i < mask->n; i++) {
        const double *k_col = p->k_by_row + mask->row[i] * n_col + block->col0;

        error[mask->row[i]] = e[i];
        for (uint64_t j = 0; j < block->n_col; j++)
            c[j] += k_col[j] * e[i];
    }
    return true;
}
