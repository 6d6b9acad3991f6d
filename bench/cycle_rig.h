/* The real loop on its real segments, with gateways that this program plays itself. */
#ifndef ORBIT_BENCH_CYCLE_RIG_H
#define ORBIT_BENCH_CYCLE_RIG_H

#include <stdbool.h>

#include "rt/hal/hal_shm.h"
#include "rt/loop/loop.h"
#include "rt/loop/matvec.h"
#include "rt/loop/params.h"
#include "rt/shm/frame.h"
#include "rt/shm/segment.h"
#include "rt/shm/slot_ring.h"

enum { RIG_BPM, RIG_ACTUATOR, RIG_SOURCES };

/* The law of a row: PI; internal model control; with a matrix of its own (gains by singular
 * value); with that, two notches, two harmonics, dispersion removed and kicks pulled to their
 * reference. */
enum rig_law { RIG_PI, RIG_IMC, RIG_IMC_OWN_MATRIX, RIG_IMC_ALL };

struct cycle_setup {
    const char *what;
    struct orbit_dims dims;
    int rate_hz;
    bool frames;   /* a new frame every period, and actuator frames at 50 Hz */
    bool matrices; /* R and K in blocks; one law step per frame */
    enum matvec_storage storage;
    bool
        estimate; /* innovation with bases of half the BPMs' directions, and modes of display */
    bool virtual_loop;
    enum rig_law law;
    bool external; /* frames start the cycle */
};

struct cycle_rig {
    struct cycle_setup setup;
    struct segment status_segment, snapshot_segment, record_segment, setpoint_segment,
        event_segment;
    struct segment input[RIG_SOURCES];
    void *frame_memory[RIG_SOURCES];
    struct frame_writer writer[RIG_SOURCES];
    struct slot_ring snapshots, records, setpoints, events;
    struct status_block *status;
    struct params_store *params;
    struct hal_shm hal;
    struct loop *loop;
    double *value, *aux; /* [n_row], larger than [n_col] */
    int64_t *t_value_ns;
    uint64_t *quality, sequence[RIG_SOURCES];
    int64_t echo_ns; /* next actuator frame of cycle_rig_beat() */
};

MUST_USE enum rc cycle_rig_open(struct cycle_rig *rig, const struct cycle_setup *setup);
void cycle_rig_close(struct cycle_rig *rig);

/* Publishes one frame of a source; values move a little with every frame. */
void cycle_rig_feed(struct cycle_rig *rig, int source, int64_t now_ns);

/* One beat of the gateways: sleeps to at_ns, feeds BPMs, and actuators at 50 Hz. Called once a
 * period, on a clock that is not the loop's, as outside. Returns the next beat. */
int64_t cycle_rig_beat(struct cycle_rig *rig, int64_t at_ns);

#endif
