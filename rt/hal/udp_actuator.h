/* Power supplies that take set points as datagrams: the actuator source that is no gateway's.
 *
 * Set points leave within the cycle that made them, all of a device in one datagram, at every
 * step of the law. They leave only if the state drives (state_drives) and the block active, its
 * arming is acknowledged, the device is marked `write`, and it has lately shown who it is: an
 * answer from the address that is written to, with the device number, and every supply that
 * belongs to it. An arming is acknowledged while that holds for every enabled corrector.
 *
 * A set point other than the one sent, in an answer that confirms the cycle it was sent in, was
 * changed by another master. What an answer of a device is older than its time-out is stale.
 */
#ifndef ORBIT_RT_HAL_UDP_ACTUATOR_H
#define ORBIT_RT_HAL_UDP_ACTUATOR_H

#include "rt/hal/supply_datagram.h"
#include "rt/hal/udp_socket.h"
#include "rt/shm/frame.h"

enum { ACTUATOR_MAX_DEVICE = 16 };

struct udp_device_setup {
    enum supply_format format;
    struct udp_address send, listen;
    uint32_t device;
    int64_t timeout_ns;
    bool write;
};

struct udp_supply_setup {
    uint64_t column;
    unsigned device; /* index */
    uint16_t supply;
    double rad_per_a, limit_a, step_a; /* 0: no limit, no steps */
};

struct udp_actuator_setup {
    uint64_t source_id, n_col, n_kick, n_device, n_supply;
    const struct udp_device_setup *device; /* [n_device], up to ACTUATOR_MAX_DEVICE */
    const struct udp_supply_setup *supply; /* [n_supply], one per column at most */
    const struct status_block *status;     /* state and arm_id */
};

struct udp_actuator;

/* Devices with the same address to listen on share a socket. RC_SYS, RC_NOMEM, RC_RANGE. */
MUST_USE enum rc udp_actuator_create(struct udp_actuator **actuator,
                                     const struct udp_actuator_setup *setup);
void udp_actuator_destroy(struct udp_actuator *actuator); /* NULL is fine */

/* Port that the answers of a device come to. */
uint16_t udp_actuator_port(const struct udp_actuator *actuator, unsigned device);

/* Correctors that are not to be driven: they need no device for an arming. Any thread. */
void udp_actuator_enable(struct udp_actuator *actuator, uint64_t column, bool enabled);

/* Takes what has arrived. true: *view is a new frame, until the next call. */
RT_SAFE bool udp_actuator_read(struct udp_actuator *actuator, struct frame_view *view);

/* value [n_col], rad and Hz, NaN: not the loop's. */
RT_SAFE void udp_actuator_write(struct udp_actuator *actuator, const struct setpoint_head *head,
                                const double *value);

/* As bpm_stream_counters. */
const uint64_t *udp_actuator_counters(const struct udp_actuator *actuator);

#endif
