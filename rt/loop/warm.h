/* The part of the wait that is spun, used to fetch what the next cycle will touch: the caches
 * were somebody else's while the loop slept. Changes nothing but what is cached; never makes
 * the cycle late. The loop's thread. */
#ifndef ORBIT_RT_LOOP_WARM_H
#define ORBIT_RT_LOOP_WARM_H

#include "rt/hal/hal.h"
#include "rt/loop/loop.h"
#include "rt/loop/params.h"
#include "rt/loop/timing.h"
#include "rt/loop/workspace.h"

struct warm {
    const struct hal *hal;
    struct params_store *params;
    struct workspace *w;
    struct timing *timing;
    const struct loop_outputs *out;
};

/* Sleeps through the first part of the wait for due_ns, and fetches until shortly before. */
RT_SAFE void warm_until(const struct warm *warm, int64_t due_ns);

#endif
