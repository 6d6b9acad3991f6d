#include "rt/loop/mask.h"

#include "rt/base/small_solve.h"

_Static_assert((int) MAX_MASKED <= (int) SMALL_SOLVE_MAX, "masked rows are solved for at once");
static const double smallest_pivot = 1e-9;

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
    double a[SMALL_SOLVE_MAX][SMALL_SOLVE_MAX], e[MAX_MASKED];

    for (uint64_t i = 0; i < mask->n; i++) {
        const double *r_row = p->r + mask->row[i] * n_col + block->col0;

        e[i] = dot(r_row, c, block->n_col);
        for (uint64_t j = 0; j < mask->n; j++) {
            const double *k_col = p->k_by_row + mask->row[j] * n_col + block->col0;

            a[i][j] = (i == j ? 1.0 : 0.0) - dot(r_row, k_col, block->n_col);
        }
    }
    if (!small_solve(a, e, mask->n, smallest_pivot))
        return false;
    for (uint64_t i = 0; i < mask->n; i++) {
        const double *k_col = p->k_by_row + mask->row[i] * n_col + block->col0;

        error[mask->row[i]] = e[i];
        for (uint64_t j = 0; j < block->n_col; j++)
            c[j] += k_col[j] * e[i];
    }
    return true;
}
