/* Log-linear histogram of durations in nanoseconds, always on, in memory that others read live.
 *
 * Values below 32 ns have a bin each; above, every octave is cut into 32 equal bins, so a bin
 * is at most 1/32 (3.2 %) of its value wide. Values from 2^36 ns (68 s) go to the last bin.
 * Zeroed memory is an empty histogram.
 *
 *                  hist_record   hist_copy   others (on copies)
 *   hist_record         X            -            -              X: one writer thread only
 *   hist_copy           -            -            -              -: at any time
 *
 * A live histogram is written and copied with relaxed 8-byte atomics; the fields of a copy may
 * be apart by the records made while it was taken. Only its writer may clear it; whoever else
 * wants an interval keeps a copy as its baseline and subtracts it from a later one
 * (hist_subtract).
 */
#ifndef ORBIT_RT_BASE_HIST_H
#define ORBIT_RT_BASE_HIST_H

#include <stdint.h>

#include "rt/base/attr.h"

enum { HIST_SUB_BITS = 5, HIST_OCTAVES = 31, HIST_BINS = (HIST_OCTAVES + 1) << HIST_SUB_BITS };

struct hist {
    uint64_t count, max, sum, min; /* max, sum, min in ns; min means nothing while count is 0 */
    uint64_t bin[HIST_BINS];
};

/* Counts one value. */
RT_SAFE void hist_record(struct hist *hist, uint64_t ns);

/* Forgets everything; for the one who records. */
RT_SAFE void hist_clear(struct hist *hist);

/* Copies a live histogram. */
void hist_copy(struct hist *copy, const struct hist *live);

/* later -= baseline, both copies of the same histogram, baseline the older one. max and min of
 * the interval are known to their bin only: the edges of the outermost bins that remain, within
 * the all-time max and min. */
void hist_subtract(struct hist *later, const struct hist *baseline);

/* Smallest value that at least `percent` % of the records do not exceed, rounded up to its
 * bin's upper edge, but never beyond max; 0 for an empty one. percent is clamped to 0..100. */
uint64_t hist_percentile(const struct hist *copy, double percent);

/* Mean in ns; 0 for an empty one. */
double hist_mean_ns(const struct hist *copy);

/* Bin of a value, and the smallest and largest value of a bin (the last one's is UINT64_MAX).
 */
RT_SAFE unsigned hist_bin(uint64_t ns);
uint64_t hist_bin_low_ns(unsigned bin);
uint64_t hist_bin_high_ns(unsigned bin);

#endif
