/* The update thread: steps the engine at absolute deadlines and hands every sample out.
 *
 * Plain scheduling: the virtual ring is nobody's real time. A sample that comes late is made
 * late; points of the grid that passed meanwhile are left out and counted, and the next step is
 * as long as they were.
 */
#ifndef ORBIT_BENCH_RING_PACER_H
#define ORBIT_BENCH_RING_PACER_H

#include "bench/ring/engine.h"

/* Takes one sample, in the update thread. t_utc_ns is the time of the sample, and always
 * increases. */
typedef void (*pacer_take_fn)(void *context, const struct engine_sample *sample,
                              int64_t t_utc_ns);

struct pacer;

struct pacer_counts {
    uint64_t samples; /* made */
    uint64_t skipped; /* points of the grid without a sample */
};

MUST_USE enum rc pacer_start(struct pacer **pacer, struct engine *engine, double rate_hz,
                             pacer_take_fn take, void *context);

/* Ends the thread within a period; NULL is fine. */
void pacer_stop(struct pacer *pacer);

struct pacer_counts pacer_counts(const struct pacer *pacer);

#endif
