/* The real machine: frames out of the gateways' segments and of UDP streams, set points into
 * the ring, the host's clocks and the loop's timer. */
#ifndef ORBIT_RT_HAL_HAL_SHM_H
#define ORBIT_RT_HAL_HAL_SHM_H

#include <stdatomic.h>

#include "rt/hal/hal.h"
#include "rt/hal/udp_actuator.h"
#include "rt/hal/udp_input.h"
#include "rt/shm/slot_ring.h"
#include "rt/sys/timer.h"

struct hal_shm {
    struct timer timer;
    struct frame_reader reader[ORBIT_MAX_SOURCE];
    struct udp_input *udp[ORBIT_MAX_SOURCE]; /* instead of the reader, or NULL */
    struct udp_actuator *supplies; /* instead of the reader of supplies_source, or NULL */
    unsigned supplies_source;
    /* Written by the manager when a source attaches or goes, read by the loop. */
    _Atomic uint64_t generation[ORBIT_MAX_SOURCE];
    /* Written by the loop, read by the manager: of the sources with a reader. */
    _Atomic uint64_t n_frames[ORBIT_MAX_SOURCE], n_lost[ORBIT_MAX_SOURCE],
        n_bad[ORBIT_MAX_SOURCE];
    struct slot_ring *setpoints;
    uint64_t n_col;
};

/* What the source counted, [SOURCE_COUNTER_COUNT]. Any thread. */
void hal_shm_counters(const struct hal_shm *self, unsigned source, uint64_t *counter);

/* Binds the functions; self must outlive hal. */
RT_SAFE struct hal hal_shm_bind(struct hal_shm *self);

#endif
