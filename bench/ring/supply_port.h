/* A virtual power supply that takes set points as datagrams: what orbit-streams(5) says of the
 * receiver. It holds what it has when they stop, and its status says so. */
#ifndef ORBIT_BENCH_RING_SUPPLY_PORT_H
#define ORBIT_BENCH_RING_SUPPLY_PORT_H

#include "bench/ring/controls.h"
#include "config/streams.h"

struct supply_port;

/* streams and controls must outlive it. RC_SYS, RC_NOMEM. */
MUST_USE enum rc supply_port_create(struct supply_port **port, const struct streams *streams,
                                    uint64_t output, struct controls *controls);
void supply_port_destroy(struct supply_port *port); /* NULL is fine */

/* Takes what has come and answers. readback_a [n_h + n_v] */
void supply_port_step(struct supply_port *port, const double *readback_a);

#endif
