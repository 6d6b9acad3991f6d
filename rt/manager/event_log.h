/* Events of the loop, from its ring to the journal (stderr), one line each; late events, which
 * may come by the thousand, are summed up once a second. The manager's thread. */
#ifndef ORBIT_RT_MANAGER_EVENT_LOG_H
#define ORBIT_RT_MANAGER_EVENT_LOG_H

#include "rt/manager/machine.h"
#include "rt/shm/slot_ring.h"

struct event_log {
    struct slot_reader reader;
    uint64_t next, lost;                  /* lost: overwritten before they were read */
    uint64_t late, late_skipped, late_ns; /* since they were told last; late_ns: the worst */
    int64_t late_told_ns;
};

/* Starts with the first event of the run. */
MUST_USE enum rc event_log_open(struct event_log *log, const struct machine *machine);

/* Tells everything new; losses are told and counted in COUNTER_EVENTS_LOST. last: late events
 * too, at once. */
void event_log_drain(struct event_log *log, const struct machine *machine, bool last);

#endif
