/* What the cycles took: phase histograms and the list of the worst, in SEG_STATUS.
 *
 * The loop's thread records; any one other thread may ask for a reset (timing_request_reset),
 * which the loop carries out in its idle time, one histogram a cycle.
 */
#ifndef ORBIT_RT_LOOP_TIMING_H
#define ORBIT_RT_LOOP_TIMING_H

#include <stdatomic.h>
#include <stdint.h>

#include "rt/shm/layout.h"

struct timing {
    struct status_block *status;
    struct slow_cycle now;                /* of the cycle under way */
    uint64_t took_ns[ORBIT_WORST_CYCLES]; /* of each entry of the list */
    unsigned least;                       /* the entry that took least */
    uint64_t writes;                      /* to the list */
    _Atomic uint64_t resets_wanted;
    uint64_t resets_done;
    unsigned cleared; /* of the reset under way: histograms done */
};

/* Counts one duration of a phase; negative ones (a clock read before the deadline) count 0. */
RT_SAFE void timing_record(struct timing *timing, enum phase phase, int64_t ns);

/* Asks for the cache lines that a typical duration of the phase will touch. */
RT_SAFE void timing_warm(const struct timing *timing, enum phase phase);

/* Ends the cycle: enters it into the list if it belongs there. */
RT_SAFE void timing_end_cycle(struct timing *timing, uint64_t cycle, int64_t utc_ns,
                              uint64_t skipped);

/* Idle time: a step of a reset that was asked for. The status tells when all is done. */
RT_SAFE void timing_advance_reset(struct timing *timing, uint64_t cycle);

/* Any one thread: forget histograms and list. */
void timing_request_reset(struct timing *timing);

#endif
