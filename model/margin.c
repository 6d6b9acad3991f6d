#include "model/margin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 1500 };
static const double lowest = 1e-6; /* of the law's rate */

static double complex at_frequency(const struct transfer *t, double cycles_per_step)
{
    return transfer_at(t, cexp(CMPLX(0, -2 * M_PI * cycles_per_step)));
}

enum rc margin_loop_create(struct margin_loop *loop, const struct transfer *law,
                           const struct transfer *plant, double period_s)
{
    enum rc rc;

    *loop = (struct margin_loop){.period_s = period_s, .n = POINTS};
    rc = transfer_multiply(&loop->open, law, plant);
    if (rc != RC_OK)
        return rc;
    loop->f_hz = calloc(POINTS, sizeof *loop->f_hz);
    loop->value = calloc(POINTS, sizeof *loop->value);
    loop->law = calloc(POINTS, sizeof *loop->law);
    if (!loop->f_hz || !loop->value || !loop->law) {
        margin_loop_free(loop);
        return err_set(RC_NOMEM, "no memory for a frequency grid");
    }
    for (uint32_t i = 0; i < POINTS; i++) {
        double f = lowest * pow(0.5 / lowest, i / (POINTS - 1.0));

        loop->f_hz[i] = f / period_s;
        loop->value[i] = at_frequency(&loop->open, f);
        loop->law[i] = at_frequency(law, f);
    }
    return RC_OK;
}

void margin_loop_free(struct margin_loop *loop)
{
    free(loop->f_hz);
    free(loop->value);
    free(loop->law);
    memset(loop, 0, sizeof *loop);
}

/* ---- stability ----------------------------------------------------------------------- */

/* Schur-Cohn: a[0] z^n + ... + a[n] has all roots inside the unit circle exactly if each last
 * coefficient of the sequence of polynomials that this makes is smaller than the first. */
static bool roots_are_inside(double complex *a, unsigned n)
{
    for (; n > 0; n--) {
        double complex k = a[n] / a[0];
        double rest = 1.0 - creal(k * conj(k));

        if (!(rest > 0))
            return false;
        for (unsigned i = 0; 2 * i <= n; i++) {
            double complex low = a[i], high = a[n - i];

            a[i] = (low - k * conj(high)) / rest;
            a[n - i] = (high - k * conj(low)) / rest;
        }
    }
    return true;
}

bool margin_is_stable(const struct margin_loop *loop, double complex lambda)
{
    const struct transfer *open = &loop->open;
    unsigned n = open->n_num > open->n_den ? open->n_num : open->n_den;
    double complex a[TRANSFER_TERMS] = {0};

    if (!(cabs(lambda) > 0))
        return true;
    for (unsigned i = 0; i < open->n_num; i++)
        a[i] += lambda * open->num[i];
    for (unsigned i = 0; i < open->n_den; i++)
        a[i] += open->den[i];
    return roots_are_inside(a, n - 1);
}

static double gain_margin(const struct margin_loop *loop, double complex lambda)
{
    double stable = 1.0, unstable = 1.0;

    while (margin_is_stable(loop, unstable * lambda)) {
        stable = unstable;
        unstable *= 1.02;
        if (unstable > MARGIN_MAX_GAIN)
            return MARGIN_MAX_GAIN;
    }
    while (unstable - stable > 1e-6 * stable) {
        double middle = 0.5 * (stable + unstable);

        if (margin_is_stable(loop, middle * lambda))
            stable = middle;
        else
            unstable = middle;
    }
    return stable;
}

/* ---- frequency domain ---------------------------------------------------------------- */

/* A complex lambda has no symmetry: L(-f) = lambda conj(C P)(f) is looked at, too. */
static double complex loop_value(const struct margin_loop *loop, double complex lambda,
                                 uint32_t i, int sign)
{
    return lambda * (sign > 0 ? loop->value[i] : conj(loop->value[i]));
}

/* Where |L| passes 1, the angle between L and -1. */
static double phase_margin(const struct margin_loop *loop, double complex lambda)
{
    double least = M_PI;

    for (int sign = -1; sign <= 1; sign += 2) {
        for (uint32_t i = 1; i < loop->n; i++) {
            double complex from = loop_value(loop, lambda, i - 1, sign);
            double complex to = loop_value(loop, lambda, i, sign);
            double a = log(cabs(from)), b = log(cabs(to));

            if ((a > 0) == (b > 0))
                continue;
            to = from * cexp(clog(to / from) * (a / (a - b)));
            least = fmin(least, fabs(carg(-to)));
        }
    }
    return least;
}

static void find_peak(const struct margin_loop *loop, double complex lambda,
                      struct margin *margin)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        for (uint32_t i = 0; i < loop->n; i++) {
            double s = 1.0 / cabs(1.0 + loop_value(loop, lambda, i, sign));

            if (s > margin->peak) {
                margin->peak = s;
                margin->peak_hz = loop->f_hz[i];
            }
        }
    }
}

static double bandwidth(const struct margin_loop *loop, double complex lambda)
{
    double reached_hz = 0.0;

    for (uint32_t i = 0; i < loop->n; i++) {
        if (cabs(1.0 + loop_value(loop, lambda, i, 1)) < M_SQRT2 ||
            cabs(1.0 + loop_value(loop, lambda, i, -1)) < M_SQRT2)
            break;
        reached_hz = loop->f_hz[i];
    }
    return reached_hz;
}

struct margin margin_of(const struct margin_loop *loop, double complex lambda, bool quick)
{
    struct margin margin = {.stable = margin_is_stable(loop, lambda)};

    if (!margin.stable) {
        margin.peak = INFINITY;
        return margin;
    }
    find_peak(loop, lambda, &margin);
    margin.phase_rad = phase_margin(loop, lambda);
    margin.bandwidth_hz = bandwidth(loop, lambda);
    if (!quick)
        margin.gain = gain_margin(loop, lambda);
    return margin;
}

bool margin_is_enough(const struct margin *margin, const struct margin_need *need)
{
    return margin->stable && margin->gain >= need->gain &&
           margin->phase_rad >= need->phase_rad && margin->peak <= need->peak;
}

void margin_sensitivity(const struct margin_loop *loop, double complex lambda, double *s)
{
    for (uint32_t i = 0; i < loop->n; i++)
        s[i] = 1.0 / cabs(1.0 + lambda * loop->value[i]);
}

double margin_noise_gain(const struct margin_loop *loop, double kappa, double complex lambda)
{
    double sum = 0.0, last_f = 0.0;

    /* The grid is logarithmic: trapezes over frequency; what is below it is as at its start. */
    for (uint32_t i = 0; i < loop->n; i++) {
        double complex x = kappa * loop->law[i] / (1.0 + lambda * loop->value[i]);
        double power = creal(x * conj(x));
        double next_f =
            i + 1 < loop->n ? 0.5 * (loop->f_hz[i] + loop->f_hz[i + 1]) : loop->f_hz[i];

        sum += power * (next_f - last_f);
        last_f = next_f;
    }
    return sqrt(2.0 * loop->period_s * sum);
}
