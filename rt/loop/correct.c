/* Phase "correct": the static correction of every cycle, and the velocity PI's step once per
 * law period. */
#include "rt/loop/workspace.h"

#include <string.h>

#include "rt/loop/mask.h"

static RT_SAFE void find_masked(const struct workspace *w, const struct params *p,
                                const struct param_block *block, struct mask *mask)
{
    mask->n = 0;
    for (uint64_t row = block->row0; row < block->row0 + block->n_row; row++)
        if (w->row_quality[row] != QUALITY_GOOD && !p->row_disabled[row] &&
            mask->n < MAX_MASKED)
            mask->row[mask->n++] = row;
}

/* K e of one block into c [n_col]; missing errors are replaced on the way. */
static RT_SAFE void correct_block(struct workspace *w, const struct params *p, uint64_t b,
                                  double *c)
{
    const struct param_block *block = &p->block[b];
    struct mask mask;

    find_masked(w, p, block, &mask);
    for (uint64_t i = 0; i < mask.n; i++)
        w->error[mask.row[i]] = 0.0;
    matvec_apply(&p->correct[b], w->error + block->row0, c + block->col0);
    if (mask.n == 0)
        return;
    if (!mask_replace(p, block, &mask, w->error, c + block->col0))
        w->blind = true;
    for (uint64_t i = 0; i < mask.n; i++) {
        w->row_quality[mask.row[i]] |= QUALITY_MASKED;
        w->y[mask.row[i]] = p->reference_m[mask.row[i]] + w->error[mask.row[i]];
    }
}

static RT_SAFE void static_correction(struct workspace *w, const struct params *p)
{
    memset(w->full, 0, w->n_col * sizeof *w->full);
    if (w->blind)
        return;
    for (uint64_t b = 0; b < p->n_block; b++)
        correct_block(w, p, b, w->full);
    for (uint64_t col = 0; col < w->n_col; col++)
        w->full[col] = -w->full[col];
}

/* The frame period as the pace shows it: time between samples per counted frame, smoothed. */
static RT_SAFE void learn_period(struct workspace *w)
{
    struct source_input *pace = &w->bpm[0];
    const struct frame_head *head = &pace->view.head;
    double period_ns;

    w->n_frames++;
    if (pace->last_seq && head->frame_seq > pace->last_seq) {
        w->n_frames_lost += head->frame_seq - pace->last_seq - 1;
        period_ns = (double) (head->t_sample_ns - pace->last_sample_ns) /
                    (double) (head->frame_seq - pace->last_seq);
        w->stepper.frame_period_ns =
            w->stepper.frame_period_ns > 0.0
                ? w->stepper.frame_period_ns + 0.01 * (period_ns - w->stepper.frame_period_ns)
                : period_ns;
    }
    pace->last_seq = head->frame_seq;
    pace->last_sample_ns = head->t_sample_ns;
}

void stepper_restart(struct workspace *w)
{
    memset(w->stepper.sum_m, 0, w->n_row * sizeof *w->stepper.sum_m);
    w->stepper.n_sum = 0;
    w->stepper.last_step_ns = w->bpm[0].view.head.t_sample_ns;
}

/* v = -(K e) of a mean error. */
static RT_SAFE void find_wish(const struct workspace *w, const struct params *p,
                              const double *mean_m, double *v)
{
    memset(v, 0, w->n_col * sizeof *v);
    for (uint64_t b = 0; b < p->n_block; b++)
        matvec_apply(&p->correct[b], mean_m + p->block[b].row0, v + p->block[b].col0);
    for (uint64_t col = 0; col < w->n_col; col++)
        v[col] = -v[col];
}

/* New matrices see the error of the last step differently: that is not a change of the orbit.
 */
static RT_SAFE void follow_matrices(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;

    if (s->revision != 0 && s->revision != p->revision) {
        find_wish(w, p, s->mean_m, s->v);
        law_rebase(s->law, &p->law, s->v);
    }
    s->revision = p->revision;
}

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

/* The mean of the errors since the last step: a moving average over law.every frames, whose
 * first zero is at the law's rate. */
static RT_SAFE void take_mean(struct stepper *s, uint64_t n_row)
{
    for (uint64_t row = 0; row < n_row; row++)
        s->mean_m[row] = s->sum_m[row] / (double) s->n_sum;
}

static RT_SAFE void step_law(struct workspace *w, const struct params *p)
{
    struct stepper *s = &w->stepper;
    struct law_output out = {.u = w->sp, .step = w->step, .saturated = s->saturated};
    struct law_input in = {.v = s->v,
                           .u_now = w->u_cmd,
                           .gain = 1.0,
                           .step_scale = 1.0,
                           .closed = w->machine.state == STATE_CLOSED};
    bool nominal = dt_is_nominal(w, p);

    if (!nominal) {
        s->skipped++;
        law_hold(s->law, w->u_cmd);
        stepper_restart(w);
        return;
    }
    follow_matrices(w, p);
    take_mean(s, w->n_row);
    stepper_restart(w);
    find_wish(w, p, s->mean_m, s->v);
    law_step(&p->law, s->law, &in, &out);
    mark_saturated(w, &out);
    s->steps++;
    w->stepped = true;
}

static RT_SAFE void collect(struct workspace *w, const struct params *p)
{
    for (uint64_t row = 0; row < w->n_row; row++)
        w->stepper.sum_m[row] += w->error[row];
    if (++w->stepper.n_sum >= p->tuning.every)
        step_law(w, p);
}

void phase_correct(struct workspace *w, const struct params *p)
{
    w->stepped = false;
    if (w->new_frame)
        learn_period(w);
    if (p->revision == 0)
        return;
    static_correction(w, p);
    w->inhibited = w->bpm[0].view.head.word[WORD_INHIBIT] != 0;
    if (w->inhibited || w->blind || w->stepper.last_step_ns == 0)
        stepper_restart(w);
    else if (w->new_frame)
        collect(w, p);
}
