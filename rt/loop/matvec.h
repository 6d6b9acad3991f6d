/* Matrix times vector for the loop: y = A x, A [n_row][n_col] packed, x [n_col] and y [n_row]
 * float64.
 *
 * A is stored as panels of some rows each; within a panel, columns follow each other without a
 * gap. The product therefore reads A once, as one ascending stream, and keeps a panel's part of
 * y in registers: as fast as reading allows when A is cached, and friendly to the prefetcher
 * when it is not.
 *
 * Three variants of the same kernel (portable, AVX2, AVX-512), chosen once at start. Each has a
 * fixed order of summation that depends on n_row, n_col and storage only: the same inputs give
 * the same bits in every run. Variants differ by rounding; with u = 2^-24 (float32) or 2^-53
 * (float64) every one obeys
 *
 *     |y_i - (A x)_i| <= (n_col + 2) u / (1 - (n_col + 2) u) * sum_j |A_ij| |x_j|
 *
 * (the textbook bound of an inner product, N. J. Higham, "Accuracy and Stability of Numerical
 * Algorithms", section 3.1; the 2 is for rounding A and x to float32). MATVEC_F32 rounds A when
 * it is packed and x at each product, and accumulates in float32 (accumulating its products in
 * float64 costs 1.9 times the time on AVX-512): values beyond 3.4e38 become infinite. NaN and
 * infinities in x reach every row whose sum they enter, as IEEE 754 has it.
 *
 * All memory is the caller's. A struct matvec may be applied by several threads at once, but
 * not while it is packed.
 */
#ifndef ORBIT_RT_LOOP_MATVEC_H
#define ORBIT_RT_LOOP_MATVEC_H

#include <stddef.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum {
    MATVEC_MAX_ROW = 2048,
    MATVEC_MAX_COL = 2048,
    MATVEC_ALIGN = 64 /* of the packed memory */
};

enum matvec_storage { MATVEC_F32, MATVEC_F64, MATVEC_STORAGE_COUNT };

enum matvec_variant { MATVEC_PORTABLE, MATVEC_AVX2, MATVEC_AVX512, MATVEC_VARIANT_COUNT };

struct matvec_kernel;

struct matvec {
    size_t n_row, n_col;
    enum matvec_storage storage;
    const struct matvec_kernel *kernel; /* of the variant in use at matvec_init */
    void *panels;                       /* matvec_size_b() bytes */
};

/* Variant that matvec_init uses: the best this CPU has, unless matvec_select chose another. */
enum matvec_variant matvec_variant(void);

/* Chooses the variant of later matvec_init calls (replay, tests). RC_RANGE if this CPU or this
 * build does not have it. At start only: not for two threads at once. */
MUST_USE enum rc matvec_select(enum matvec_variant variant);

/* "portable", "avx2", "avx512"; never NULL. */
const char *matvec_variant_name(enum matvec_variant variant);

/* Bytes of packed memory, the same for every variant; 0 if a size is outside 1..MATVEC_MAX_*.
 */
RT_SAFE size_t matvec_size_b(size_t n_row, size_t n_col, enum matvec_storage storage);

/* Binds `memory` (aligned to MATVEC_ALIGN, matvec_size_b() bytes, kept by the caller) and sets
 * A = 0. RC_RANGE on a size out of range or a misaligned memory. */
MUST_USE enum rc matvec_init(struct matvec *m, void *memory, size_t n_row, size_t n_col,
                             enum matvec_storage storage);

/* Packs A from rows of ld >= n_col float64. Not in the loop: it takes some 15 products' time.
 */
void matvec_pack(const struct matvec *m, const double *a, size_t ld);

/* y = A x. x and y must not overlap. Needs up to 8 KiB of stack. */
RT_SAFE void matvec_apply(const struct matvec *m, const double *x, double *y);

/* y0 = A x0 and y1 = A x1, bit for bit as two matvec_apply would give, reading A once. x* and
 * y* must not overlap. Needs up to 16 KiB of stack. */
RT_SAFE void matvec_apply2(const struct matvec *m, const double *const x[2],
                           double *const y[2]);

#endif
