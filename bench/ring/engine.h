/* One sample of the virtual ring after the other: set points -> kicks -> orbit -> readings.
 *
 * Kicks come out of the corrector dynamics; the orbit is the solver's last nonlinear one,
 * carried on linearly with the kicks since, plus disturbances; BPMs and their faults make
 * readings of it. No clock and no EPICS in here: time is an argument, so that tests run in
 * virtual time. Nothing is allocated after engine_create. One thread steps.
 */
#ifndef ORBIT_BENCH_RING_ENGINE_H
#define ORBIT_BENCH_RING_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/ring/controls.h"
#include "bench/ring/disturbance.h"
#include "bench/ring/solver.h"
#include "model/plant/corrector.h"

enum { ENGINE_WHY_SIZE = 200 };

/* What an engine is made of; all of it outlives the engine and is used by it alone from then
 * on, but for controls. */
struct engine_parts {
    struct controls *controls;
    struct solver *solver;
    struct disturbance *disturbance;
    uint32_t n_bpm, n_corrector;
    /* [n_corrector]; gain error and polarity come from the settings, which also scale the rest
     */
    const struct plant_corrector_channel *corrector;
    double corrector_delay_s;
    double bpm_delay_s; /* half a pure delay, half a low-pass */
    double step_s;      /* shortest time between samples */
    double beam_a;      /* stored at the start, and what sum signals are relative to */
    uint64_t seed;
};

/* Valid until the next step. Orbits are [2 n_bpm], x then y. Without a beam positions and
 * readings are 0. */
struct engine_sample {
    const double *position_m; /* of the beam */
    const double *reading_m;  /* as the BPMs tell; NaN where that fault is set */
    const double *sum;        /* [n_bpm], 1: nominal */
    const double *readback_a; /* [n_corrector] */
    double beam_a;            /* 0: none */
    const char *why;          /* beam_a is 0: why */
};

struct engine;

MUST_USE enum rc engine_create(struct engine **engine, const struct engine_parts *parts);
void engine_destroy(struct engine *engine);

/* dt_s seconds pass, at the end of which it is t_s (any origin). */
const struct engine_sample *engine_step(struct engine *engine, double t_s, double dt_s);

#endif
