/* The virtual ring's own PVs, under virtual.prefix: settings, faults, commands, and the truth.
 */
#ifndef ORBIT_BENCH_RING_SIM_PVS_H
#define ORBIT_BENCH_RING_SIM_PVS_H

#include "bench/ring/machine_pvs.h"
#include "bench/ring/pacer.h"

struct sim_pvs;

MUST_USE enum rc sim_pvs_add(struct sim_pvs **pvs, struct ioc *ioc, const struct ring *ring,
                             struct controls *controls);
void sim_pvs_free(struct sim_pvs *pvs);

/* Main thread, once after ioc_start: shows the settings as they are at the start. */
void sim_pvs_publish_settings(struct sim_pvs *pvs);

/* Main thread, again and again. */
void sim_pvs_publish(struct sim_pvs *pvs, const struct snapshot *now,
                     const struct solver_counts *solver, const struct pacer_counts *pacer);

#endif
