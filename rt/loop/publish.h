/* Phase "publish": snapshot, record and live numbers of a cycle, into shared memory. */
#ifndef ORBIT_RT_LOOP_PUBLISH_H
#define ORBIT_RT_LOOP_PUBLISH_H

#include "rt/loop/loop.h"
#include "rt/loop/workspace.h"

RT_SAFE void publish_snapshot(const struct workspace *w, const struct params *p,
                              struct slot_ring *ring);
/* A record in two parts: what the sources delivered, before anything is replaced, and the rest
 * behind the phases. */
RT_SAFE void publish_inputs(const struct workspace *w, struct slot_ring *ring);
RT_SAFE void publish_record(const struct workspace *w, const struct params *p,
                            struct slot_ring *ring);
/* The same, left uncommitted: the snapshot is begun here, the record by publish_inputs. */
RT_SAFE void fill_snapshot(const struct workspace *w, const struct params *p,
                           struct slot_ring *ring);
RT_SAFE void fill_record(const struct workspace *w, const struct params *p,
                         struct slot_ring *ring);

RT_SAFE void publish_status(const struct workspace *w, const struct params *p,
                            struct status_block *status);

#endif
