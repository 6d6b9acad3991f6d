/* Rational functions of w = z^-1 with real coefficients: controllers and plants as they look at
 * the sampling instants of a law with steps `period_s` apart, z = exp(2 pi i f period_s).
 *
 * A value is num(w) / den(w), den[0] = 1, coefficient k belongs to w^k. Pure; no allocation;
 * any thread. RC_RANGE: more than TRANSFER_TERMS coefficients.
 */
#ifndef ORBIT_MODEL_TRANSFER_H
#define ORBIT_MODEL_TRANSFER_H

#include <complex.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum { TRANSFER_TERMS = 320 };

struct transfer {
    unsigned n_num, n_den; /* coefficients, >= 1 */
    double num[TRANSFER_TERMS], den[TRANSFER_TERMS];
};

/* From coefficients; den is divided by den[0]. RC_RANGE: too many, or den[0] is 0. */
MUST_USE enum rc transfer_make(struct transfer *out, const double *num, unsigned n_num,
                               const double *den, unsigned n_den);

/* a b, and a + b; out may be a or b. */
MUST_USE enum rc transfer_multiply(struct transfer *out, const struct transfer *a,
                                   const struct transfer *b);
MUST_USE enum rc transfer_add(struct transfer *out, const struct transfer *a,
                              const struct transfer *b);

/* Value at w. Infinite at a pole. */
double complex transfer_at(const struct transfer *transfer, double complex w);

/* What the law's step does to the mean orbit that the next steps see: the set point is held for
 * a step, passes a delay and a first-order pole, and `average` readings spread evenly over a
 * step make one value. Exact for any fraction of a step: with g[n] the mean of the step
 * response 1 - exp(-2 pi pole (t - delay)) over the n-th step, the pulse response is g[n] -
 * g[n-1]. */
struct plant {
    double delay_s;   /* set point to magnet, plus group delay of the BPMs */
    double pole_hz;   /* of corrector, magnet and chamber; 0: none */
    double period_s;  /* of the law */
    unsigned average; /* readings averaged into one law step, >= 1 */
};

/* RC_RANGE: a delay of more steps than TRANSFER_TERMS allows, or parameters below 0. */
MUST_USE enum rc transfer_plant(struct transfer *out, const struct plant *plant);

/* u[k] = (1 - leak) u[k-1] + kp (v[k] - v[k-1]) + ki v[k]. */
struct transfer transfer_pi(double kp, double ki, double leak);

#endif
