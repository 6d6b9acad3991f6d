/* Correctors and RF over Modbus: frames of readbacks and set points found, and the writing of
 * set points under the lease (io/gateway/lease.h, io/gateway/setpoint.h).
 *
 * Frames go out fieldbus.echo_hz times a second; what is in them is as old as the passes of the
 * links. A block is taken at most fieldbus.write_hz times a second; each link's thread writes
 * its part of it after its next pass, neighbouring registers in one request. Before every
 * request all conditions are looked at again, and the request ends with the lease: what is not
 * confirmed by then is thrown away with the connection. Written are only points with `write:
 * true` whose set point was read in the present connection to the device.
 *
 * If a write ends without an answer nobody knows whether it was done: whichever of the two
 * values is found then is taken as ours.
 */
#ifndef ORBIT_IO_MODBUS_ACTUATOR_SOURCE_H
#define ORBIT_IO_MODBUS_ACTUATOR_SOURCE_H

#include "config/cfg.h"
#include "config/devices.h"
#include "io/gateway/link.h"
#include "io/modbus/board.h"
#include "io/modbus/scanner.h"

struct actuator_source;

/* Arguments must outlive it. RC_INPUT: the map has no corrector; RC_NOMEM. */
struct actuator_setup {
    const struct register_map *map;
    const struct devices *devices;
    struct board *board;
    const struct cfg *cfg;
    const char *config_path;
    struct link_spec spec;
};
MUST_USE enum rc actuator_source_create(struct actuator_source **source,
                                        const struct actuator_setup *setup);
MUST_USE enum rc actuator_source_start(struct actuator_source *source);
void actuator_source_stop(struct actuator_source *source);
void actuator_source_destroy(struct actuator_source *source); /* stops it too; NULL is fine */

/* What the links' threads call. */
struct scan_writer actuator_source_writer(struct actuator_source *source);

#endif
