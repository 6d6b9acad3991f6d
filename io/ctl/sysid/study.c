#include "io/ctl/sysid/study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/law_cfg.h"
#include "model/stability.h"

enum { LEAST_LEVELS = 64, MOST_LEVELS = 1000000 };

static uint64_t n_kick(const struct study *study)
{
    return study->inputs.devices.n_h + study->inputs.devices.n_v;
}

void study_rows(const struct study *study, uint64_t col, uint64_t *row0, uint64_t *n)
{
    *n = study->inputs.devices.n_bpm;
    *row0 = col < study->inputs.devices.n_h ? 0 : *n;
}

static bool is_disabled(const struct study *study, uint64_t col)
{
    const struct cfg *cfg = &study->inputs.cfg;

    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++)
        if (strcmp(cfg->ring_disabled_correctors.name[i], study->name[col]) == 0)
            return true;
    return false;
}

/* ---- timing -------------------------------------------------------------------------- */

static double law_period_s(const struct cfg *cfg)
{
    double frame_hz = cfg->law_frame_hz > 0 ? cfg->law_frame_hz : cfg->loop_rate_hz;

    return (double) cfg->law_every / frame_hz;
}

/* Delay, eight time constants of the pole, and as much again of the delay for gateways: what is
 * left of a step then is below 1e-3. */
static double settle_wish_s(const struct cfg *cfg)
{
    return 2e-3 * (law_actuator_delay_ms(cfg) + cfg->bpm_delay_ms) +
           8 / (2 * M_PI * cfg->actuator_pole_hz);
}

static void choose_times(struct study *study)
{
    const struct cfg *cfg = &study->inputs.cfg;
    double period_s = law_period_s(cfg), wish_s = settle_wish_s(cfg);
    uint64_t hold = study->request.hold;

    if (hold == 0)
        hold = (uint64_t) fmax(1, ceil(1.5 * wish_s / period_s));
    study->plan.hold = hold;
    study->level_s = period_s * (double) hold;
    study->settle_s = fmin(wish_s, 0.75 * study->level_s);
}

/* ---- waves --------------------------------------------------------------------------- */

static uint64_t power_of_two_above(uint64_t n)
{
    uint64_t power = 1;

    while (power <= n)
        power *= 2;
    return power;
}

/* Row 0 of a code is constant and tells nothing. */
static enum rc plan_code(struct study *study)
{
    struct excite_plan *plan = &study->plan;
    double rounds;

    excite_plan_init(plan, EXCITE_CODE, dims_n_col(&study->model.head.dims));
    choose_times(study);
    plan->n_code = power_of_two_above(n_kick(study));
    rounds = floor(study->request.seconds / (study->level_s * (double) plan->n_code));
    plan->n_level = plan->n_code * (uint64_t) fmax(1, rounds);
    for (uint64_t col = 0; col < n_kick(study); col++)
        if (!is_disabled(study, col))
            plan->wave[col] = (struct excite_wave){.amplitude = study->request.amplitude_rad,
                                                   .phase = col + 1};
    return RC_OK;
}

/* Whole turns over all levels, one line each, above the slow drift; phases of the golden
 * section keep the orbits from adding up. */
static enum rc plan_lines(struct study *study)
{
    enum { LOWEST = 8 };
    struct excite_plan *plan = &study->plan;
    uint64_t least = 2 * (n_kick(study) + LOWEST + 2);

    excite_plan_init(plan, EXCITE_SINE, dims_n_col(&study->model.head.dims));
    choose_times(study);
    plan->n_level = (uint64_t) fmax((double) least, study->request.seconds / study->level_s);
    for (uint64_t col = 0; col < n_kick(study); col++)
        if (!is_disabled(study, col))
            plan->wave[col] = (struct excite_wave){
                .amplitude = study->request.amplitude_rad,
                .phase = excite_turns(0.61803398874989485 * (double) (col * col)),
                .rate = excite_turns((double) (LOWEST + col) / (double) plan->n_level)};
    return RC_OK;
}

/* Kicks of one corrector, or those that make one mode of R's plane, the largest at the
 * amplitude.
 */
static enum rc direction(const struct study *study, double *kick)
{
    const struct devices *devices = &study->inputs.devices;
    uint64_t n_col = study->request.vertical ? devices->n_v : devices->n_h;
    uint64_t first = study->request.vertical ? devices->n_h : 0;
    uint64_t row0 = study->request.vertical ? devices->n_bpm : 0;
    uint64_t stride = dims_n_col(&study->model.head.dims);
    struct stability_block block = {.n_row = (uint32_t) devices->n_bpm,
                                    .n_col = (uint32_t) n_col,
                                    .r = study->model.r + row0 * stride + first,
                                    .r_stride = (uint32_t) stride};
    int col;

