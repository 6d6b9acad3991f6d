/* The virtual ring as a running IOC: from the start of its threads to the signal that ends
 * them. */
#ifndef ORBIT_BENCH_RING_SERVE_H
#define ORBIT_BENCH_RING_SERVE_H

#include "bench/ring/ring.h"

/* Writes the reference orbit, serves, and returns after SIGTERM or SIGINT. Call it once a
 * process, and before any other thread exists: signals are blocked for all of them. */
MUST_USE enum rc serve(struct ring *ring);

#endif
