/* What a cycle does to every row or column alike: judging, sums, copies to and from shared
 * memory. Without branches on the data, and in vectors.
 *
 * One source (rows_kernel.inc), compiled for AVX2 and for any processor; rows_kernel() chooses.
 * Sums have a fixed order per variant, as those of matvec.h. Any thread; no memory of its own.
 */
#ifndef ORBIT_RT_LOOP_ROWS_H
#define ORBIT_RT_LOOP_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/shm/frame.h"

/* What a value must keep to, the same for every row of a source. */
struct row_limits {
    uint64_t quality;             /* of all its rows */
    int64_t oldest_ns, newest_ns; /* stamps that are believed */
    double max_m, min_sum;
    int64_t afresh; /* -1: whatever the rows were before, this is the first source; else 0 */
};

/* Over the good elements: sum of squares, largest size, how many. */
struct row_sum {
    double square, max;
    uint64_t n;
};

struct rows_kernel {
    /* Judges n rows of a frame; a row of `quality` that is not good yet takes the frame's
     * verdict, and y its value where that is good. No NaN gets into y. */
    void (*take)(const struct row_limits *limits, const struct frame_view *view, uint64_t n,
                 double *y, uint64_t *quality);

    /* quality |= out[0] | out[1]; error = y - reference; returns how many rows are bad that
     * should not be. */
    uint64_t (*finish)(uint64_t n, const uint64_t *const out[2], const double *y,
                       const double *reference, double *error, uint64_t *quality);

    /* Of value - from, over rows of good quality. */
    struct row_sum (*measure)(uint64_t n, const uint64_t *quality, const double *value,
                              const double *from);

    /* Readbacks and set points found where both are finite, and the quality of each: that of
     * the frame, `all`, `disabled`, INVALID where they are not. */
    void (*take_actuators)(const struct frame_view *view, uint64_t n, uint64_t all,
                           const uint64_t *disabled, double *const readback_found[2],
                           uint64_t *quality);

    /* count[i] counts the frames (new_frame: 0 or 1) in which |readback - found| was beyond the
     * tolerance, and is 0 after one in which it was not; more than `most` is TRACKING. */
    void (*follow)(uint64_t n, const double *const readback_found[2], double tolerance,
                   uint64_t new_frame, uint64_t most, uint64_t *const count_quality[2]);

    double (*sum_square)(const double *value, uint64_t n);

    /* n words to memory that others read meanwhile (words.h). */
    void (*store)(void *shared, const void *own, size_t n);
};

/* The best for this processor; at start, not in a cycle. */
const struct rows_kernel *rows_kernel(void);

/* Variants by themselves, for tests; NULL where the processor lacks it. */
const struct rows_kernel *rows_kernel_portable(void);
const struct rows_kernel *rows_kernel_avx2(void);

#endif
