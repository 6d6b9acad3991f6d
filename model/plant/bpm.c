#include "model/plant/bpm.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/plant/delay_line.h"
#include "model/plant/random.h"

struct plant_bpm {
    uint32_t n;
    double delay_s, low_pass_hz, t_s;
    struct plant_bpm_channel *channel;
    struct delay_line *line;
    double *filtered_m; /* [2 n] behind the low-pass */
    struct random random;
};

static enum rc check_channel(const struct plant_bpm_channel *c, uint32_t i)
{
    if (!isfinite(c->offset_x_m) || !isfinite(c->offset_y_m))
        return err_set(RC_RANGE, "BPM channel %u: an offset is not finite", i);
    if (!isfinite(c->gain_x) || !isfinite(c->gain_y))
        return err_set(RC_RANGE, "BPM channel %u: a gain is not finite", i);
    if (!isfinite(c->roll_rad))
        return err_set(RC_RANGE, "BPM channel %u: the roll is not finite", i);
    if (!(c->noise_m >= 0) || !isfinite(c->noise_m))
        return err_set(RC_RANGE, "BPM channel %u: noise %g m", i, c->noise_m);
    return RC_OK;
}

static enum rc check_all(const struct plant_bpm_channel *channel, uint32_t n, double delay_s,
                         double low_pass_hz, double dt_s)
{
    enum rc rc = RC_OK;

    if (!(delay_s >= 0) || !(dt_s > 0) || !(delay_s / dt_s < 1e6))
        return err_set(RC_RANGE, "BPM delay %g s with steps of %g s", delay_s, dt_s);
    if (!(low_pass_hz >= 0))
        return err_set(RC_RANGE, "BPM low-pass %g Hz", low_pass_hz);
    for (uint32_t i = 0; i < n && rc == RC_OK; i++)
        rc = check_channel(&channel[i], i);
    return rc;
}

static enum rc allocate(struct plant_bpm *plant, uint32_t depth)
{
    plant->channel = calloc((size_t) plant->n + 1, sizeof *plant->channel);
    plant->filtered_m = calloc(2 * (size_t) plant->n + 1, sizeof *plant->filtered_m);
    if (!plant->channel || !plant->filtered_m)
        return err_set(RC_NOMEM, "no memory for %u BPMs", plant->n);
    return delay_line_create(&plant->line, 2 * plant->n, depth);
}

enum rc plant_bpm_create(struct plant_bpm **plant, const struct plant_bpm_channel *channel,
                         uint32_t n, const struct plant_bpm_settings *settings)
{
    double delay_s = settings->delay_s, dt_s = settings->dt_s;
    enum rc rc = check_all(channel, n, delay_s, settings->low_pass_hz, dt_s);
    struct plant_bpm *made;

    if (rc != RC_OK)
        return rc;
    made = calloc(1, sizeof *made);
    if (!made)
        return err_set(RC_NOMEM, "no memory for %u BPMs", n);
    made->n = n;
    made->delay_s = delay_s;
    made->low_pass_hz = settings->low_pass_hz;
    random_seed(&made->random, settings->seed);
    rc = allocate(made, (uint32_t) ceil(delay_s / dt_s) + 3);
    if (rc != RC_OK) {
        plant_bpm_destroy(made);
        return rc;
    }
    memcpy(made->channel, channel, n * sizeof *channel);
    plant_bpm_reset(made, made->filtered_m);
    *plant = made;
    return RC_OK;
}

void plant_bpm_destroy(struct plant_bpm *plant)
{
    if (!plant)
        return;
    delay_line_destroy(plant->line);
    free(plant->channel);
    free(plant->filtered_m);
    free(plant);
}

struct plant_bpm_channel *plant_bpm_channel(struct plant_bpm *plant, uint32_t i)
{
    return &plant->channel[i];
}

void plant_bpm_reset(struct plant_bpm *plant, const double *position_m)
{
    memmove(plant->filtered_m, position_m, 2 * (size_t) plant->n * sizeof *position_m);
    delay_line_reset(plant->line, plant->filtered_m);
}

static void read_bpm(struct plant_bpm *plant, uint32_t i, double *reading_m)
{
    const struct plant_bpm_channel *c = &plant->channel[i];
    double x = plant->filtered_m[i];
    double y = plant->filtered_m[plant->n + i];
    double cosine = cos(c->roll_rad), sine = sin(c->roll_rad);

    reading_m[i] = c->gain_x * (cosine * x + sine * y) - c->offset_x_m +
                   c->noise_m * random_normal(&plant->random);
    reading_m[plant->n + i] = c->gain_y * (cosine * y - sine * x) - c->offset_y_m +
                              c->noise_m * random_normal(&plant->random);
}

void plant_bpm_advance(struct plant_bpm *plant, double dt_s, const double *position_m,
                       double *reading_m)
{
    double keep = plant->low_pass_hz > 0 ? exp(-2 * M_PI * plant->low_pass_hz * dt_s) : 0;
    const double *seen;

    plant->t_s += dt_s;
    delay_line_push(plant->line, plant->t_s, position_m);
    /* A hundredth of a step is forgiven: sums of dt_s are not exact multiples. */
    seen = delay_line_at(plant->line, plant->t_s - plant->delay_s + 0.01 * dt_s);
    for (uint32_t i = 0; i < 2 * plant->n; i++)
        plant->filtered_m[i] = seen[i] + keep * (plant->filtered_m[i] - seen[i]);
    for (uint32_t i = 0; i < plant->n; i++)
        read_bpm(plant, i, reading_m);
}
