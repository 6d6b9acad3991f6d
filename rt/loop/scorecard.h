/* What is only for display, and how the loop compares to whoever drives: amplitudes of the
 * fixed modes, correctable part of the orbit, kicks outside the controlled space, and SCORE,
 * the slope and the cosine between STEP and what the running system really applied until the
 * next step.
 *
 * slope = sum STEP du / sum STEP STEP, cosine = sum STEP du / sqrt(sum STEP STEP sum du du),
 * both over a plane's driven correctors and the last steps, with a memory of 50 steps.
 */
#ifndef ORBIT_RT_LOOP_SCORECARD_H
#define ORBIT_RT_LOOP_SCORECARD_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/shm/layout.h"

struct scorecard_plane {
    double step2, both, applied2; /* decaying sums */
    double slope, cosine;         /* 0 as long as nothing was applied */
    double outside_rad;           /* rms of u - K R u */
    double correctable_m;         /* rms of R FULL, usable BPMs */
};

struct scorecard {
    bool primed;
    int64_t outside_ns;   /* when the kicks outside the controlled space were found last */
    double *step, *found; /* [n_col] STEP of the last step, set points found then */
    double *mode; /* [n_row] amplitudes, x modes then y modes, each from its plane's row 0 */
    double *memory;
    uint64_t memory_b;
    struct scorecard_plane plane[2];
};

MUST_USE enum rc scorecard_create(struct scorecard *self, const struct orbit_dims *dims);
void scorecard_destroy(struct scorecard *self);

#endif
