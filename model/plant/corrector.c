#include "model/plant/corrector.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "model/plant/delay_line.h"

struct plant_corrector {
    uint32_t n;
    double delay_s, t_s;
    bool changed; /* set points since the last push */
    struct plant_corrector_channel *channel;
    struct delay_line *line;
    double *set_a;     /* what the power converters were told */
    double *current_a; /* behind the rate limit */
    double *field_a;   /* behind the pole */
    double *kick_rad;
};

static enum rc refuse(uint32_t i, const char *what, double value)
{
    return err_set(RC_RANGE, "corrector channel %u: %s %g", i, what, value);
}

static enum rc check_channel(const struct plant_corrector_channel *c, uint32_t i)
{
    if (!isfinite(c->rad_per_a))
        return refuse(i, "rad_per_a", c->rad_per_a);
    if (!isfinite(c->gain_error))
        return refuse(i, "gain error", c->gain_error);
    if (!(fabs(c->polarity) > 0) || !isfinite(c->polarity))
        return refuse(i, "polarity", c->polarity);
    if (!(c->limit_a >= 0))
        return refuse(i, "limit_a", c->limit_a);
    if (!(c->resolution_a >= 0))
        return refuse(i, "resolution_a", c->resolution_a);
    if (!(c->rate_a_per_s >= 0))
        return refuse(i, "rate_a_per_s", c->rate_a_per_s);
    if (!(c->pole_hz >= 0))
        return refuse(i, "pole_hz", c->pole_hz);
    return RC_OK;
}

static enum rc check_all(const struct plant_corrector_channel *channel, uint32_t n,
                         double delay_s, double dt_s)
{
    enum rc rc = RC_OK;

    if (!(delay_s >= 0) || !(dt_s > 0) || !(delay_s / dt_s < 1e6))
        return err_set(RC_RANGE, "corrector delay %g s with steps of %g s", delay_s, dt_s);
    for (uint32_t i = 0; i < n && rc == RC_OK; i++)
        rc = check_channel(&channel[i], i);
    return rc;
}

static bool allocate(struct plant_corrector *plant, uint32_t n)
{
    plant->n = n;
    plant->channel = calloc((size_t) n + 1, sizeof *plant->channel);
    plant->set_a = calloc((size_t) n + 1, sizeof *plant->set_a);
    plant->current_a = calloc((size_t) n + 1, sizeof *plant->current_a);
    plant->field_a = calloc((size_t) n + 1, sizeof *plant->field_a);
    plant->kick_rad = calloc((size_t) n + 1, sizeof *plant->kick_rad);
    return plant->channel && plant->set_a && plant->current_a && plant->field_a &&
           plant->kick_rad;
}

enum rc plant_corrector_create(struct plant_corrector **plant,
                               const struct plant_corrector_channel *channel, uint32_t n,
                               double delay_s, double dt_s)
{
    struct plant_corrector *made;
    enum rc rc = check_all(channel, n, delay_s, dt_s);

    if (rc != RC_OK)
        return rc;
    made = calloc(1, sizeof *made);
    if (!made || !allocate(made, n)) {
        plant_corrector_destroy(made);
        return err_set(RC_NOMEM, "no memory for %u correctors", n);
    }
    made->delay_s = delay_s;
    for (uint32_t i = 0; i < n; i++)
        made->channel[i] = channel[i];
    rc = delay_line_create(&made->line, n, (uint32_t) ceil(delay_s / dt_s) + 3);
    if (rc != RC_OK) {
        plant_corrector_destroy(made);
        return rc;
    }
    plant_corrector_reset(made, NULL);
    *plant = made;
    return RC_OK;
}

void plant_corrector_destroy(struct plant_corrector *plant)
{
    if (!plant)
        return;
    delay_line_destroy(plant->line);
    free(plant->channel);
    free(plant->set_a);
    free(plant->current_a);
    free(plant->field_a);
    free(plant->kick_rad);
    free(plant);
}

struct plant_corrector_channel *plant_corrector_channel(struct plant_corrector *plant,
                                                        uint32_t i)
{
    return &plant->channel[i];
}

/* ---- set points ---- */

