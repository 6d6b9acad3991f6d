/* The last sample for the slow PVs, handed from the update thread to the one that publishes
 * them. */
#ifndef ORBIT_BENCH_RING_SNAPSHOT_H
#define ORBIT_BENCH_RING_SNAPSHOT_H

#include <stdint.h>

#include "bench/ring/engine.h"

struct snapshot {
    double *position_m; /* [2 n_bpm] of the beam */
    double *sum;        /* [n_bpm] */
    double *readback_a; /* [n_corrector] */
    double beam_a;
    int64_t t_utc_ns; /* 0: no sample yet */
    char why[ENGINE_WHY_SIZE];
};

struct snapshots;

MUST_USE enum rc snapshots_create(struct snapshots **snapshots, uint32_t n_bpm,
                                  uint32_t n_corrector);
void snapshots_destroy(struct snapshots *snapshots);

/* Update thread; never waits: a sample that comes while one is taken is left out. */
void snapshots_put(struct snapshots *snapshots, const struct engine_sample *sample,
                   int64_t t_utc_ns);

/* The newest one, which stays as it is until the next call. One taker. */
const struct snapshot *snapshots_take(struct snapshots *snapshots);

#endif
