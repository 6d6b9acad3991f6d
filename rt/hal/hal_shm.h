/* The machine as the gateways see it: frames from their segments, set points into the ring, the
 * host's clocks and the loop's timer. */
#ifndef ORBIT_RT_HAL_HAL_SHM_H
#define ORBIT_RT_HAL_HAL_SHM_H

#include <stdatomic.h>

#include "rt/hal/hal.h"
#include "rt/shm/slot_ring.h"
#include "rt/sys/timer.h"

struct hal_shm {
    struct timer timer;
    struct frame_reader reader[ORBIT_MAX_SOURCE];
    /* Written by the manager when a source attaches or goes, read by the loop. */
    _Atomic uint64_t generation[ORBIT_MAX_SOURCE];
    /* Written by the loop, read by the manager: frames refused, per source. */
    _Atomic uint64_t n_bad[ORBIT_MAX_SOURCE];
    struct slot_ring *setpoints;
    uint64_t n_col;
};

/* Binds the functions; self must outlive hal. */
struct hal hal_shm_bind(struct hal_shm *self);

#endif