/* The largest DAC step that lies inside the limit is the end of the range. */
static double accepted(const struct plant_corrector_channel *c, double set_a)
{
    double limited = c->limit_a > 0 ? fmax(-c->limit_a, fmin(c->limit_a, set_a)) : set_a;
    double steps;

    if (c->resolution_a <= 0)
        return limited;
    steps = nearbyint(limited / c->resolution_a);
    if (c->limit_a > 0 && fabs(steps) * c->resolution_a > c->limit_a * (1 + 1e-12))
        steps -= copysign(1, steps);
    return steps * c->resolution_a;
}

static void kick_from_field(struct plant_corrector *plant, uint32_t i)
{
    const struct plant_corrector_channel *c = &plant->channel[i];

    plant->kick_rad[i] = c->polarity * (1 + c->gain_error) * c->rad_per_a * plant->field_a[i];
}

void plant_corrector_reset(struct plant_corrector *plant, const double *set_a)
{
    for (uint32_t i = 0; i < plant->n; i++) {
        plant->set_a[i] =
            set_a && isfinite(set_a[i]) ? accepted(&plant->channel[i], set_a[i]) : 0;
        plant->current_a[i] = plant->field_a[i] = plant->set_a[i];
        kick_from_field(plant, i);
    }
    delay_line_reset(plant->line, plant->set_a);
    plant->changed = false;
}

double plant_corrector_set(struct plant_corrector *plant, uint32_t i, double set_a)
{
    if (isfinite(set_a)) {
        plant->set_a[i] = accepted(&plant->channel[i], set_a);
        plant->changed = true;
    }
    return plant->set_a[i];
}

/* ---- dynamics ---- */

/* Field behind the pole while the current ramps with `slope` from `from`: the particular
 * solution from - slope tau + slope t, and what decays. */
static double lag(const struct plant_corrector_channel *c, double field, double from,
                  double slope, double dt_s)
{
    double tau, start;

    if (c->pole_hz <= 0)
        return from + slope * dt_s;
    tau = 1 / (2 * M_PI * c->pole_hz);
    start = from - slope * tau;
    return start + slope * dt_s + (field - start) * exp(-dt_s / tau);
}

/* Towards `target` for dt_s: a ramp, if it is limited, then constant. */
static void advance_channel(struct plant_corrector *plant, uint32_t i, double target,
                            double dt_s)
{
    const struct plant_corrector_channel *c = &plant->channel[i];
    double way = target - plant->current_a[i];
    double ramp_s = c->rate_a_per_s > 0 ? fmin(fabs(way) / c->rate_a_per_s, dt_s) : 0;
    double slope = copysign(c->rate_a_per_s, way);

    if (ramp_s > 0) {
        plant->field_a[i] = lag(c, plant->field_a[i], plant->current_a[i], slope, ramp_s);
        plant->current_a[i] += slope * ramp_s;
    }
    if (ramp_s < dt_s) {
        plant->current_a[i] = target;
        plant->field_a[i] = lag(c, plant->field_a[i], target, 0, dt_s - ramp_s);
    }
    kick_from_field(plant, i);
}

/* From plant->t_s to end_s, through every change of the delayed set points on the way. */
void plant_corrector_advance(struct plant_corrector *plant, double dt_s)
{
    double end_s = plant->t_s + dt_s;

    if (plant->changed)
        delay_line_push(plant->line, plant->t_s, plant->set_a);
    plant->changed = false;
    while (plant->t_s < end_s) {
        double seen_s = plant->t_s - plant->delay_s;
        double next_s = fmin(delay_line_next_s(plant->line, seen_s) + plant->delay_s, end_s);
        const double *target = delay_line_at(plant->line, seen_s);

        /* Rounding may put a change where we already are: then it is reached. */
        if (!(next_s > plant->t_s))
            next_s = nextafter(plant->t_s, HUGE_VAL);
        for (uint32_t i = 0; i < plant->n; i++)
            advance_channel(plant, i, target[i], next_s - plant->t_s);
        plant->t_s = next_s;
    }
}

const double *plant_corrector_kick_rad(const struct plant_corrector *plant)
{
    return plant->kick_rad;
}

const double *plant_corrector_current_a(const struct plant_corrector *plant)
{
    return plant->current_a;
}
