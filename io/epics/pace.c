#include "io/epics/pace.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_GAP = 1000 };

/* A second-order follower, critically damped: per frame this much of the offset goes to the
 * phase, a quarter of its square to the period. */
#define PHASE_GAIN  0.05
#define PERIOD_GAIN (PHASE_GAIN * PHASE_GAIN / 4)

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
    return (x > y) - (x < y);
}

/* Mean of the intervals that are near their median: neither gaps nor jitter mislead it. */
static double typical_ns(int64_t *interval_ns, int n)
{
    double sum = 0;
    int n_sum = 0;
    qsort(interval_ns, (size_t) n, sizeof *interval_ns, compare);
    double median = (double) interval_ns[n / 2];
    for (int i = 0; i < n; i++) {
        double interval = (double) interval_ns[i];
        if (interval > 0.5 * median && interval < 1.5 * median) {
            sum += interval;
            n_sum++;
        }
    }
    return sum / n_sum;
}

static void learn(struct pace_counter *pace, int64_t interval_ns)
{
    pace->learn[pace->n_learn++] = interval_ns;
    if (pace->n_learn == PACE_LEARN) {
        pace->period_ns = typical_ns(pace->learn, PACE_LEARN);
        pace->n_learn = 0;
        pace->n_odd = 0;
        pace->offset_ns = 0;
        pace->place = pace->seq;
    }
}

/* The period does not fit any more: begin with what comes next. */
static void forget(struct pace_counter *pace)
{
    pace->period_ns = 0;
    pace->n_learn = 0;
}

static void lay_on_grid(struct pace_counter *pace, double interval_ns)
{
    double beyond_ns = pace->offset_ns + interval_ns;
    double steps = round(beyond_ns / pace->period_ns);
    if (steps < -1 || steps > MAX_GAP) {
        forget(pace);
        return;
    }
    double offset_ns = beyond_ns - steps * pace->period_ns;
    pace->offset_ns = offset_ns * (1 - PHASE_GAIN);
    pace->period_ns += offset_ns * PERIOD_GAIN;
    pace->place = (uint64_t) ((int64_t) pace->place + (int64_t) steps);
    bool odd = steps < 1 || steps > 1;
    pace->n_odd = odd ? pace->n_odd + 1 : 0;
    if (pace->n_odd == PACE_LEARN) {
        forget(pace);
    }
}

uint64_t pace_count(struct pace_counter *pace, int64_t t_sample_ns)
{
    int64_t interval_ns = t_sample_ns - pace->last_ns;
    bool known = pace->period_ns > 0;
    if (known) {
        lay_on_grid(pace, (double) interval_ns);
    }
    pace->seq++;
    if (known && pace->period_ns > 0 && pace->place > pace->seq) {
        pace->seq = pace->place;
    } else if (!known && pace->seq > 1 && interval_ns > 0) {
        learn(pace, interval_ns);
    }
    pace->last_ns = t_sample_ns;
    return pace->seq;
}
