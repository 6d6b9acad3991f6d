#include "rt/loop/law/feed_forward.h"

#include <math.h>

void ff_follow(const struct ff_tables *tables, const double *input, struct ff_hold *hold)
{
    for (uint64_t t = 0; t < tables->n_table; t++) {
        double at = input[tables->table[t].input];

        if (!isfinite(at))
            continue;
        hold->at[t] = at;
        hold->known[t] = 1;
    }
}

/* The point before a position, and how far it is on the way to the next one, 0 to 1. */
static RT_SAFE uint64_t find_point(const struct ff_table *table, double at, double *share)
{
    uint64_t point = 0;

    *share = 0.0;
    while (point + 1 < table->n_point && at >= table->at[point + 1])
        point++;
    if (point + 1 < table->n_point && at > table->at[point])
        *share = (at - table->at[point]) / (table->at[point + 1] - table->at[point]);
    return point;
}

void ff_add(const struct ff_tables *tables, const double *value, uint64_t width,
            const struct ff_hold *hold, uint64_t first, uint64_t n, double *restrict sum)
{
    for (uint64_t t = 0; t < tables->n_table; t++) {
        double share;
        uint64_t point = find_point(&tables->table[t], hold->at[t], &share);
        const double *here = value + (t * FF_MAX_POINT + point) * width + first;
        const double *next = share > 0.0 ? here + width : here;

        if (!hold->known[t])
            continue;
        for (uint64_t i = 0; i < n; i++)
            sum[i] += here[i] + share * (next[i] - here[i]);
    }
}
