/* On which moments cycles start: the grid t0 + k T, or the data's arrival.
 *
 * Late on the grid: skip to the point that is due, never burst. In the mode external each
 * arrival of a frame starts a cycle and moves the grid there; the loop sleeps to 0.6 T behind
 * its last start and then looks for the frame. Without one at 1.5 T it goes on by the timer,
 * and returns to the data when RETURN_FRAMES periods in a row have brought a new frame each, so
 * that a source at another rate does not make it change to and fro. Pure but for the hal; the
 * loop's thread.
 */
#ifndef ORBIT_RT_LOOP_GRID_H
#define ORBIT_RT_LOOP_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/timer_mode.h"
#include "rt/hal/hal.h"

enum { RETURN_FRAMES = 10 };

struct grid {
    enum timer_mode mode; /* TIMER_FALLBACK while the data are missing */
    int64_t period_ns, t0_ns;
    uint64_t index;   /* of the next point */
    int64_t start_ns; /* of the last cycle */
    uint64_t frames;  /* periods in a row with a new frame, in the fallback */
};

/* How a cycle started. */
struct start {
    int64_t now_ns,
        point_ns; /* point_ns: on the grid, the last one that is not in the future */
    uint64_t index, skipped;
    int64_t late_ns; /* behind the first point that was due, or behind the frame's reception */
};

/* The next point is one period away. */
void grid_begin(struct grid *grid, enum timer_mode mode, int64_t period_ns, int64_t now_ns);

/* The point that grid_await will wait for; INT64_MAX: it waits for data. */
RT_SAFE int64_t grid_due_ns(const struct grid *grid);

/* Waits for the next start. new_frame: the last cycle brought a frame of source 0. */
RT_SAFE struct start grid_await(struct grid *grid, const struct hal *hal, bool new_frame);

#endif
