#include "rt/loop/stepper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/loop/workspace.h"

enum { DOUBLES_A_LINE = CACHE_LINE / 8 };

enum rc stepper_create(struct stepper *s, uint64_t n_row, uint64_t n_col)
{
    size_t row = (n_row + DOUBLES_A_LINE - 1) / DOUBLES_A_LINE * DOUBLES_A_LINE;
    size_t col = (n_col + DOUBLES_A_LINE - 1) / DOUBLES_A_LINE * DOUBLES_A_LINE;
    double **cols[] = {&s->sum_u,  &s->mean_u, &s->v,        &s->u_ref,
                       &s->beside, &s->fed,    &s->u_closing};
    size_t n_cols = sizeof cols / sizeof cols[0], law_b = law_state_size(n_col);
    size_t size_b = (2 * row + (n_cols + 1) * col) * sizeof(double) + law_b;
    double *at = aligned_alloc(CACHE_LINE, size_b);
    void *bits;

    if (!at)
        return err_set(RC_NOMEM, "no memory for the law's %zu bytes", size_b);
    memset(at, 0, size_b);
    s->memory_b = size_b;
    s->law = law_state_init(at, n_col);
    at += law_b / sizeof *at;
    s->sum_m = at;
    s->mean_m = at + row;
    at += 2 * row;
    for (size_t i = 0; i < n_cols; i++, at += col)
        *cols[i] = at;
    bits = at;
    s->saturated = bits;
    return offload_create(&s->offload, n_col);
}

/* The law's state is the first of the one allocation. */
void stepper_destroy(struct stepper *s)
{
    offload_destroy(&s->offload);
    free(s->law);
}

/* Time between samples per counted frame, smoothed. */
void stepper_learn_period(struct workspace *w)
{
    struct source_input *pace = &w->bpm[0];
    const struct frame_head *head = &pace->view.head;
    double *smooth_ns = &w->stepper.frame_period_ns, period_ns;

    w->n_frames++;
    if (pace->last_seq && head->frame_seq > pace->last_seq) {
        w->n_frames_lost += head->frame_seq - pace->last_seq - 1;
        period_ns = (double) (head->t_sample_ns - pace->last_sample_ns) /
                    (double) (head->frame_seq - pace->last_seq);
        *smooth_ns =
            *smooth_ns > 0.0 ? *smooth_ns + 0.01 * (period_ns - *smooth_ns) : period_ns;
    }
    pace->last_seq = head->frame_seq;
    pace->last_sample_ns = head->t_sample_ns;
}

void stepper_forget(struct stepper *s, uint64_t n_row, uint64_t n_col)
{
    memset(s->sum_m, 0, n_row * sizeof *s->sum_m);
    memset(s->sum_u, 0, n_col * sizeof *s->sum_u);
    s->n_sum = 0;
}

void stepper_restart(struct workspace *w)
{
    struct stepper *s = &w->stepper;

    stepper_forget(s, w->n_row, w->n_col);
    s->last_step_ns = w->bpm[0].view.head.t_sample_ns;
}

void stepper_close(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;
    double largest_m = fmax(w->max_x_m, w->max_y_m);

    stepper_restart(w);
    s->capturing = p->tuning.capture.orbit_m > 0.0 && largest_m > p->tuning.capture.orbit_m;
    s->n_small = 0;
    memcpy(s->u_closing, w->u_cmd, w->n_col * sizeof *s->u_closing);
    if (p->tuning.reference_kicks == KICKS_OF_CLOSING)
        memcpy(s->u_ref, w->u_cmd, w->n_col * sizeof *s->u_ref);
    else
        memset(s->u_ref, 0, w->n_col * sizeof *s->u_ref);
}

/* ---- what the law sees ---- */

static RT_SAFE bool energy_is_removed(const struct params *p)
{
    const struct law_energy_settings *energy = &p->tuning.energy;

    return energy->removal == ENERGY_REMOVED ||
           (energy->removal == ENERGY_REMOVED_WITH_RF && energy->drive);
}

/* Every frame is a step, and the law's matrix and error are those of the static correction. */
static RT_SAFE bool is_static_correction(const struct stepper *s, const struct params *p)
{
    return s->n_sum == 1 && !p->optional[PARAM_K_LAW].rows && !energy_is_removed(p) &&
           !p->tuning.pull_to_reference;
}

/* v = -(K e) of a mean error. Pulled to the reference kicks, v = -(K (e - R k) + k) with
 * k = u_eff - u_ref, which is -(R^T W^2 R + M)^-1 (R^T W^2 e + M k). */
