#include "rt/loop/virtual_loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/loop/workspace.h"

enum rc virtual_loop_create(struct virtual_loop *self, const struct orbit_dims *dims)
{
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);
    size_t row = (n_row + 7) / 8 * 8, col = (n_col + 7) / 8 * 8;
    size_t size_b = (row + 4 * col) * sizeof(double);
    double *at = aligned_alloc(CACHE_LINE, size_b);
    enum rc rc;

    *self = (struct virtual_loop){.memory = at, .memory_b = size_b};
    if (!at)
        return err_set(RC_NOMEM, "no memory for the virtual loop's %zu bytes", size_b);
    memset(at, 0, size_b);
    self->y = at;
    self->u = at + row;
    self->u_eff = self->u + col;
    self->next = self->u_eff + col;
    self->step = self->next + col;
    rc = response_create(&self->response, n_col, MAX_DELAY_CYCLES);
    return rc == RC_OK ? stepper_create(&self->stepper, n_row, n_col) : rc;
}

void virtual_loop_destroy(struct virtual_loop *self)
{
    response_destroy(&self->response);
    stepper_destroy(&self->stepper);
    free(self->memory);
    self->memory = NULL;
}

/* As closing would: from the set points found, with the kicks in transit as they are. */
static RT_SAFE void start(struct workspace *w)
{
    struct virtual_loop *self = &w->virtual_loop;

    memcpy(self->u, w->u_cmd, w->n_col * sizeof *self->u);
    response_reset(&self->response, self->u, self->u_eff);
    memcpy(self->u_eff, w->u_eff, w->n_col * sizeof *self->u_eff);
    law_track(self->stepper.law, self->u);
    stepper_forget(&self->stepper, w->n_row, w->n_col);
    self->stepper.revision = 0;
    self->steps = 0;
    self->n_saturated = 0;
    self->running = true;
}

static RT_SAFE double rms_good(const double *value, const uint64_t *quality, uint64_t n)
{
    double sum = 0.0, count = 0.0;

    for (uint64_t i = 0; i < n; i++) {
        double good = quality[i] == QUALITY_GOOD ? 1.0 : 0.0;

        sum += good * value[i] * value[i];
        count += good;
    }
    return count > 0.0 ? sqrt(sum / count) : 0.0;
}

/* The virtual orbit; its errors are collected. */
static RT_SAFE void see(struct workspace *w, const struct params *p)
{
    struct virtual_loop *self = &w->virtual_loop;
    double *du = w->scratch_col, *error = w->scratch_row;

    for (uint64_t col = 0; col < w->n_col; col++)
        du[col] = self->u_eff[col] - w->u_eff[col];
    matvec_apply(&p->predict, du, self->y);
    for (uint64_t row = 0; row < w->n_row; row++) {
        self->y[row] += w->y[row];
        error[row] = self->y[row] - w->reference_m[row];
        self->stepper.sum_m[row] += error[row];
    }
    for (uint64_t col = 0; col < w->n_col; col++)
        self->stepper.sum_u[col] += self->u_eff[col];
    self->stepper.n_sum++;
    self->rms_x_m = rms_good(error, w->row_quality, w->dims.n_bpm);
    self->rms_y_m =
        rms_good(error + w->dims.n_bpm, w->row_quality + w->dims.n_bpm, w->dims.n_bpm);
}

static RT_SAFE double kick_rms(const double *value, uint64_t n)
{
    double sum = 0.0;

    for (uint64_t i = 0; i < n; i++)
        sum += value[i] * value[i];
    return n ? sqrt(sum / (double) n) : 0.0;
}

static RT_SAFE void measure_use(struct workspace *w, const struct params *p)
{
    struct virtual_loop *self = &w->virtual_loop;

    self->use = 0.0;
    for (uint64_t col = 0; col < w->dims.n_h + w->dims.n_v; col++) {
        double use = fabs(self->u[col]) / fmax(p->upper[col], 1e-12);

        self->use = column_is_driven(p, col) && use > self->use ? use : self->use;
    }
    self->kick_h_rad = kick_rms(self->u, w->dims.n_h);
    self->kick_v_rad = kick_rms(self->u + w->dims.n_h, w->dims.n_v);
}

static RT_SAFE void act(struct workspace *w, const struct params *p)
{
    struct virtual_loop *self = &w->virtual_loop;
    struct stepper *s = &self->stepper;
    struct law_output out = {.u = self->next, .step = self->step, .saturated = s->saturated};
    struct law_input in = {.v = s->v,
                           .u_now = self->u,
                           .u_ref = s->u_ref,
                           .metric = params_metric(p),
                           .gain = 1.0,
                           .step_scale = 1.0,
                           .closed = true};

    stepper_find_wish(w, p, s);
    law_step(&p->law, s->law, &in, &out);
    memcpy(self->u, self->next, w->n_col * sizeof *self->u);
    self->n_saturated = out.n_saturated;
    self->steps++;
    stepper_forget(s, w->n_row, w->n_col);
    measure_use(w, p);
}

/* What others drive is in the virtual machine as in the real one. */
static RT_SAFE void follow_others(struct workspace *w, const struct params *p)
{
    for (uint64_t col = 0; col < w->n_col; col++)
        if (!(p->law.driven[col] > 0.0))
            w->virtual_loop.u[col] = w->u_cmd[col];
}

void phase_virtual(struct workspace *w, const struct params *p, double period_ns)
{
    struct virtual_loop *self = &w->virtual_loop;

    if (w->driving || !w->response.primed || p->revision == 0 || !p->tuning.virtual_loop) {
        self->running = false;
        return;
    }
    if (!self->running)
        start(w);
    follow_others(w, p);
    track_kicks(w, p, period_ns, &self->response, self->u, self->u_eff);
    if (!w->new_frame)
        return;
    if (w->inhibited || w->blind) {
        stepper_forget(&self->stepper, w->n_row, w->n_col);
        return;
    }
    see(w, p);
    if (w->stepped) {
        act(w, p);
    } else if (w->stepper.n_sum == 0) { /* the law did not step for lack of good time */
        law_hold(self->stepper.law, self->u);
        stepper_forget(&self->stepper, w->n_row, w->n_col);
    }
}
