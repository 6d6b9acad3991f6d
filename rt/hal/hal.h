/* Where the beam is: everything the loop asks of the outside world, time included.
 *
 * Implementations: hal_shm (gateways over the sealed segments, the host's clocks) and, in
 * tests, a plant in virtual time. Every function is called by the loop's thread in every cycle
 * and is RT_SAFE (wait may sleep, nothing else may).
 */
#ifndef ORBIT_RT_HAL_HAL_H
#define ORBIT_RT_HAL_HAL_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/shm/frame.h"
#include "rt/shm/layout.h"

struct hal {
    void *self;

    /* CLOCK_MONOTONIC and UTC, ns. */
    int64_t (*now_ns)(void *self);
    int64_t (*utc_ns)(void *self);

    /* Returns not before deadline_ns; the value is the time of return. */
    int64_t (*wait_ns)(void *self, int64_t deadline_ns);

    /* The part of wait_ns that is slept, where the rest of it is spun: what lies between may be
     * used. Returns the time. */
    int64_t (*rest_ns)(void *self, int64_t deadline_ns);

    /* Asks for the cache lines of frames that have come meanwhile; changes nothing. */
    void (*warm_frames)(void *self);

    /* Sleeps until from_ns, then looks for a frame of the present connection of source 0 that
     * read_frame has not delivered yet, until there is one or until_ns has come. Returns the
     * time; *received_ns is that frame's stamp of reception, or INT64_MIN. */
    int64_t (*await_frame_ns)(void *self, int64_t from_ns, int64_t until_ns,
                              int64_t *received_ns);

    /* Makes *view the source's newest frame; false: nothing new (the view is left alone). The
     * view's arrays are the source's private copy: valid until the next call that returns true.
     */
    bool (*read_frame)(void *self, unsigned source, struct frame_view *view);

    /* Generation of the source's present connection; 0: nobody is connected. */
    uint64_t (*generation)(void *self, unsigned source);

    /* Publishes a set-point block; value is [n_col], rad and Hz. active = 0 gives up the lease.
     */
    void (*write_setpoint)(void *self, const struct setpoint_head *head, const double *value);
};

#endif
