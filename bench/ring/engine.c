#include "bench/ring/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#include "model/plant/random.h"

/* Beyond this at a BPM the beam meets the chamber. */
static const double aperture_m = 20e-3;

struct engine {
    struct engine_parts parts;
    struct settings *settings; /* our copy */
    uint64_t revision;         /* of that copy */
    struct plant_corrector *corrector;
    struct plant_bpm *bpm;
    struct random random;
    double start_rf_hz;
    double beam_a;
    bool found;                              /* the solver has an orbit */
    struct plant_corrector_channel *nominal; /* [n_corrector] as given */
    double *input;                           /* [n_corrector + 1] */
    double *change;                          /* [n_corrector + 1] since the solution */
    double *position_m;                      /* [2 n_bpm] */
    double *fresh_m;                         /* [2 n_bpm] readings before faults */
    double *reading_m;                       /* [2 n_bpm] */
    double *sum;                             /* [n_bpm] */
    double *readback_a;                      /* [n_corrector] */
    char why[ENGINE_WHY_SIZE];
    struct engine_sample sample;
};

static enum rc allocate(struct engine *e)
{
    size_t n = e->parts.n_corrector, rows = 2 * (size_t) e->parts.n_bpm;

    e->nominal = calloc(n, sizeof *e->nominal);
    e->input = calloc(n + 1, sizeof(double));
    e->change = calloc(n + 1, sizeof(double));
    e->readback_a = calloc(n, sizeof(double));
    e->position_m = calloc(rows, sizeof(double));
    e->fresh_m = calloc(rows, sizeof(double));
    e->reading_m = calloc(rows, sizeof(double));
    e->sum = calloc(rows, sizeof(double));
    if (!e->nominal || !e->input || !e->change || !e->readback_a || !e->position_m ||
        !e->fresh_m || !e->reading_m || !e->sum)
        return err_set(RC_NOMEM, "no memory for the virtual ring's samples");
    return settings_create(&e->settings, e->parts.n_bpm, e->parts.n_corrector);
}

static enum rc make_plants(struct engine *e)
{
    const struct engine_parts *p = &e->parts;
    /* A first-order low-pass delays by 1 / (2 pi f). */
    struct plant_bpm_settings bpm = {.delay_s = 0.5 * p->bpm_delay_s,
                                     .low_pass_hz =
                                         p->bpm_delay_s > 0 ? 1 / (M_PI * p->bpm_delay_s) : 0,
                                     .dt_s = p->step_s,
                                     .seed = p->seed};
    enum rc rc = plant_corrector_create(&e->corrector, p->corrector, p->n_corrector,
                                        p->corrector_delay_s, p->step_s);

    if (!rc)
        rc = plant_bpm_create(&e->bpm, e->settings->bpm, p->n_bpm, &bpm);
    memcpy(e->nominal, p->corrector, p->n_corrector * sizeof *e->nominal);
    return rc;
}

/* The settings as they are, when nobody can be changing them yet. */
static void first_settings(struct engine *e)
{
    struct settings *now = controls_lock(e->parts.controls);

    settings_copy(e->settings, now);
    controls_unlock(e->parts.controls, false);
}

enum rc engine_create(struct engine **engine, const struct engine_parts *parts)
{
    struct engine *e = calloc(1, sizeof *e);
    enum rc rc;

    if (!e)
        return err_set(RC_NOMEM, "no memory for the virtual ring");
    e->parts = *parts;
    e->beam_a = parts->beam_a;
    e->start_rf_hz = controls_rf_hz(parts->controls);
    random_seed(&e->random, parts->seed + 1);
    rc = allocate(e);
    if (!rc) {
        first_settings(e);
        rc = make_plants(e);
    }
    if (rc) {
        engine_destroy(e);
        return rc;
    }
    plant_bpm_reset(e->bpm, solver_exchange(parts->solver, e->input)->position_m);
    *engine = e;
    return RC_OK;
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    plant_corrector_destroy(engine->corrector);
    plant_bpm_destroy(engine->bpm);
    settings_destroy(engine->settings);
    free(engine->nominal);
    free(engine->input);
    free(engine->change);
    free(engine->readback_a);
    free(engine->position_m);
    free(engine->fresh_m);
    free(engine->reading_m);
    free(engine->sum);
    free(engine);
}

/* ---- settings ---- */

static void apply_correctors(struct engine *e)
{
    const struct settings *s = e->settings;

    for (uint32_t i = 0; i < s->n_corrector; i++) {
        struct plant_corrector_channel *c = plant_corrector_channel(e->corrector, i);

        c->gain_error = s->gain_error[i];
        c->polarity = s->fault[FAULT_POLARITY][i] ? -1 : 1;
        c->rate_a_per_s = e->nominal[i].rate_a_per_s * s->value[SETTING_RATE_SCALE];
        c->resolution_a = e->nominal[i].resolution_a * s->value[SETTING_STEP_SCALE];
        c->pole_hz = e->nominal[i].pole_hz * s->value[SETTING_POLE_SCALE];
    }
}

