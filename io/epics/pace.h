/* Numbers frames by their time stamps, so that a frame which got lost on the way leaves a gap.
 *
 * The stamps are laid on a grid of the source's period, which is learnt from the first
 * intervals and then followed in phase and period. A frame's number is its place on the grid,
 * but always higher than the one before: a late stamp followed by an early one is no loss that
 * would add up.
 */
#ifndef ORBIT_IO_EPICS_PACE_H
#define ORBIT_IO_EPICS_PACE_H

#include <stdint.h>

enum { PACE_LEARN = 16 };

/* Zeroed is a good start. */
struct pace_counter {
    uint64_t seq;              /* last number given */
    uint64_t place;            /* place of the last stamp on the grid, counted like seq */
    int64_t last_ns;           /* last stamp */
    double period_ns;          /* 0: not yet known */
    double offset_ns;          /* of the last stamp from its place on the grid */
    int64_t learn[PACE_LEARN]; /* first intervals; their median is the period */
    int n_learn;
    int n_odd; /* intervals in a row that were not one period */
};

/* Number of the frame sampled at t_sample_ns: 1, 2, ... plus the frames that are missing. The
 * period is learnt anew when PACE_LEARN intervals in a row are not one period, and after a gap
 * of more than 1000 periods (the source was away), which counts as one. */
uint64_t pace_count(struct pace_counter *pace, int64_t t_sample_ns);

#endif
