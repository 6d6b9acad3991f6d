#include "model/magnets/conversion.h"

#include <math.h>

enum { MONOTONE_SAMPLES = 1000, BISECTIONS = 200 };

/* ---- table ---- */

static double secant(const struct conversion *c, uint32_t i)
{
    return (c->out[i + 1] - c->out[i]) / (c->in[i + 1] - c->in[i]);
}

/* Inner slopes by the weighted harmonic mean of the secants, which keeps monotone data
 * monotone. */
static double inner_slope(const struct conversion *c, uint32_t i)
{
    double before = secant(c, i - 1), after = secant(c, i);
    double width_before = c->in[i] - c->in[i - 1], width_after = c->in[i + 1] - c->in[i];
    double w1 = 2.0 * width_after + width_before, w2 = width_after + 2.0 * width_before;

    return before * after > 0.0 ? (w1 + w2) / (w1 / before + w2 / after) : 0.0;
}

enum rc conversion_finish(struct conversion *c)
{
    if (c->kind != CONVERSION_TABLE)
        return RC_OK;
    if (c->n < 2)
        return err_set(RC_INPUT, "a table has at least 2 points");
    for (uint32_t i = 1; i < c->n; i++)
        if (!(c->in[i] > c->in[i - 1]))
            return err_set(RC_INPUT, "inputs of a table increase; number %u is %g after %g",
                           i + 1, c->in[i], c->in[i - 1]);
    c->slope[0] = secant(c, 0);
    c->slope[c->n - 1] = secant(c, c->n - 2);
    for (uint32_t i = 1; i + 1 < c->n; i++)
        c->slope[i] = inner_slope(c, i);
    return RC_OK;
}

static double within_table(const struct conversion *c, uint32_t i, double input)
{
    double width = c->in[i + 1] - c->in[i];
    double t = (input - c->in[i]) / width;
    double s = 1.0 - t;

    return c->out[i] * (1.0 + 2.0 * t) * s * s + c->slope[i] * width * t * s * s +
           c->out[i + 1] * t * t * (3.0 - 2.0 * t) - c->slope[i + 1] * width * t * t * s;
}

static double table(const struct conversion *c, double input)
{
    uint32_t last = c->n - 1, i = 0;

    if (input <= c->in[0])
        return c->out[0] + c->slope[0] * (input - c->in[0]);
    if (input >= c->in[last])
        return c->out[last] + c->slope[last] * (input - c->in[last]);
    while (input >= c->in[i + 1])
        i++;
    return within_table(c, i, input);
}

/* ---- all kinds ---- */

static double polynomial(const struct conversion *c, double input)
{
    double sum = 0.0;

    for (uint32_t i = c->n; i-- > 0;)
        sum = sum * input + c->out[i];
    return sum;
}

double conversion_forward(const struct conversion *c, double input)
{
    switch (c->kind) {
    case CONVERSION_IDENTITY:
        return input;
    case CONVERSION_POLYNOMIAL:
        return polynomial(c, input);
    case CONVERSION_TABLE:
        return table(c, input);
    }
    return NAN;
}

enum rc conversion_limit(const struct conversion_range *range, double *input, bool *clamped)
{
    *clamped = false;
    if (!isfinite(*input))
        return err_set(RC_INPUT, "%g is not a number", *input);
    if (*input >= range->lower && *input <= range->upper)
        return RC_OK;
    if (range->policy == RANGE_REJECT)
        return err_set(RC_RANGE, "%g is outside %g ... %g", *input, range->lower, range->upper);
    if (range->policy == RANGE_CLAMP) {
        *input = fmin(fmax(*input, range->lower), range->upper);
        *clamped = true;
    }
    return RC_OK;
}

bool conversion_is_monotone(const struct conversion *c, const struct conversion_range *range)
{
    double step = (range->upper - range->lower) / MONOTONE_SAMPLES;
    double sign = conversion_forward(c, range->upper) - conversion_forward(c, range->lower);
    double before = conversion_forward(c, range->lower);

    for (int i = 1; i <= MONOTONE_SAMPLES; i++) {
        double now = conversion_forward(c, range->lower + step * i);

        if (!((now - before) * sign > 0.0))
            return false;
        before = now;
    }
    return true;
}

enum rc conversion_inverse(const struct conversion *c, const struct conversion_range *range,
                           double output, double *input)
{
    double low = range->lower, high = range->upper;
    double at_low = conversion_forward(c, low), at_high = conversion_forward(c, high);

    if (!conversion_is_monotone(c, range))
        return err_set(RC_INPUT, "the conversion has no inverse between %g and %g", low, high);
    if (!((output - at_low) * (output - at_high) <= 0.0))
        return err_set(RC_RANGE, "%g needs more than %g ... %g, which give %g ... %g", output,
                       low, high, at_low, at_high);
    for (int i = 0; i < BISECTIONS && high - low > 0.0; i++) {
        double middle = low + 0.5 * (high - low);

        if (middle <= low || middle >= high)
            break;
        if ((conversion_forward(c, middle) - output) * (at_high - at_low) > 0.0)
            high = middle;
        else
            low = middle;
    }
    *input =
        fabs(conversion_forward(c, low) - output) <= fabs(conversion_forward(c, high) - output)
            ? low
            : high;
    return RC_OK;
}
