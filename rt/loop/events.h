/* The event log: what changed since the last cycle, as records in SEG_EVENT.
 *
 * Only the loop's thread. Written in the idle time behind a cycle, and never waits: a reader
 * that is slower than the ring is long loses records and knows how many.
 */
#ifndef ORBIT_RT_LOOP_EVENTS_H
#define ORBIT_RT_LOOP_EVENTS_H

#include "rt/loop/workspace.h"
#include "rt/shm/slot_ring.h"

struct events {
    struct slot_ring *ring;
    enum loop_state state;
    enum timer_mode timer;
    uint64_t revision, reset_cycle;
    bool alive[ORBIT_MAX_SOURCE];
    uint64_t n_active, active[LAW_MAX_ACTIVE]; /* correctors at their limits */
};

void events_begin(struct events *events, struct slot_ring *ring, const struct workspace *w,
                  int64_t period_ns);

/* Writes one record; a .. d are its arguments (enum event_kind). */
RT_SAFE void events_note(const struct events *events, const struct workspace *w,
                         enum event_kind kind, const uint64_t arg[4]);

/* After a cycle: a record for each difference to the cycle before. */
RT_SAFE void events_compare(struct events *events, const struct workspace *w,
                            const struct params *p, uint64_t timing_reset_cycle);

#endif
