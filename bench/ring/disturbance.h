/* What moves the orbit of the virtual ring besides its correctors: mains ripple and slow drift.
 *
 * Both come from moving quadrupoles, so that they look like orbits. The ripple is two such
 * patterns, a quarter period apart; the drift is a sum of patterns whose amplitudes wander
 * (Ornstein-Uhlenbeck, time constants from 20 s to 1000 s), from zero at the start. No
 * allocation after disturbance_create; one thread at a time.
 */
#ifndef ORBIT_BENCH_RING_DISTURBANCE_H
#define ORBIT_BENCH_RING_DISTURBANCE_H

#include "bench/ring/machine.h"

struct disturbance;

/* Patterns about the machine's last solution. */
MUST_USE enum rc disturbance_create(struct disturbance **disturbance, struct machine *machine,
                                    uint64_t seed);
void disturbance_destroy(struct disturbance *disturbance);

/* dt_s seconds pass, at the end of which it is t_s (any origin). Adds to position_m [2 bpms];
 * line_m and drift_m are the rms of each plane over BPMs and time. */
void disturbance_add(struct disturbance *disturbance, double t_s, double dt_s, double line_m,
                     double drift_m, double *position_m);

/* The drift is zero again. */
void disturbance_reset(struct disturbance *disturbance);

#endif