static RT_SAFE void find_wish(struct workspace *w, const struct params *p, struct stepper *s)
{
    double *e = s->mean_m, *k = w->scratch_col;

    if (p->tuning.pull_to_reference) {
        for (uint64_t col = 0; col < w->n_col; col++)
            k[col] = p->law.driven[col] * (s->mean_u[col] - s->u_ref[col]);
        e = w->scratch_row;
        matvec_apply(&p->predict, k, e);
        for (uint64_t row = 0; row < w->n_row; row++)
            e[row] = s->mean_m[row] - e[row];
    }
    memset(s->v, 0, w->n_col * sizeof *s->v);
    for (uint64_t b = 0; b < p->n_block; b++)
        matvec_apply(params_law_matrix(p, b), e + p->block[b].row0, s->v + p->block[b].col0);
    for (uint64_t col = 0; col < w->n_col; col++)
        s->v[col] = -s->v[col] - (p->tuning.pull_to_reference ? k[col] : 0.0);
}

/* New matrices see the error of the last step differently: that is not a change of the orbit.
 */
static RT_SAFE void follow_matrices(struct workspace *w, const struct params *p,
                                    struct stepper *s)
{
    if (s->revision != 0 && s->revision != p->revision) {
        find_wish(w, p, s);
        law_rebase(s->law, &p->law, s->v);
    }
    s->revision = p->revision;
}

/* The mean of what was collected: a moving average over law.every frames, whose first zero is
 * at the law's rate. */
static RT_SAFE void take_means(const struct workspace *w, const struct params *p,
                               struct stepper *s)
{
    for (uint64_t row = 0; row < w->n_row; row++)
        s->mean_m[row] = s->sum_m[row] / (double) s->n_sum;
    for (uint64_t col = 0; col < w->n_col && p->tuning.pull_to_reference; col++)
        s->mean_u[col] = s->sum_u[col] / (double) s->n_sum;
}

void stepper_find_wish(struct workspace *w, const struct params *p, struct stepper *s)
{
    follow_matrices(w, p, s);
    take_means(w, p, s);
    if (w->dims.n_rf && energy_is_removed(p))
        law_energy_remove(p->energy_m_per_hz,
                          law_energy_fit(p->energy_fit, s->mean_m, w->n_row), s->mean_m,
                          w->n_row);
    find_wish(w, p, s);
}

/* ---- energy ---- */

/* Where the RF is to be; takes its share out of the error. */
static RT_SAFE double step_energy(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;
    uint64_t rf = w->dims.n_h + w->dims.n_v;
    bool good = (w->col_quality[rf] & ~(uint64_t) QUALITY_DISABLED) == 0;
    double a_hz = law_energy_fit(p->energy_fit, s->mean_m, w->n_row);

    if (energy_is_removed(p))
        law_energy_remove(p->energy_m_per_hz, a_hz, s->mean_m, w->n_row);
    return law_energy_step(&s->energy, &p->tuning.energy, a_hz, w->u_cmd[rf], w->now_ns,
                           w->driving, good);
}

/* ---- the step ---- */

static RT_SAFE void mark_saturated(struct workspace *w, const struct law_output *out)
{
    w->n_saturated = out->n_saturated;
    for (uint64_t col = 0; col < w->n_col; col++)
        w->col_quality[col] |= out->saturated[col] * QUALITY_SATURATED;
}

/* The step's own time must be near its nominal one: after a gap in the data a step would mix
 * ages. */
static RT_SAFE bool dt_is_nominal(const struct workspace *w, const struct params *p)
{
    double nominal_ns = (double) p->tuning.every * w->stepper.frame_period_ns;
    double dt_ns = (double) (w->bpm[0].view.head.t_sample_ns - w->stepper.last_step_ns);

    return dt_ns >= 0.5 * nominal_ns && dt_ns <= 2.0 * nominal_ns;
}

/* Less while a large orbit is captured, and rising after closing. */
static RT_SAFE double gain_of_now(const struct workspace *w, const struct params *p)
{
    double closed_ns = (double) (w->now_ns - w->machine.since_ns), gain = 1.0;

    if (w->machine.state == STATE_CLOSED && closed_ns < (double) p->tuning.ramp_ns)
        gain = closed_ns / (double) p->tuning.ramp_ns;
    return w->stepper.capturing ? gain * p->tuning.capture.gain : gain;
}

/* What acts beside the law: excitation, what fast correctors have handed over, and
 * feed-forward. New tables begin where the old ones ended: what differs there becomes the law's
 * own part. */
static RT_SAFE void find_beside(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;
    double *before = w->scratch_col;

    memcpy(before, s->fed, w->n_col * sizeof *before);
    memset(s->fed, 0, w->n_col * sizeof *s->fed);
    ff_add(&p->ff, p->ff_value, w->n_row + w->n_col, &s->ff, 0, w->n_col, s->fed);
    if (w->driving && s->ff_serial != p->serial)
        law_hand_over(s->law, before, s->fed);
    s->ff_serial = p->serial;
    for (uint64_t col = 0; col < w->n_col; col++)
        s->beside[col] = s->offload.paid[col] + w->excite.wanted[col] + s->fed[col];
}

