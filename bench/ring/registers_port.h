/* The virtual ring's end of fieldbus.map: a Modbus TCP device for every link, with faults. Each
 * has its own thread and serves one connection after the other. */
#ifndef ORBIT_BENCH_RING_REGISTERS_PORT_H
#define ORBIT_BENCH_RING_REGISTERS_PORT_H

#include "bench/ring/engine.h"
#include "bench/ring/ring.h"

struct registers_port;

/* Values of SETTING_MODBUS_FAULT. */
enum modbus_fault {
    MODBUS_GOOD,
    MODBUS_SILENT,    /* takes requests and answers none */
    MODBUS_SLOW,      /* a byte every 30 ms */
    MODBUS_EXCEPTION, /* refuses every request */
    MODBUS_GARBAGE,   /* answers what is no answer */
    MODBUS_FAULT_COUNT
};

/* Reads fieldbus.map. RC_INPUT: a link is no TCP address of the loopback; RC_SYS, RC_NOMEM. */
MUST_USE enum rc registers_port_create(struct registers_port **port, const struct ring *ring,
                                       struct controls *controls);
void registers_port_destroy(struct registers_port *port); /* NULL is fine */

/* Newest values, by the update thread; never waits. */
void registers_port_put(struct registers_port *port, const struct engine_sample *sample);

#endif