    if (study->request.corrector) {
        col = devices_find_corrector(devices, study->request.corrector);
        if (col < 0)
            return err_set(RC_INPUT, "there is no corrector %s", study->request.corrector);
        kick[col] = 1;
        return RC_OK;
    }
    return stability_direction(&block, study->request.mode - 1, kick + first);
}

static enum rc plan_one(struct study *study)
{
    struct excite_plan *plan = &study->plan;
    enum excite_kind kind = study->request.waves == STUDY_PRBS ? EXCITE_PRBS : EXCITE_SINE;
    double *kick = calloc(n_kick(study), sizeof *kick), largest = 0, span;
    enum rc rc = kick ? direction(study, kick) : err_set(RC_NOMEM, "no memory for a mode");

    excite_plan_init(plan, kind, dims_n_col(&study->model.head.dims));
    if (study->request.hold == 0)
        study->request.hold = 1;
    choose_times(study);
    span = fmax(LEAST_LEVELS, fmin(MOST_LEVELS, study->request.seconds / study->level_s));
    plan->n_level = (uint64_t) span;
    for (uint64_t col = 0; col < n_kick(study) && rc == RC_OK; col++)
        largest = fmax(largest, fabs(kick[col]));
    for (uint64_t col = 0; col < n_kick(study) && rc == RC_OK; col++)
        plan->wave[col] = (struct excite_wave){
            .amplitude = study->request.amplitude_rad * kick[col] / largest,
            .rate = excite_turns(study->request.from_hz * study->level_s),
            .chirp = (int64_t) excite_turns((study->request.to_hz - study->request.from_hz) *
                                            study->level_s / span)};
    free(kick);
    return rc;
}

static enum rc make_plan(struct study *study)
{
    enum rc rc = study->request.waves == STUDY_CODE    ? plan_code(study)
                 : study->request.waves == STUDY_LINES ? plan_lines(study)
                                                       : plan_one(study);
    double fastest_hz = fmax(study->request.from_hz, study->request.to_hz);

    if (rc == RC_OK && fastest_hz * study->level_s > 0.4)
        rc =
            err_set(RC_RANGE,
                    "%g Hz with a level of %g s: at most %g Hz is possible with this law.every",
                    fastest_hz, study->level_s, 0.4 / study->level_s);
    return rc == RC_OK ? excite_plan_check(&study->plan, study->inputs.cfg.sysid_max_rad) : rc;
}

/* ---- open ---------------------------------------------------------------------------- */

static enum rc load_model(struct study *study, const char *config_path)
{
    static struct cfg_faults faults;
    enum rc rc = inputs_load(&study->inputs, config_path, &faults);

    if (rc != RC_OK) {
        cfg_faults_print(stderr, &faults);
        return err_set(rc, "%s is not usable", config_path);
    }
    return engine_compute(&study->model, &study->inputs);
}

enum rc study_open(struct study *study, struct session *session, const struct ctl *ctl,
                   const struct study_request *request)
{
    enum rc rc;

    memset(study, 0, sizeof *study);
    study->session = session;
    study->request = *request;
    if (!ctl->config_path)
        return err_set(RC_INPUT, "a measurement needs the configuration: --config FILE");
    rc = load_model(study, ctl->config_path);
    if (rc != RC_OK)
        return rc;
    study->name = calloc(n_kick(study), sizeof *study->name);
    if (!study->name)
        return err_set(RC_NOMEM, "no memory for a measurement");
    for (uint64_t col = 0; col < n_kick(study); col++)
        study->name[col] = study->inputs.devices.corrector[col].name;
    return make_plan(study);
}

void study_close(struct study *study)
{
    measure_close(&study->measure);
    estimate_free(&study->estimate);
    free(study->likeness);
    free(study->name);
    engine_free(&study->model);
    inputs_free(&study->inputs);
}

/* ---- run ----------------------------------------------------------------------------- */

/* Rows that were not good all the time are no part of the comparison. */
static struct likeness compare(const struct study *study, uint64_t used)
{
    const struct estimate *e = &study->estimate;
    uint64_t row0, n, col = e->col[used], stride = dims_n_col(&study->model.head.dims),
                      kept = 0;
    double measured[ORBIT_MAX_BPM], model[ORBIT_MAX_BPM];

    study_rows(study, col, &row0, &n);
    for (uint64_t i = row0; i < row0 + n; i++) {
        if (study->measure.row_bad[i])
            continue;
        measured[kept] = e->r[i * e->n_used + used];
        model[kept++] = study->model.r[i * stride + col];
    }
    return estimate_compare(measured, 1, model, 1, kept);
}

static void sum_up(struct study *study)
{
    const struct estimate *e = &study->estimate;
    uint64_t stride = dims_n_col(&study->model.head.dims), count = 0;
    double rr = 0, ee = 0;

    for (uint64_t k = 0; k < e->n_used; k++) {
        uint64_t row0, n;

        study_rows(study, e->col[k], &row0, &n);
        study->likeness[k] = compare(study, k);
        ee += e->error[k] * e->error[k];
        for (uint64_t i = row0; i < row0 + n; i++, count++) {
            double r = study->model.r[i * stride + e->col[k]];

            rr += r * r;
        }
    }
    study->rms_model = count ? sqrt(rr / (double) count) : 0;
    study->rms_error = e->n_used ? sqrt(ee / (double) e->n_used) : 0;
}

