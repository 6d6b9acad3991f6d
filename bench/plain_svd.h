/* The plain way to an inverse, as the yardstick: LAPACK's dgesdd and one product. */
#ifndef ORBIT_BENCH_PLAIN_SVD_H
#define ORBIT_BENCH_PLAIN_SVD_H

#include "rt/base/attr.h"
#include "rt/base/rc.h"

/* Pseudo-inverse [n_col][n_row] of matrix [n_row][n_col], row-major, n_row >= n_col. */
MUST_USE enum rc plain_svd_inverse(const double *matrix, int n_row, int n_col, double *inverse);

#endif
