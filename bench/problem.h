/* One matrix in every form that the contestants want, and one call of each. */
#ifndef ORBIT_BENCH_PROBLEM_H
#define ORBIT_BENCH_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "rt/base/rc.h"
#include "rt/loop/matvec.h"

enum contestant {
    CONTEST_READ,     /* nothing but reading as many bytes as the matrix has */
    CONTEST_PANEL,    /* matvec_apply, best variant */
    CONTEST_PANEL2,   /* matvec_apply2, best variant: two right-hand sides */
    CONTEST_AVX2,     /* matvec_apply, AVX2 */
    CONTEST_PORTABLE, /* matvec_apply, portable */
    CONTEST_BLAS_ROW, /* OpenBLAS gemv, A stored by rows */
    CONTEST_BLAS_COL, /* OpenBLAS gemv, A stored by columns */
    CONTEST_COUNT
};

/* x and y of OpenBLAS are of the storage's type, converted beforehand; matvec converts within
 * its time. */
struct problem {
    size_t n_row, n_col;
    enum matvec_storage storage;
    void *matrix[CONTEST_COUNT]; /* NULL: this CPU does not have the variant */
    size_t matrix_b[CONTEST_COUNT];
    struct matvec panel[CONTEST_COUNT];
    double *x[2], *y[2];
    float *x32, *y32;
};

MUST_USE enum rc problem_open(struct problem *p, size_t n_row, size_t n_col,
                              enum matvec_storage storage);
void problem_close(struct problem *p);

/* One product (or read) of one contestant. */
void problem_call(struct problem *p, enum contestant contestant);

/* Takes the contestant's matrix and x out of every cache; false where a program cannot do that.
 */
bool problem_flush(const struct problem *p, enum contestant contestant);

const char *contestant_name(enum contestant contestant);

#endif
