#include "bench/samples.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 1000 };

static int compare(const void *a, const void *b)
{
    double x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

struct percentiles samples_percentiles(double *ns, size_t n)
{
    qsort(ns, n, sizeof(*ns), compare);
    return (struct percentiles){.p50 = ns[n / 2],
                                .p99 = ns[n * 99 / 100],
                                .p999 = ns[n * 999 / 1000],
                                .max = ns[n - 1]};
}

double samples_median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double field(const struct percentiles *p, size_t offset)
{
    double value;

    memcpy(&value, (const char *) p + offset, sizeof(value));
    return value;
}

static double median_us(const struct percentiles *rounds, size_t n, size_t offset)
{
    double values[MAX_ROUNDS];

    for (size_t i = 0; i < n && i < MAX_ROUNDS; i++)
        values[i] = field(&rounds[i], offset) / 1000;
    return samples_median(values, n < MAX_ROUNDS ? n : MAX_ROUNDS);
}

json_t *percentiles_json(const struct percentiles *rounds, size_t n)
{
    double max = 0;

    for (size_t i = 0; i < n; i++)
        if (rounds[i].max > max)
            max = rounds[i].max;
    return json_pack("{s:f, s:f, s:f, s:f}", "p50_us",
                     median_us(rounds, n, offsetof(struct percentiles, p50)), "p99_us",
                     median_us(rounds, n, offsetof(struct percentiles, p99)), "p99_9_us",
                     median_us(rounds, n, offsetof(struct percentiles, p999)), "max_us",
                     max / 1000);
}

static json_t *ratio_json(const struct percentiles *a, const struct percentiles *b, size_t n,
                          size_t offset)
{
    double ratio[MAX_ROUNDS];
    size_t used = 0;

    for (size_t i = 0; i < n && used < MAX_ROUNDS; i++)
        if (field(&b[i], offset) > 0)
            ratio[used++] = field(&a[i], offset) / field(&b[i], offset);
    if (used == 0)
        return json_null();
    double median = samples_median(ratio, used);

    return json_pack("{s:f, s:f, s:f}", "median", median, "low", ratio[0], "high",
                     ratio[used - 1]);
}

json_t *percentiles_ratio_json(const struct percentiles *a, const struct percentiles *b,
                               size_t n)
{
    return json_pack("{s:o, s:o}", "p50",
                     ratio_json(a, b, n, offsetof(struct percentiles, p50)), "p99",
                     ratio_json(a, b, n, offsetof(struct percentiles, p99)));
}
