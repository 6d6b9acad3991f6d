/* BPMs as the control system sees them: from beam positions to readings, n BPMs with two planes
 * each.
 *
 * Group delay of filters as a pure delay and a first-order low-pass, then per BPM: reading =
 * gain (rotation by roll) position - offset + noise, so that a beam in the middle reads minus
 * the offset. No allocation after plant_bpm_create; one object per thread; the same seed gives
 * the same noise.
 */
#ifndef ORBIT_MODEL_PLANT_BPM_H
#define ORBIT_MODEL_PLANT_BPM_H

#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

struct plant_bpm_channel {
    double offset_x_m, offset_y_m;
    double gain_x, gain_y; /* 1: right */
    double roll_rad;       /* of the BPM, x towards y */
    double noise_m;        /* rms per reading and plane */
};

struct plant_bpm_settings {
    double delay_s;     /* pure delay, 0 or more; acts in whole steps */
    double low_pass_hz; /* 0: none */
    double dt_s;        /* shortest step that will be used, above 0 */
    uint64_t seed;      /* of the noise */
};

struct plant_bpm;

/* channel [n] is copied. Starts settled at zero. RC_RANGE names the first channel and value
 * that make no sense. */
MUST_USE enum rc plant_bpm_create(struct plant_bpm **plant,
                                  const struct plant_bpm_channel *channel, uint32_t n,
                                  const struct plant_bpm_settings *settings);
void plant_bpm_destroy(struct plant_bpm *plant);

/* Settings of a BPM, to be changed while it runs. */
struct plant_bpm_channel *plant_bpm_channel(struct plant_bpm *plant, uint32_t i);

/* Settled at these positions [2 n]: x of all, then y of all, m. */
void plant_bpm_reset(struct plant_bpm *plant, const double *position_m);

/* dt_s seconds pass, at the end of which the beam is at position_m [2 n] (x of all, then y of
 * all); writes the readings [2 n] in the same order. */
void plant_bpm_advance(struct plant_bpm *plant, double dt_s, const double *position_m,
                       double *reading_m);

#endif