/* Slow correctors are found again in sp and step; fast ones learn what they have handed over in
 * the next step. */
static RT_SAFE void step_offload(struct workspace *w, const struct params *p)
{
    offload_step(&w->stepper.offload, p, w->sp, w->now_ns, w->driving);
    for (uint64_t col = 0; col < w->n_col; col++)
        if (p->offloaded[col])
            w->step[col] = w->sp[col] - w->u_cmd[col];
}

static RT_SAFE void step_law(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;
    struct law_output out = {.u = w->sp, .step = w->step, .saturated = s->saturated};
    struct law_input in = {.v = s->v,
                           .u_now = w->u_cmd,
                           .u_ref = s->u_ref,
                           .u_ff = s->beside,
                           .metric = params_metric(p),
                           .gain = gain_of_now(w, p),
                           .step_scale = s->capturing ? p->tuning.capture.step_scale : 1.0,
                           .closed = w->driving};
    uint64_t rf = w->dims.n_h + w->dims.n_v;
    double f_hz = 0.0;

    if (w->driving)
        excite_advance(&w->excite, w->n_col);
    if (w->machine.state == STATE_PROBE) {
        law_hold(s->law, w->u_cmd);
        probe_step(w, p);
        return;
    }
    find_beside(w, p);
    follow_matrices(w, p, s);
    take_means(w, p, s);
    if (w->dims.n_rf)
        f_hz = step_energy(w, p);
    if (is_static_correction(s, p))
        memcpy(s->v, w->full, w->n_col * sizeof *s->v);
    else
        find_wish(w, p, s);
    law_step(&p->law, s->law, &in, &out);
    mark_saturated(w, &out);
    step_offload(w, p);
    if (w->dims.n_rf) {
        w->sp[rf] = f_hz;
        w->step[rf] = f_hz - w->u_cmd[rf];
    }
    s->steps++;
    w->stepped = true;
}

/* The law does not look, but what was sent goes on acting. */
static RT_SAFE void stand_still(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;

    stepper_restart(w);
    if (++s->n_still < p->tuning.every)
        return;
    s->n_still = 0;
    law_hold(s->law, w->u_cmd);
}

static RT_SAFE void watch_capture(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;
    bool small = fmax(w->max_x_m, w->max_y_m) <= p->tuning.capture.orbit_m;

    s->n_small = small ? s->n_small + 1 : 0;
    if (w->machine.state != STATE_CLOSED || s->n_small >= p->tuning.trip_count)
        s->capturing = false;
}

static RT_SAFE void collect(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;

    s->n_still = 0;
    for (uint64_t row = 0; row < w->n_row; row++)
        s->sum_m[row] += w->error[row];
    for (uint64_t col = 0; col < w->n_col && p->tuning.pull_to_reference; col++)
        s->sum_u[col] += w->u_eff[col];
    s->n_sum++;
}

void stepper_take_frame(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;

    if (s->capturing)
        watch_capture(w, p);
    if (w->inhibited || w->blind || s->last_step_ns == 0 ||
        (w->driving && w->machine.state == STATE_TRIPPED)) {
        stand_still(w, p);
        return;
    }
    collect(w, p);
    if (s->n_sum < p->tuning.every)
        return;
    if (dt_is_nominal(w, p)) {
        step_law(w, p);
    } else {
        s->skipped++;
        law_hold(s->law, w->u_cmd);
    }
    stepper_restart(w);
}

/* ---- display ---- */

uint64_t stepper_flags(const struct workspace *w, const struct params *p)
{
    const struct stepper *s = &w->stepper;
    bool ramps = w->driving && w->now_ns - w->machine.since_ns < p->tuning.ramp_ns;

    return (w->inhibited ? LAW_FLAG_INHIBITED : 0U) | (s->capturing ? LAW_FLAG_CAPTURING : 0U) |
           (ramps ? LAW_FLAG_RAMPING : 0U) | (w->reference_moves ? LAW_FLAG_SLEWING : 0U) |
           (s->energy.driving ? LAW_FLAG_RF : 0U) | (s->energy.holds ? LAW_FLAG_RF_HOLD : 0U);
}

double stepper_gain(const struct workspace *w, const struct params *p)
{
    double gain = p->law.kind == LAW_IMC ? 1.0 - p->law.b : p->law.ki;

    return gain * gain_of_now(w, p);
}

double stepper_rate_hz(const struct workspace *w, const struct params *p)
{
    double period_ns = w->stepper.frame_period_ns * (double) p->tuning.every;

    return period_ns > 0.0 ? 1e9 / period_ns : 0.0;
}

/* At fixed RF a frequency that is too high by a Hz shows as a momentum that is too low. */
double stepper_delta(const struct workspace *w, const struct params *p)
{
    double hz_per_delta = p->alpha_c * p->rf_hz;

    return fabs(hz_per_delta) > 0.0 ? -w->stepper.energy.mean_hz / hz_per_delta : 0.0;
}
