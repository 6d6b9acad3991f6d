/* Percentiles of measured times, and ratios of rounds. */
#ifndef ORBIT_BENCH_SAMPLES_H
#define ORBIT_BENCH_SAMPLES_H

#include <stddef.h>

#include <jansson.h>

struct percentiles {
    double p50, p99, p999, max;
};

/* Sorts ns [n], n >= 1. */
struct percentiles samples_percentiles(double *ns, size_t n);

/* Median of values [n], n >= 1; sorts them. */
double samples_median(double *values, size_t n);

/* Median of each percentile over the rounds [n], as {"p50": ..., "p99": ..., "p99_9": ...,
 * "max": ...} in microseconds; max is the highest. */
json_t *percentiles_json(const struct percentiles *rounds, size_t n);

/* Median, lowest and highest over rounds of a's percentile to b's:
 * {"p50": {"median", "low", "high"}, "p99": {...}}. */
json_t *percentiles_ratio_json(const struct percentiles *a, const struct percentiles *b,
                               size_t n);

#endif
