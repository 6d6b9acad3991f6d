/* How far a feedback loop is from instability: gain and phase margin, sensitivity, bandwidth.
 *
 * A law C and a plant P act alike on every mode; a mode differs only by its gain lambda, an
 * eigenvalue of K R (1 where the inverse fits the machine; complex or of the wrong sign where
 * it does not). Its loop is L = lambda C P, and all of this is about 1 + L: stable       no
 * root of den + lambda num outside the unit circle (Schur-Cohn's test, exact) sensitivity  S =
 * 1/(1 + L): what the loop leaves of a disturbance of the orbit bandwidth    up to here |S| <=
 * -3 dB without interruption, from below K. J. Astrom, R. M. Murray, "Feedback Systems",
 * chapters 10 and 13, for the definitions.
 *
 * Pure but for the grid's memory; one thread per object.
 */
#ifndef ORBIT_MODEL_MARGIN_H
#define ORBIT_MODEL_MARGIN_H

#include <complex.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/transfer.h"
#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum { MARGIN_MAX_GAIN = 1000 };

/* A loop sampled on a grid of frequencies of both signs, for any lambda. */
struct margin_loop {
    struct transfer open; /* C P */
    double period_s;
    uint32_t n;            /* of the grid */
    double *f_hz;          /* [n], ascending, > 0, up to half the law's rate */
    double complex *value; /* [n] C P there */
    double complex *law;   /* [n] C there */
};

struct margin {
    bool stable;
    double gain;      /* by which lambda may grow, at most MARGIN_MAX_GAIN; < 1: unstable */
    double phase_rad; /* which L may lose or gain before it is unstable; 0: unstable */
    double peak;      /* largest |S|; infinite: unstable */
    double peak_hz, bandwidth_hz;
};

/* What is demanded. */
struct margin_need {
    double gain, phase_rad, peak;
};

/* RC_RANGE (transfer.h), RC_NOMEM. */
MUST_USE enum rc margin_loop_create(struct margin_loop *loop, const struct transfer *law,
                                    const struct transfer *plant, double period_s);
void margin_loop_free(struct margin_loop *loop);

/* Exactly; a lambda of 0 is stable: that mode is not controlled. */
bool margin_is_stable(const struct margin_loop *loop, double complex lambda);

/* quick: without the gain margin (0 then). */
struct margin margin_of(const struct margin_loop *loop, double complex lambda, bool quick);

bool margin_is_enough(const struct margin *margin, const struct margin_need *need);

/* |S| on the loop's grid, [n]. */
void margin_sensitivity(const struct margin_loop *loop, double complex lambda, double *s);

/* rms of the set point per rms of white noise of the law's input, for kappa the gain of K in
 * this mode and lambda = kappa s: |kappa C/(1 + lambda C P)| in the mean over all frequencies.
 */
double margin_noise_gain(const struct margin_loop *loop, double kappa, double complex lambda);

#endif
