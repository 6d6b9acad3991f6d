/* Phase "predict": kicks in transit, the two predicted orbits, and the score of an earlier
 * prediction. */
#include "rt/loop/workspace.h"

#include <math.h>
#include <string.h>

static RT_SAFE double tau_ns(double pole_hz)
{
    return 1e9 / (2.0 * M_PI * pole_hz);
}

/* Constants of the response change with the parameters only. */
static RT_SAFE void follow_poles(struct workspace *w, const struct params *p, double period_ns)
{
    if (w->response_serial == p->serial)
        return;
    w->response_serial = p->serial;
    for (uint64_t col = 0; col < w->n_col; col++)
        w->response_share[col] = response_share(period_ns / tau_ns(p->pole_hz[col]));
}

/* What somebody else drives is as it was found. */
static RT_SAFE void follow_found(struct workspace *w, const struct params *p)
{
    bool drives = state_drives(w->machine.state, w->machine.arm_id);

    for (uint64_t col = 0; col < w->n_col; col++)
        if (!drives || !column_is_driven(p, col))
            w->u_cmd[col] = w->u_found[col];
}

void track_kicks(const struct workspace *w, const struct params *p, double period_ns,
                 struct response *response, const double *u, double *u_eff)
{
    const struct response_model model = {
        .delay_cycles = {(uint64_t) ((double) p->tuning.response_delay_ns / period_ns + 0.5),
                         (uint64_t) ((double) p->tuning.fast_delay_ns / period_ns + 0.5)},
        .fast = p->fast,
        .share = w->response_share};

    /* Skipped grid points are cycles whose commands stood still. */
    for (uint64_t skip = w->skipped < response->depth ? w->skipped : response->depth;; skip--) {
        response_advance(response, u, u_eff, &model);
        if (skip == 0)
            break;
    }
}

void phase_track(struct workspace *w, const struct params *p, double period_ns)
{
    follow_poles(w, p, period_ns);
    if (w->actuator.seen)
        follow_found(w, p);
    if (!w->response.primed && w->actuator.seen)
        response_reset(&w->response, w->u_cmd, w->u_eff);
    track_kicks(w, p, period_ns, &w->response, w->u_cmd, w->u_eff);
}

static RT_SAFE double rms(const double *value, const uint64_t *quality, uint64_t n)
{
    double sum = 0.0;
    uint64_t count = 0;

    for (uint64_t i = 0; i < n; i++) {
        if (quality[i] == QUALITY_GOOD) {
            sum += value[i] * value[i];
            count++;
        }
    }
    return count ? sqrt(sum / (double) count) : 0.0;
}

/* Prediction made then, for the kicks that have arrived since, against the orbit of now. */
static RT_SAFE void settle_score(struct workspace *w, const struct params *p)
{
    double *arrived = w->scratch_col, *moved_m = w->scratch_row;

    for (uint64_t col = 0; col < w->n_col; col++)
        arrived[col] = w->u_eff[col] - w->score.u_eff[col];
    matvec_apply(&p->predict, arrived, moved_m);
    for (uint64_t row = 0; row < w->n_row; row++)
        moved_m[row] += w->score.y_m[row] - w->y[row];
    w->score.error_x_m = rms(moved_m, w->row_quality, w->dims.n_bpm);
    w->score.error_y_m =
        rms(moved_m + w->dims.n_bpm, w->row_quality + w->dims.n_bpm, w->dims.n_bpm);
    w->score.pending = false;
}

static RT_SAFE void keep_score(struct workspace *w, const struct params *p)
{
    enum { TAUS_TO_SETTLE = 4 };

    if (w->score.pending && w->now_ns >= w->score.due_ns)
        settle_score(w, p);
    if (w->score.pending)
        return;
    memcpy(w->score.y_m, w->y, w->n_row * sizeof *w->y);
    memcpy(w->score.u_eff, w->u_eff, w->n_col * sizeof *w->u_eff);
    w->score.due_ns = w->now_ns + p->tuning.response_delay_ns +
                      (int64_t) (TAUS_TO_SETTLE * tau_ns(p->tuning.actuator_pole_hz));
    w->score.pending = true;
}

void phase_predict(struct workspace *w, const struct params *p)
{
    double *transit = w->scratch_col;
    const double *const x[2] = {transit, w->full};
    double *const y[2] = {w->pred_now, w->pred_full};

    if (p->revision == 0)
        return;
    for (uint64_t col = 0; col < w->n_col; col++)
        transit[col] = w->u_cmd[col] - w->u_eff[col];
    matvec_apply2(&p->predict, x, y);
    for (uint64_t row = 0; row < w->n_row; row++) {
        w->pred_now[row] += w->y[row];
        w->pred_full[row] += w->y[row];
    }
    if (w->new_frame)
        keep_score(w, p);
}
