/* The virtual ring's end of udp.map: BPMs that send datagrams, with faults, and power supplies
 * that take set points as datagrams, orbit-streams(5). Used by the update thread alone. */
#ifndef ORBIT_BENCH_RING_STREAMS_PORT_H
#define ORBIT_BENCH_RING_STREAMS_PORT_H

#include "bench/ring/engine.h"
#include "bench/ring/ring.h"

struct streams_port;

/* Reads udp.map. RC_INPUT: an address is not on the loopback; RC_SYS, RC_NOMEM. */
MUST_USE enum rc streams_port_create(struct streams_port **port, const struct ring *ring,
                                     struct controls *controls);
void streams_port_destroy(struct streams_port *port); /* NULL is fine */

/* Takes set points that have come, answers, and sends the sample's positions. */
void streams_port_step(struct streams_port *port, const struct engine_sample *sample);

#endif