static void apply_settings(struct engine *e)
{
    const struct settings *s = e->settings;

    if (!controls_take_settings(e->parts.controls, &e->revision, e->settings))
        return;
    apply_correctors(e);
    for (uint32_t i = 0; i < s->n_bpm; i++) {
        struct plant_bpm_channel *c = plant_bpm_channel(e->bpm, i);

        *c = s->bpm[i];
        c->noise_m = s->value[SETTING_BPM_NOISE_M];
    }
}

/* ---- beam ---- */

static void lose_beam(struct engine *e, const char *why)
{
    e->beam_a = 0;
    snprintf(e->why, sizeof e->why, "%s", why);
}

static void take_injection(struct engine *e)
{
    double beam_a;

    if (!controls_take_injection(e->parts.controls, &beam_a))
        return;
    if (beam_a <= 0) {
        lose_beam(e, "beam dumped by command");
    } else if (!e->found) {
        lose_beam(e, "injected, but there is no closed orbit with these kicks");
    } else {
        if (e->beam_a <= 0)
            plant_bpm_reset(e->bpm, e->position_m);
        e->beam_a = beam_a;
        e->why[0] = '\0';
    }
}

static void check_orbit(struct engine *e, const struct solution *solution)
{
    uint32_t n = e->parts.n_bpm;

    e->found = solution->found;
    if (!solution->found && e->beam_a > 0)
        lose_beam(e, solution->why);
    for (uint32_t i = 0; i < 2 * n; i++) {
        if (fabs(e->position_m[i]) < aperture_m)
            continue;
        e->found = false;
        if (e->beam_a > 0) {
            lose_beam(e, "");
            snprintf(e->why, sizeof e->why,
                     "orbit of %.1f mm in %c at BPM %u meets the chamber",
                     e->position_m[i] * 1e3, i < n ? 'x' : 'y', i % n);
        }
        return;
    }
}

/* ---- a sample ---- */

static void move_correctors(struct engine *e, double dt_s)
{
    uint32_t n = e->parts.n_corrector;

    for (uint32_t i = 0; i < n; i++)
        plant_corrector_set(e->corrector, i, controls_corrector_a(e->parts.controls, i));
    plant_corrector_advance(e->corrector, dt_s);
    memcpy(e->input, plant_corrector_kick_rad(e->corrector), n * sizeof *e->input);
    e->input[n] = controls_rf_hz(e->parts.controls) - e->start_rf_hz;
}

static void find_orbit(struct engine *e, const struct solution *solution)
{
    int rows = (int) (2 * e->parts.n_bpm), columns = (int) e->parts.n_corrector + 1;

    for (int i = 0; i < columns; i++)
        e->change[i] = e->input[i] - solution->input[i];
    memcpy(e->position_m, solution->position_m, (size_t) rows * sizeof *e->position_m);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, columns, 1, solution->matrix, columns,
                e->change, 1, 1, e->position_m, 1);
}

static void read_bpms(struct engine *e, double dt_s)
{
    const struct settings *s = e->settings;
    uint32_t n = e->parts.n_bpm;

    plant_bpm_advance(e->bpm, dt_s, e->position_m, e->fresh_m);
    for (uint32_t i = 0; i < n; i++) {
        e->sum[i] = s->fault[FAULT_SUM][i] ? 0 : e->beam_a / e->parts.beam_a;
        if (s->fault[FAULT_FREEZE][i])
            continue;
        e->reading_m[i] = s->fault[FAULT_NAN][i] ? (double) NAN : e->fresh_m[i];
        e->reading_m[n + i] = s->fault[FAULT_NAN][i] ? (double) NAN : e->fresh_m[n + i];
    }
}

static void show_no_beam(struct engine *e)
{
    size_t n = e->parts.n_bpm;

    memset(e->position_m, 0, 2 * n * sizeof *e->position_m);
    memset(e->reading_m, 0, 2 * n * sizeof *e->reading_m);
    memset(e->sum, 0, n * sizeof *e->sum);
}

static void read_back(struct engine *e)
{
    const double *current_a = plant_corrector_current_a(e->corrector);
    double noise_a = e->settings->value[SETTING_READBACK_A];

    for (uint32_t i = 0; i < e->parts.n_corrector; i++)
        e->readback_a[i] = current_a[i] + noise_a * random_normal(&e->random);
}

const struct engine_sample *engine_step(struct engine *engine, double t_s, double dt_s)
{
    struct engine *e = engine;
    const double *value = e->settings->value;
    const struct solution *solution;

    apply_settings(e);
    move_correctors(e, dt_s);
    solution = solver_exchange(e->parts.solver, e->input);
    find_orbit(e, solution);
    disturbance_add(e->parts.disturbance, t_s, dt_s, value[SETTING_LINE_M],
                    value[SETTING_DRIFT_M], e->position_m);
    check_orbit(e, solution);
    take_injection(e);
    e->beam_a *= exp(-dt_s / value[SETTING_LIFETIME_S]);
    if (e->beam_a > 0)
        read_bpms(e, dt_s);
    else
        show_no_beam(e);
    read_back(e);
    e->sample = (struct engine_sample){.position_m = e->position_m,
                                       .reading_m = e->reading_m,
                                       .sum = e->sum,
                                       .readback_a = e->readback_a,
                                       .beam_a = e->beam_a,
                                       .why = e->why};
    return &e->sample;
}
