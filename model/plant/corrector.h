/* Correctors as the beam sees them: from set points in A to kicks in rad, n channels.
 *
 * Order of effects per channel: rounding to the DAC step and limits of the power converter,
 * pure delay, rate limit (ramp in A/s), first-order pole of converter, magnet and vacuum
 * chamber, then kick = polarity (1 + gain error) rad_per_a I. Between two set points the result
 * is that of the continuous system, whatever the step: the ramp and the pole are solved in
 * closed form over each step. No allocation after plant_corrector_create; one object per
 * thread.
 */
#ifndef ORBIT_MODEL_PLANT_CORRECTOR_H
#define ORBIT_MODEL_PLANT_CORRECTOR_H

#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

struct plant_corrector_channel {
    double rad_per_a;    /* nominal, with its sign */
    double gain_error;   /* relative: 0.03 kicks 3 % more */
    double polarity;     /* +1 or -1 (a fault) */
    double limit_a;      /* |set point| at most; 0: none */
    double resolution_a; /* DAC step; 0: none */
    double rate_a_per_s; /* 0: none */
    double pole_hz;      /* 0: none */
};

struct plant_corrector;

/* channel [n] is copied. delay_s: pure delay of all, 0 or more; dt_s: shortest step that will
 * be used, above 0. RC_RANGE names the first channel and value that make no sense. */
MUST_USE enum rc plant_corrector_create(struct plant_corrector **plant,
                                        const struct plant_corrector_channel *channel,
                                        uint32_t n, double delay_s, double dt_s);
void plant_corrector_destroy(struct plant_corrector *plant);

/* Settings of a channel, to be changed while it runs (gain error, polarity fault, ...). */
struct plant_corrector_channel *plant_corrector_channel(struct plant_corrector *plant,
                                                        uint32_t i);

/* Settled at these set points [n], A; NULL: all zero. */
void plant_corrector_reset(struct plant_corrector *plant, const double *set_a);

/* The set point of one channel from now on, A. Returns what the power converter takes: rounded
 * and within limits. A value that is not finite is refused: the last one stays. */
double plant_corrector_set(struct plant_corrector *plant, uint32_t i, double set_a);

/* dt_s seconds pass. */
void plant_corrector_advance(struct plant_corrector *plant, double dt_s);

/* Kicks on the beam [n], rad; currents behind the rate limit [n], A (what a readback shows). */
const double *plant_corrector_kick_rad(const struct plant_corrector *plant);
const double *plant_corrector_current_a(const struct plant_corrector *plant);

#endif
