#include "model/transfer.h"

#include <math.h>
#include <string.h>

enum rc transfer_make(struct transfer *out, const double *num, unsigned n_num,
                      const double *den, unsigned n_den)
{
    if (n_num < 1 || n_den < 1 || n_num > TRANSFER_TERMS || n_den > TRANSFER_TERMS)
        return err_set(RC_RANGE,
                       "a law or plant of %u over %u coefficients: 1 to %d are possible", n_num,
                       n_den, TRANSFER_TERMS);
    if (!(fabs(den[0]) > 0))
        return err_set(RC_RANGE, "a transfer function without a present value");
    out->n_num = n_num;
    out->n_den = n_den;
    for (unsigned i = 0; i < n_num; i++)
        out->num[i] = num[i] / den[0];
    for (unsigned i = 0; i < n_den; i++)
        out->den[i] = den[i] / den[0];
    return RC_OK;
}

/* sum[i + j] += a[i] b[j]; returns the number of coefficients. */
static unsigned add_product(double *sum, const double *a, unsigned n_a, const double *b,
                            unsigned n_b)
{
    for (unsigned i = 0; i < n_a; i++)
        for (unsigned j = 0; j < n_b; j++)
            sum[i + j] += a[i] * b[j];
    return n_a + n_b - 1;
}

enum rc transfer_multiply(struct transfer *out, const struct transfer *a,
                          const struct transfer *b)
{
    double num[2 * TRANSFER_TERMS] = {0}, den[2 * TRANSFER_TERMS] = {0};
    unsigned n_num = add_product(num, a->num, a->n_num, b->num, b->n_num);
    unsigned n_den = add_product(den, a->den, a->n_den, b->den, b->n_den);

    return transfer_make(out, num, n_num, den, n_den);
}

enum rc transfer_add(struct transfer *out, const struct transfer *a, const struct transfer *b)
{
    double num[2 * TRANSFER_TERMS] = {0}, den[2 * TRANSFER_TERMS] = {0};
    unsigned n_left = add_product(num, a->num, a->n_num, b->den, b->n_den);
    unsigned n_right = add_product(num, b->num, b->n_num, a->den, a->n_den);
    unsigned n_den = add_product(den, a->den, a->n_den, b->den, b->n_den);

    return transfer_make(out, num, n_left > n_right ? n_left : n_right, den, n_den);
}

static double complex polynomial(const double *coefficient, unsigned n, double complex w)
{
    double complex sum = 0;

    while (n-- > 0)
        sum = sum * w + coefficient[n];
    return sum;
}

double complex transfer_at(const struct transfer *transfer, double complex w)
{
    return polynomial(transfer->num, transfer->n_num, w) /
           polynomial(transfer->den, transfer->n_den, w);
}

/* ---- plant --------------------------------------------------------------------------- */

/* Mean over the n-th step of the answer to a step of the set point at time 0. */
static double mean_step(const struct plant *plant, unsigned n)
{
    double sum = 0.0;

    for (unsigned i = 0; i < plant->average; i++) {
        double t = (n - (double) i / plant->average) * plant->period_s - plant->delay_s;

        if (t > 0)
            sum += plant->pole_hz > 0 ? -expm1(-2 * M_PI * plant->pole_hz * t) : 1.0;
    }
    return sum / plant->average;
}

enum rc transfer_plant(struct transfer *out, const struct plant *plant)
{
    double steps = plant->delay_s / plant->period_s;
    double a = plant->pole_hz > 0 ? exp(-2 * M_PI * plant->pole_hz * plant->period_s) : 0.0;
    unsigned last; /* from here on the pulse response only decays */

    if (!(plant->period_s > 0) || !(plant->delay_s >= 0) || plant->average < 1)
        return err_set(RC_RANGE, "a plant with a period of %g s, a delay of %g s, %u readings",
                       plant->period_s, plant->delay_s, plant->average);
    if (!(steps < TRANSFER_TERMS - 8))
        return err_set(RC_RANGE,
                       "a delay of %g s is %.0f law steps of %g s: below %d can be "
                       "judged",
                       plant->delay_s, steps, plant->period_s, TRANSFER_TERMS - 8);
    memset(out, 0, sizeof *out);
    last = (unsigned) ceil(steps) + 2;
    /* (h0 + h1 w + ... + h_last w^last/(1 - a w)) over one denominator. */
    for (unsigned n = 1; n <= last; n++) {
        double pulse = mean_step(plant, n) - mean_step(plant, n - 1);

        out->num[n] += pulse;
        if (n < last)
            out->num[n + 1] -= a * pulse;
    }
    out->n_num = last + 1;
    out->den[0] = 1.0;
    out->den[1] = -a;
    out->n_den = 2;
    return RC_OK;
}

struct transfer transfer_pi(double kp, double ki, double leak)
{
    return (struct transfer){
        .n_num = 2, .n_den = 2, .num = {kp + ki, -kp}, .den = {1.0, leak - 1.0}};
}