/* Waveform of the plan with its largest amplitude as 1; quarter: a quarter turn ahead. */
static double waveform(const struct study *study, uint64_t level, bool quarter)
{
    static struct excite_plan ahead;
    uint64_t largest = 0;

    for (uint64_t col = 0; col < n_kick(study); col++)
        if (fabs(study->plan.wave[col].amplitude) > fabs(study->plan.wave[largest].amplitude))
            largest = col;
    if (!quarter)
        return excite_value(&study->plan, largest, level) / study->plan.wave[largest].amplitude;
    if (study->plan.kind != EXCITE_SINE)
        return 0;
    if (level == 0) {
        ahead = study->plan;
        ahead.wave[largest].phase += 1ULL << 62;
    }
    return excite_value(&ahead, largest, level) / study->plan.wave[largest].amplitude;
}

/* Orbit of a level in units of the model's answer to the plan's largest kicks. */
static double project(const struct study *study, const double *direction, const double *y)
{
    double up = 0, down = 0;

    for (uint64_t i = 0; i < dims_n_row(study->measure.dims); i++) {
        if (study->measure.row_bad[i])
            continue;
        up += direction[i] * y[i];
        down += direction[i] * direction[i];
    }
    return down > 0 ? up / down : 0;
}

static enum rc find_transfer(struct study *study)
{
    const struct slices *s = &study->measure.slices;
    uint64_t n_row = s->n_row, n_col = s->n_col;
    double *direction = calloc(n_row, sizeof *direction), *z = calloc(s->n + 1, sizeof *z);
    double mean = 0, zs = 0, zq = 0, ss = 0, qq = 0, sq = 0, zz = 0, determinant;
    struct transfer_result *t = &study->transfer;

    if (!direction || !z) {
        free(direction);
        free(z);
        return err_set(RC_NOMEM, "no memory for a projection");
    }
    for (uint64_t i = 0; i < n_row; i++)
        for (uint64_t j = 0; j < n_kick(study); j++)
            direction[i] += study->model.r[i * n_col + j] * study->plan.wave[j].amplitude;
    for (uint64_t k = 0; k < s->n; k++)
        mean += (z[k] = project(study, direction, s->y + k * n_row)) / (double) s->n;
    for (uint64_t k = 0; k < s->n; k++) {
        double in = waveform(study, s->level[k], false),
               by = waveform(study, s->level[k], true);

        zs += (z[k] - mean) * in;
        zq += (z[k] - mean) * by;
        ss += in * in;
        qq += by * by;
        sq += in * by;
        zz += (z[k] - mean) * (z[k] - mean);
    }
    determinant = qq > 0 ? ss * qq - sq * sq : ss;
    t->in_phase = qq > 0 ? (zs * qq - zq * sq) / determinant : zs / ss;
    t->quadrature = qq > 0 ? (zq * ss - zs * sq) / determinant : 0;
    t->left = sqrt(fmax(0, zz - t->in_phase * zs - t->quadrature * zq) / (double) s->n);
    free(direction);
    free(z);
    return RC_OK;
}

/* A wave that all correctors share tells one direction only: the others stay as they are. */
static enum rc evaluate(struct study *study)
{
    const struct slices *s = &study->measure.slices;
    uint64_t n_drift = s->n / 24 + 2;
    enum rc rc = RC_OK;

    if (estimate_step(&study->step, study->measure.step_value, study->measure.n_step_bin,
                      study->measure.step_bin_s) != RC_OK)
        study->step = (struct step_fit){.gain = 0};
    if (study->request.waves != STUDY_CODE && study->request.waves != STUDY_LINES)
        return find_transfer(study);
    rc = estimate_response(&study->estimate, s, &study->plan, n_drift);
    if (rc != RC_OK)
        return rc;
    study->likeness = calloc(study->estimate.n_used, sizeof *study->likeness);
    if (!study->likeness)
        return err_set(RC_NOMEM, "no memory for a comparison");
    sum_up(study);
    return rc;
}

enum rc study_run(struct study *study, const atomic_bool *stop)
{
    enum rc rc;

    study->measure = (struct measure){.client = study->session->client,
                                      .dims = client_dims(study->session->client),
                                      .name = (const char *const *) study->name,
                                      .plan = &study->plan,
                                      .model = study->model.r,
                                      .settle_ns = (int64_t) (1e9 * study->settle_s),
                                      .stop = stop,
                                      .step_bin_s = study->level_s / 100};
    rc = measure_open(&study->measure);
    if (rc == RC_OK)
        rc = measure_run(&study->measure);
    return rc == RC_OK ? evaluate(study) : rc;
}
