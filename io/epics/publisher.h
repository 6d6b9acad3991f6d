/* The IOC of orbit-epics: the points of io/points.def as PVs, and the PVs that take commands.
 *
 *   <prefix>STATE ...      everything in points.def
 *   <prefix>SNAP           PV Access structure of x, y and cycle of one snapshot
 *   <prefix>MODE           choice; a put asks orbitd's manager for that state
 *   <prefix>CMD            text; a put sends it to the manager ("mode arm", "reset", "reload")
 *   <prefix>CMD:RESULT     text of the last answer; <prefix>CMD:CODE its code, 0 is good
 *   <prefix>CMD:COUNT      answers so far, counted after RESULT and CODE are there
 *   <prefix>ALIVE          1 while orbitd publishes fresh snapshots
 *   <prefix>PV:BAD         machine PVs that are not usable
 *
 * What comes from the loop carries the time of its cycle. When nothing fresh comes, every such
 * PV gets severity INVALID and keeps its last value. One thread steps it; puts come in by the
 * IOC's put thread.
 */
#ifndef ORBIT_IO_EPICS_PUBLISHER_H
#define ORBIT_IO_EPICS_PUBLISHER_H

#include <stdint.h>
#include <stdio.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "io/epics/ioc/ioc.h"
#include "io/gateway/link.h"

struct publisher;

/* Makes the IOC and adds all points. RC_NOMEM, RC_INPUT, RC_STATE. */
MUST_USE enum rc publisher_create(struct publisher **publisher, const struct devices *devices,
                                  const struct cfg *cfg, const char *socket_path);

/* The records as text. */
void publisher_print(const struct publisher *publisher, FILE *stream);

/* Starts the servers; the ports used go to *place. */
MUST_USE enum rc publisher_start(struct publisher *publisher, struct ioc_place *place);

/* Publishes once; n_bad: machine PVs not usable. client: NULL if orbitd is away. */
void publisher_step(struct publisher *publisher, struct client *client, size_t n_bad);

/* Stops the servers and frees what is ours; the IOC itself lasts until the process ends. */
void publisher_destroy(struct publisher *publisher);

#endif
