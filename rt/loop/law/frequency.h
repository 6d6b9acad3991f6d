/* What theory says of a law on a plant, for design and tests: not for the loop.
 *
 * The law runs every 1/fs_hz; between its steps the set points stand (zero-order hold), pass a
 * pure delay, of any fraction of a step, and the plant's poles, and the orbit is sampled
 * `average` times a step, whose mean the law takes. For one singular value the loop is closed
 * through the scalar `gain` (K R in that mode: 1 with the right matrix), so that a disturbance
 * d of the sampled orbit leaves S d,
 *
 *   S = 1/(1 + gain C G),   G(z) = sum over n of (s_n - s_{n-1}) z^-n,
 *
 * s_n the plant's answer to a unit step as the law's mean of step n sees it. With average = 1
 * this is exact at every frequency below fs/2; else for what the mean shows. Any thread.
 */
#ifndef ORBIT_RT_LOOP_LAW_FREQUENCY_H
#define ORBIT_RT_LOOP_LAW_FREQUENCY_H

#include <complex.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/loop/law/terms.h"

enum { LAW_MAX_POLE = 6 };

/* Start with struct law_plant plant = {.delay_s = ..., .gain = 1, .average = 1}. */
struct law_plant {
    double delay_s; /* from the sample of the orbit to the change of the current */
    double gain;
    uint64_t average; /* orbits per step, 1 or more */
    uint64_t n_pole;
    double complex pole[LAW_MAX_POLE]; /* rad/s, real part below 0; all different */
};

/* A first-order pole; a second-order pair with this damping (1/sqrt(2): Butterworth). Equal
 * poles are told apart by 1e-6 of themselves. RC_RANGE: not above 0, or more than LAW_MAX_POLE.
 */
MUST_USE enum rc law_plant_add_pole(struct law_plant *plant, double f_hz);
MUST_USE enum rc law_plant_add_pair(struct law_plant *plant, double f_hz, double damping);

/* C: from v of a column to its set point, notches and suppressors included. */
double complex law_frequency_response(const struct law_terms *terms, uint64_t col, double f_hz,
                                      double fs_hz);

/* Of one notch. */
double complex law_notch_response(const struct law_terms *terms, uint64_t notch, double f_hz,
                                  double fs_hz);

/* G: from set point to the orbit that the law sees, without `gain`. */
double complex law_plant_response(const struct law_plant *plant, double f_hz, double fs_hz);

/* S. */
double complex law_sensitivity(const struct law_terms *terms, uint64_t col,
                               const struct law_plant *plant, double f_hz, double fs_hz);

#endif
