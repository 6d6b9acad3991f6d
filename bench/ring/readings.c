#include "bench/ring/readings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/plant/random.h"

/* Any step will do: the noise-free BPMs have neither delay nor filter. */
static const double step_s = 1e-3;
static const double cut_sigma = 3;

enum stream { STREAM_BPM = 101, STREAM_BBA };

void readings_draw(const struct reading_errors *errors, uint32_t n,
                   struct plant_bpm_channel *channel, double *reference_m)
{
    struct random bpm, bba;

    random_seed(&bpm, (errors->seed << 24) ^ STREAM_BPM);
    random_seed(&bba, (errors->seed << 24) ^ STREAM_BBA);
    for (uint32_t i = 0; i < n; i++) {
        struct plant_bpm_channel *c = &channel[i];

        c->offset_x_m = errors->offset_m * random_normal_cut(&bpm, cut_sigma);
        c->offset_y_m = errors->offset_m * random_normal_cut(&bpm, cut_sigma);
        c->gain_x = 1 + errors->gain * random_normal_cut(&bpm, cut_sigma);
        c->gain_y = 1 + errors->gain * random_normal_cut(&bpm, cut_sigma);
        c->roll_rad = errors->roll_rad * random_normal_cut(&bpm, cut_sigma);
        c->noise_m = errors->noise_m;
        reference_m[i] = errors->bba_m * random_normal_cut(&bba, cut_sigma) - c->offset_x_m;
        reference_m[n + i] = errors->bba_m * random_normal_cut(&bba, cut_sigma) - c->offset_y_m;
    }
}

struct readings {
    uint32_t n;
    struct plant_bpm *exact;
    double *reference_m;
};

static enum rc fill(struct readings *r, const struct plant_bpm_channel *channel,
                    const double *reference_m)
{
    enum rc rc = plant_bpm_create(&r->exact, channel, r->n,
                                  &(struct plant_bpm_settings){.dt_s = step_s});

    if (rc)
        return rc;
    r->reference_m = calloc(2 * (size_t) r->n, sizeof *r->reference_m);
    if (!r->reference_m)
        return err_set(RC_NOMEM, "no memory for the reference orbit");
    memcpy(r->reference_m, reference_m, 2 * (size_t) r->n * sizeof *reference_m);
    for (uint32_t i = 0; i < r->n; i++)
        readings_change(r, i, &channel[i]);
    return RC_OK;
}

enum rc readings_create(struct readings **readings, const struct plant_bpm_channel *channel,
                        uint32_t n, const double *reference_m)
{
    struct readings *r = calloc(1, sizeof *r);
    enum rc rc;

    if (!r)
        return err_set(RC_NOMEM, "no memory for the readings");
    r->n = n;
    rc = fill(r, channel, reference_m);
    if (rc)
        readings_destroy(r);
    else
        *readings = r;
    return rc;
}

void readings_destroy(struct readings *readings)
{
    if (!readings)
        return;
    plant_bpm_destroy(readings->exact);
    free(readings->reference_m);
    free(readings);
}

uint32_t readings_bpms(const struct readings *readings)
{
    return readings->n;
}

void readings_change(struct readings *readings, uint32_t i,
                     const struct plant_bpm_channel *channel)
{
    struct plant_bpm_channel *own = plant_bpm_channel(readings->exact, i);

    *own = *channel;
    own->noise_m = 0;
}

void readings_error(struct readings *readings, const double *position_m, double *error_m)
{
    plant_bpm_advance(readings->exact, step_s, position_m, error_m);
    for (uint32_t i = 0; i < 2 * readings->n; i++)
        error_m[i] -= readings->reference_m[i];
}

void readings_rms(const double *vector_m, uint32_t n, double rms_m[2])
{
    for (uint32_t plane = 0; plane < 2; plane++) {
        double sum = 0;

        for (uint32_t i = 0; i < n; i++)
            sum += vector_m[plane * n + i] * vector_m[plane * n + i];
        rms_m[plane] = sqrt(sum / n);
    }
}
