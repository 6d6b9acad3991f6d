/* BPM errors of the virtual ring, drawn from its seed, and the orbit error as a feedback sees
 * it.
 *
 * The reference orbit is what beam-based alignment would leave: the reading of a beam on the
 * design axis, with an error of its own. (Real alignment finds the nearest quadrupole's centre;
 * those 30 um are left out, because a reference that follows every quadrupole could not be
 * reached by any correction.) Vectors are [2 n]: x of all BPMs, then y of all, m.
 */
#ifndef ORBIT_BENCH_RING_READINGS_H
#define ORBIT_BENCH_RING_READINGS_H

#include <stdint.h>

#include "model/plant/bpm.h"

struct reading_errors {
    uint64_t seed;
    double offset_m, gain, roll_rad, noise_m; /* rms */
    double bba_m;                             /* rms error of the reference */
};

/* Fills channel [n] and reference_m [2 n]. */
void readings_draw(const struct reading_errors *errors, uint32_t n,
                   struct plant_bpm_channel *channel, double *reference_m);

struct readings;

/* Keeps reference_m [2 n] and channel [n] by copy, without their noise. */
MUST_USE enum rc readings_create(struct readings **readings,
                                 const struct plant_bpm_channel *channel, uint32_t n,
                                 const double *reference_m);
void readings_destroy(struct readings *readings);

uint32_t readings_bpms(const struct readings *readings);

/* Settings of one BPM changed: its noise is taken as zero. */
void readings_change(struct readings *readings, uint32_t i,
                     const struct plant_bpm_channel *channel);

/* error_m = noise-free reading of position_m - reference. */
void readings_error(struct readings *readings, const double *position_m, double *error_m);

/* rms of x and of y. */
void readings_rms(const double *vector_m, uint32_t n, double rms_m[2]);

#endif
