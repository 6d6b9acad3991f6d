#include "rt/loop/law/frequency.h"

#include <math.h>
#include <stdbool.h>

/* z^-1 at f_hz */
static double complex turned(double f_hz, double fs_hz)
{
    double angle = 2.0 * M_PI * f_hz / fs_hz;

    return CMPLX(cos(angle), -sin(angle));
}

static double complex add_pole(struct law_plant *plant, double complex pole)
{
    const double apart = 1e-6;

    for (uint64_t i = 0; i < plant->n_pole; i++)
        if (cabs(pole - plant->pole[i]) < apart * cabs(pole))
            return add_pole(plant, pole * (1.0 + 2.0 * apart));
    plant->pole[plant->n_pole++] = pole;
    return pole;
}

enum rc law_plant_add_pole(struct law_plant *plant, double f_hz)
{
    if (!(f_hz > 0.0) || plant->n_pole >= LAW_MAX_POLE)
        return err_set(RC_RANGE, "plant: pole of %g Hz, or more than %d poles", f_hz,
                       LAW_MAX_POLE);
    (void) add_pole(plant, -2.0 * M_PI * f_hz);
    return RC_OK;
}

enum rc law_plant_add_pair(struct law_plant *plant, double f_hz, double damping)
{
    double complex w = 2.0 * M_PI * f_hz, root = csqrt(damping * damping - 1.0);

    if (!(f_hz > 0.0) || !(damping > 0.0) || plant->n_pole + 2 > LAW_MAX_POLE)
        return err_set(RC_RANGE, "plant: pair of %g Hz, damping %g, or more than %d poles",
                       f_hz, damping, LAW_MAX_POLE);
    (void) add_pole(plant, w * (-damping + root));
    (void) add_pole(plant, w * (-damping - root));
    return RC_OK;
}

/* ---- law ---- */

static double complex notch_response(const struct law_biquad *q, double complex z1)
{
    return (q->b0 + q->b1 * z1 + q->b2 * z1 * z1) / (1.0 + q->a1 * z1 + q->a2 * z1 * z1);
}

double complex law_notch_response(const struct law_terms *terms, uint64_t notch, double f_hz,
                                  double fs_hz)
{
    return notch_response(&terms->notch[notch], turned(f_hz, fs_hz));
}

/* g (cos phi - cos(w - phi) z^-1)/(1 - 2 cos w z^-1 + z^-2) */
static double complex resonator_response(const struct law_resonator *r, double complex z1)
{
    double cos_w_phi = r->turn.re * r->phase.re + r->turn.im * r->phase.im;

    return r->gain * (r->phase.re - cos_w_phi * z1) / (1.0 - 2.0 * r->turn.re * z1 + z1 * z1);
}

static double complex base_response(const struct law_terms *terms, uint64_t col,
                                    double complex z1)
{
    double b = terms->b;

    if (terms->kind == LAW_IMC)
        return terms->lead[col] * (1.0 - terms->a[col] * z1) /
               (1.0 - b * z1 -
                (1.0 - b) * (1.0 - terms->leak) * cpow(z1, (double) (terms->d + 1)));
    return (terms->kp * (1.0 - z1) + terms->ki) / (1.0 - (1.0 - terms->leak) * z1);
}

double complex law_frequency_response(const struct law_terms *terms, uint64_t col, double f_hz,
                                      double fs_hz)
{
    double complex z1 = turned(f_hz, fs_hz), c = base_response(terms, col, z1);

    for (uint64_t h = 0; h < terms->n_harmonic; h++)
        c += resonator_response(&terms->harmonic[h], z1);
    for (uint64_t k = 0; k < terms->n_notch; k++)
        c *= notch_response(&terms->notch[k], z1);
    return terms->gain[col] * c;
}

/* ---- plant ---- */

/* Residue of G(s)/s at pole i: its share of the answer to a unit step. */
static double complex residue(const struct law_plant *plant, uint64_t i)
{
    double complex r = -1.0;

    for (uint64_t j = 0; j < plant->n_pole; j++)
        if (j != i)
            r *= -plant->pole[j] / (plant->pole[i] - plant->pole[j]);
    return r;
}

/* The answer t_s after a unit step has come through the delay. */
static double complex step_response(const struct law_plant *plant, double t_s)
{
    double complex s = 1.0;

    if (!(t_s > 0.0))
        return 0.0;
    for (uint64_t i = 0; i < plant->n_pole; i++)
        s += residue(plant, i) * cexp(plant->pole[i] * t_s);
    return s;
}

static double complex mean_response(const struct law_plant *plant, uint64_t n, double period_s)
{
    const double instant = 1e-9; /* of a step: rounding is not a reason to be a sample early */
    double complex sum = 0.0;

    for (uint64_t m = 0; m < plant->average; m++)
        sum += step_response(
            plant, ((double) n - (double) m / (double) plant->average - instant) * period_s -
                       plant->delay_s);
    return sum / (double) plant->average;
}

/* Once every sample of a step is past the delay, each pole goes on as a geometric series. */
static double complex tail(const struct law_plant *plant, uint64_t from, double period_s,
                           double complex z1)
{
    double complex sum = 0.0;

    for (uint64_t i = 0; i < plant->n_pole; i++) {
        double complex p = plant->pole[i], mean = 0.0, q = cexp(p * period_s) * z1;

        for (uint64_t m = 0; m < plant->average; m++)
            mean +=
                cexp(p * (((double) from - (double) m / (double) plant->average) * period_s -
                          plant->delay_s)) /
                (double) plant->average;
        sum += residue(plant, i) * mean * (1.0 - cexp(-p * period_s)) *
               cpow(z1, (double) from) / (1.0 - q);
    }
    return sum;
}

double complex law_plant_response(const struct law_plant *plant, double f_hz, double fs_hz)
{
    double period_s = 1.0 / fs_hz;
    uint64_t last = (uint64_t) ceil(plant->delay_s / period_s) + 2;
    double complex z1 = turned(f_hz, fs_hz), g = 0.0, before = 0.0;

    for (uint64_t n = 0; n <= last; n++) {
        double complex now = mean_response(plant, n, period_s);

        g += (now - before) * cpow(z1, (double) n);
        before = now;
    }
    return g + tail(plant, last + 1, period_s, z1);
}

double complex law_sensitivity(const struct law_terms *terms, uint64_t col,
                               const struct law_plant *plant, double f_hz, double fs_hz)
{
    return 1.0 / (1.0 + plant->gain * law_frequency_response(terms, col, f_hz, fs_hz) *
                            law_plant_response(plant, f_hz, fs_hz));
}
