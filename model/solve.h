/* Small dense systems of equations (up to 6 unknowns), where a call into LAPACK costs more than
 * the work. */
#ifndef ORBIT_MODEL_SOLVE_H
#define ORBIT_MODEL_SOLVE_H

#include <stdbool.h>

enum { SOLVE_MAX = 6 };

/* Solves a x = b by Gauss elimination with row pivoting; x replaces b, a is used up. Rows are
 * SOLVE_MAX long, n of them count. False: singular to rounding. */
bool solve_small(double a[SOLVE_MAX][SOLVE_MAX], double b[SOLVE_MAX], int n);

/* Inverse of a symplectic 4x4 matrix by rearrangement; m is only read. */
void solve_symplectic_inverse(double inverse[4][4], double m[4][4]);

#endif
