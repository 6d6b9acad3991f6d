/* A record as the outside of the loop: one cycle is fed, loop_step() is called, and the loop
 * sees the time, the frames and the connections that it saw then.
 *
 * Two BPM sources stand for those of the run: source 0 is the pace with its head and no value,
 * source 1 has the values as the run had merged them. Source 2 is the actuators'. One thread.
 */
#ifndef ORBIT_RT_HAL_HAL_REPLAY_H
#define ORBIT_RT_HAL_HAL_REPLAY_H

#include "rt/base/rc.h"
#include "rt/hal/hal.h"
#include "rt/shm/record.h"

enum { REPLAY_PACE, REPLAY_VALUES, REPLAY_ECHO, REPLAY_SOURCES, REPLAY_BPM_SOURCES = 2 };

/* Bits of a quality that sources do not tell: the loop finds them again. */
#define REPLAY_ROW_OWN ((uint64_t) (QUALITY_MASKED | QUALITY_MISFIT | QUALITY_DISABLED))
#define REPLAY_COL_OWN ((uint64_t) (QUALITY_SATURATED | QUALITY_TRACKING | QUALITY_DISABLED))

struct hal_replay {
    struct orbit_dims dims;
    struct record_view record;
    struct frame_view view[REPLAY_SOURCES];
    void *memory[REPLAY_SOURCES]; /* arrays of the views */
    uint64_t n_setpoint;          /* blocks that the loop sent */
    struct setpoint_head setpoint;
};

/* RC_NOMEM. */
MUST_USE enum rc hal_replay_create(struct hal_replay *self, const struct orbit_dims *dims);
void hal_replay_destroy(struct hal_replay *self);

/* What the next loop_step() sees: a payload of record_size_b() bytes, readable until the next.
 */
void hal_replay_feed(struct hal_replay *self, const void *payload);

RT_SAFE struct hal hal_replay_bind(struct hal_replay *self);

#endif
