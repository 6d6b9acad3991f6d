/* Linear equations of a few unknowns, in the loop: fixed memory, bounded time. */
#ifndef ORBIT_RT_BASE_SMALL_SOLVE_H
#define ORBIT_RT_BASE_SMALL_SOLVE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"

enum { SMALL_SOLVE_MAX = 8 };

/* Swaps rows so that the largest element of column k is on the diagonal; its size. */
static RT_SAFE inline double small_solve_pivot(double a[SMALL_SOLVE_MAX][SMALL_SOLVE_MAX],
                                               double *b, uint64_t n, uint64_t k)
{
    uint64_t pivot = k;
    double swap;

    for (uint64_t i = k + 1; i < n; i++)
        pivot = fabs(a[i][k]) > fabs(a[pivot][k]) ? i : pivot;
    for (uint64_t j = 0; j < n; j++) {
        swap = a[k][j];
        a[k][j] = a[pivot][j];
        a[pivot][j] = swap;
    }
    swap = b[k];
    b[k] = b[pivot];
    b[pivot] = swap;
    return fabs(a[k][k]);
}

/* Solves a x = b by Gaussian elimination with row pivoting; n <= SMALL_SOLVE_MAX. x is left in
 * b, a is destroyed. false: a pivot is not larger than `least` (b is then of no use). */
static RT_SAFE inline bool small_solve(double a[SMALL_SOLVE_MAX][SMALL_SOLVE_MAX], double *b,
                                       uint64_t n, double least)
{
    for (uint64_t k = 0; k < n; k++) {
        if (!(small_solve_pivot(a, b, n, k) > least))
            return false;
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

#endif
