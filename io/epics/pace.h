/* Numbers frames by their time stamps, so that a frame which got lost on the way leaves a gap.
 */
#ifndef ORBIT_IO_EPICS_PACE_H
#define ORBIT_IO_EPICS_PACE_H

#include <stdint.h>

enum { PACE_LEARN = 16 };

/* Zeroed is a good start. */
struct pace_counter {
    uint64_t seq;
    int64_t last_ns;
    double period_ns;          /* 0: not yet known */
    int64_t learn[PACE_LEARN]; /* first intervals; their median is the period */
    int n_learn;
    int n_odd; /* intervals in a row that were not one period */
};

/* Number of the frame sampled at t_sample_ns: 1, 2, ... plus the frames that are missing. The
 * period is learnt from the first intervals, followed slowly, and learnt anew when PACE_LEARN
 * intervals in a row do not fit. A stamp that does not advance, or a gap beyond 1000 periods
 * (the source was away), counts as one. */
uint64_t pace_count(struct pace_counter *pace, int64_t t_sample_ns);

#endif
