/* What v passes before the law (notches), and what acts beside it (harmonic suppressors). */
#include "rt/loop/law/parts.h"

#include <math.h>
#include <string.h>

void law_filter(const struct law_terms *terms, struct law_state *state, double *v)
{
    for (unsigned k = 0; k < terms->n_notch; k++) {
        const struct law_biquad q = terms->notch[k];
        double *restrict z1 = law_array(state, LAW_NOTCH_1 + k);
        double *restrict z2 = law_array(state, LAW_NOTCH_2 + k);

        for (uint64_t j = 0; j < state->n_col; j++) {
            double in = v[j], out = q.b0 * in + z1[j];

            z1[j] = q.b1 * in - q.a1 * out + z2[j];
            z2[j] = q.b2 * in - q.a2 * out;
            v[j] = out;
        }
    }
}

/* With in = out = v, which a notch's gain of 1 at 0 Hz allows. */
void law_filter_settle(const struct law_terms *terms, struct law_state *state, const double *v)
{
    for (unsigned k = 0; k < terms->n_notch; k++) {
        const struct law_biquad q = terms->notch[k];
        double *z1 = law_array(state, LAW_NOTCH_1 + k), *z2 = law_array(state, LAW_NOTCH_2 + k);

        for (uint64_t j = 0; j < state->n_col; j++) {
            z2[j] = (q.b2 - q.a2) * v[j];
            z1[j] = (q.b1 - q.a1) * v[j] + z2[j];
        }
    }
}

void law_quiet(struct law_state *state)
{
    for (unsigned h = 0; h < LAW_MAX_HARMONIC; h++) {
        if (!state->fading[h])
            continue;
        memset(law_array(state, LAW_REAL + h), 0, state->n_col * sizeof(double));
        memset(law_array(state, LAW_IMAGINARY + h), 0, state->n_col * sizeof(double));
        state->fading[h] = 0;
    }
}

/* One step further round the circle; the length is pulled back to 1, so that rounding does not
 * add up. */
static RT_SAFE struct law_phasor turn(struct law_phasor at, struct law_phasor by)
{
    struct law_phasor to = {at.re * by.re - at.im * by.im, at.re * by.im + at.im * by.re};
    double scale = 1.5 - 0.5 * (to.re * to.re + to.im * to.im);

    return (struct law_phasor){to.re * scale, to.im * scale};
}

/* The amplitude of every column turns with w: A += g v e^(-jwk), u = Re(A e^(jwk + j phi)). */
static RT_SAFE void suppress_one(const struct law_resonator *r, struct law_state *state,
                                 unsigned h, const double *v, double *sum)
{
    double *restrict re = law_array(state, LAW_REAL + h);
    double *restrict im = law_array(state, LAW_IMAGINARY + h);
    struct law_phasor now = turn(state->turned[h], r->turn);
    double in_re = r->gain * now.re, in_im = -r->gain * now.im;
    double out_re = now.re * r->phase.re - now.im * r->phase.im;
    double out_im = now.re * r->phase.im + now.im * r->phase.re;

    for (uint64_t j = 0; j < state->n_col; j++) {
        re[j] += in_re * v[j];
        im[j] += in_im * v[j];
        sum[j] += re[j] * out_re - im[j] * out_im;
    }
    state->turned[h] = now;
    state->last[h] = *r;
}

/* A suppressor that was taken away is not cut off: what it did fades. */
static RT_SAFE void fade(struct law_state *state, unsigned h, const double *v, double *sum)
{
    const double keep = 0.99;
    double *re = law_array(state, LAW_REAL + h), *im = law_array(state, LAW_IMAGINARY + h);
    struct law_resonator silent = state->last[h];
    double largest = 0.0;

    for (uint64_t j = 0; j < state->n_col; j++) {
        re[j] *= keep;
        im[j] *= keep;
        largest = fmax(largest, fmax(fabs(re[j]), fabs(im[j])));
    }
    silent.gain = 0.0;
    suppress_one(&silent, state, h, v, sum);
    state->fading[h] = largest > 1e-15;
}

void law_suppress(const struct law_terms *terms, struct law_state *state, const double *v,
                  double *sum)
{
    for (unsigned h = 0; h < LAW_MAX_HARMONIC; h++) {
        if (h < terms->n_harmonic) {
            suppress_one(&terms->harmonic[h], state, h, v, sum);
            state->fading[h] = 1;
        } else if (state->fading[h]) {
            fade(state, h, v, sum);
        }
    }
}
