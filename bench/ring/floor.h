/* The least-squares floor: the smallest orbit error, as a feedback sees it without BPM noise,
 * that the correctors of the virtual ring can reach. Every "after" of a closed loop is judged
 * against it. */
#ifndef ORBIT_BENCH_RING_FLOOR_H
#define ORBIT_BENCH_RING_FLOOR_H

#include "bench/ring/machine.h"
#include "bench/ring/readings.h"

/* Index 0 is x, 1 is y. */
struct floor_result {
    double before_m[2]; /* rms of the error with all correctors at zero */
    double after_m[2];  /* rms of the smallest error found */
    double kick_rms_rad, kick_max_rad;
    uint32_t iterations;
};

/* Gauss-Newton on the nonlinear machine from zero kicks, unregularised least squares over both
 * planes, the RF frequency left alone. kick_rad [correctors] gets the kicks of the floor (may
 * be NULL). Leaves the machine solved at zero kicks. RC_NUMERIC: no closed orbit without
 * correction. */
MUST_USE enum rc floor_find(struct machine *machine, struct readings *readings,
                            struct floor_result *result, double *kick_rad);

#endif
