/* The real machine's PVs, by the device table: BPM waveforms, power converters, RF, stored
 * current. */
#ifndef ORBIT_BENCH_RING_MACHINE_PVS_H
#define ORBIT_BENCH_RING_MACHINE_PVS_H

#include "bench/ring/controls.h"
#include "bench/ring/engine.h"
#include "bench/ring/ring.h"
#include "bench/ring/snapshot.h"
#include "io/epics/ioc/ioc.h"

/* Groups of the IOC: what is published together, and by which thread. */
enum pv_group {
    PV_GROUP_ORBIT,    /* every sample, update thread */
    PV_GROUP_READBACK, /* the others: main thread */
    PV_GROUP_SET,
    PV_GROUP_TRUTH,
    PV_GROUP_SETTING,
    PV_GROUP_FIXED /* once, before the IOC starts */
};

struct machine_pvs;

/* Adds the records to an IOC that is not started yet. Waveforms get a power of two of elements,
 * as the real one has 256 for 123 BPMs. RC_INPUT: a PV of the device table that cannot be
 * served. */
MUST_USE enum rc machine_pvs_add(struct machine_pvs **pvs, struct ioc *ioc,
                                 const struct ring *ring, struct controls *controls);
void machine_pvs_free(struct machine_pvs *pvs);

/* Update thread: stages the readings and publishes them. */
void machine_pvs_publish_orbit(struct machine_pvs *pvs, const struct engine_sample *sample,
                               int64_t t_utc_ns);

/* Main thread: readbacks and current, and set points after they were reset. */
void machine_pvs_publish_slow(struct machine_pvs *pvs, const struct snapshot *now);

#endif
