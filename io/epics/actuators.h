/* Correctors and RF over Channel Access: readbacks and set points found, and the writing of set
 * points under the lease.
 *
 * Which block is written when is io/gateway/lease.h's to say; what of it, setpoint.h's: what
 * changes a set point by half a DAC step or more, rounded to steps and limited, at most
 * epics.write_hz times a second, one put per value outstanding. Disabled correctors are never
 * written, the RF only with energy.drive_rf.
 *
 * RF values are offsets from the frequency that was found first. One thread.
 */
#ifndef ORBIT_IO_EPICS_ACTUATORS_H
#define ORBIT_IO_EPICS_ACTUATORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "io/epics/channels.h"
#include "rt/shm/client.h"

struct actuators;

/* Adds the PVs to channels. RC_NOMEM. */
MUST_USE enum rc actuators_create(struct actuators **actuators, struct channels *channels,
                                  const struct devices *devices, const struct cfg *cfg);
void actuators_destroy(struct actuators *actuators);

/* Takes the live keys: epics.write_hz, ring.disabled_correctors, energy.drive_rf. */
void actuators_configure(struct actuators *actuators, const struct cfg *cfg);

/* A connection was opened or lost: nothing is acknowledged any more. */
void actuators_forget(struct actuators *actuators);

/* Acknowledges an arming, writes the newest block if all conditions hold, and publishes one
 * actuator frame with the echo. client is a ROLE_SOURCE connection; call it at epics.echo_hz.
 */
void actuators_step(struct actuators *actuators, struct client *client, int64_t now_ns);

#endif
