#include "io/epics/pace.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_GAP = 1000 };

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
    return (x > y) - (x < y);
}

static void learn(struct pace_counter *pace, int64_t interval_ns)
{
    pace->learn[pace->n_learn++] = interval_ns;
    if (pace->n_learn == PACE_LEARN) {
        qsort(pace->learn, PACE_LEARN, sizeof *pace->learn, compare);
        pace->period_ns = (double) pace->learn[PACE_LEARN / 2];
        pace->n_learn = 0;
    }
}

/* Nothing but odd intervals for a while: the source has another rate now. */
static void note_odd(struct pace_counter *pace, bool odd)
{
    pace->n_odd = odd ? pace->n_odd + 1 : 0;
    if (pace->n_odd == PACE_LEARN) {
        pace->n_odd = 0;
        pace->period_ns = 0;
    }
}

/* Periods in an interval. The stamps jitter, so that only 1.5 periods and more are a gap. */
static uint64_t steps_in(struct pace_counter *pace, double interval_ns)
{
    double steps = round(interval_ns / pace->period_ns);
    if (steps >= 1 && steps <= MAX_GAP) {
        pace->period_ns += 0.01 * (interval_ns / steps - pace->period_ns);
    }
    note_odd(pace, steps < 1 || steps > 1);
    return steps >= 1 && steps <= MAX_GAP ? (uint64_t) steps : 1;
}

uint64_t pace_count(struct pace_counter *pace, int64_t t_sample_ns)
{
    int64_t interval_ns = t_sample_ns - pace->last_ns;
    uint64_t steps = 1;
    if (pace->seq > 0 && interval_ns > 0 && pace->period_ns > 0) {
        steps = steps_in(pace, (double) interval_ns);
    } else if (pace->seq > 0 && interval_ns > 0) {
        learn(pace, interval_ns);
    }
    pace->last_ns = t_sample_ns;
    pace->seq += steps;
    return pace->seq;
}
