/* Phase "correct": the static correction of every cycle, and the velocity PI's step once per
 * law period. */
#include "rt/loop/workspace.h"

#include <math.h>
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
    w->stepper.primed = false;
    w->stepper.last_step_ns = w->bpm[0].view.head.t_sample_ns;
}

/* Velocity PI on the block's columns: -(kp (c - c_last) + ki c), where the column is driven. */
static RT_SAFE void raw_step(struct workspace *w, const struct params *p, const double *c)
{
    const struct tuning *t = &p->tuning;

    for (uint64_t col = 0; col < w->n_col; col++) {
        double change = w->stepper.primed ? c[col] - w->stepper.c_last[col] : 0.0;

        w->step[col] = column_is_driven(w, p, col) ? -(t->kp * change + t->ki * c[col]) : 0.0;
    }
    memcpy(w->stepper.c_last, c, w->n_col * sizeof *c);
    w->stepper.primed = true;
}

/* The whole block is scaled, so that the direction of the correction is kept. */
static RT_SAFE void limit_step(struct workspace *w, const struct params *p)
{
    for (uint64_t b = 0; b < p->n_block; b++) {
        const struct param_block *block = &p->block[b];
        double largest = 0.0, scale;

        for (uint64_t j = 0; j < block->n_col; j++)
            largest = fmax(largest, fabs(w->step[block->col0 + j]));
        scale = largest > p->tuning.step_limit_rad ? p->tuning.step_limit_rad / largest : 1.0;
        for (uint64_t j = 0; j < block->n_col; j++)
            w->step[block->col0 + j] *= scale;
    }
}

static RT_SAFE void limit_setpoint(struct workspace *w, const struct params *p)
{
    w->n_saturated = 0;
    for (uint64_t col = 0; col < w->n_col; col++) {
        double wanted = w->u_cmd[col] + w->step[col];
        double allowed = fmin(fmax(wanted, p->lower[col]), p->upper[col]);

        /* Outside already, from somebody else's set point: may come back, not go further. */
        if (w->u_cmd[col] < p->lower[col] || w->u_cmd[col] > p->upper[col])
            allowed = fabs(wanted) < fabs(w->u_cmd[col]) ? wanted : w->u_cmd[col];
        w->sp[col] = allowed;
        w->step[col] = allowed - w->u_cmd[col];
        if (allowed < wanted || allowed > wanted) {
            w->n_saturated++;
            w->col_quality[col] |= QUALITY_SATURATED;
        }
    }
}

/* The step's own time must be near its nominal one: after a gap in the data a step would mix
 * ages. */
static RT_SAFE bool dt_is_nominal(const struct workspace *w, const struct params *p)
{
    double nominal_ns = (double) p->tuning.every * w->stepper.frame_period_ns;
    double dt_ns = (double) (w->bpm[0].view.head.t_sample_ns - w->stepper.last_step_ns);

    return dt_ns >= 0.5 * nominal_ns && dt_ns <= 2.0 * nominal_ns;
}

static RT_SAFE void step_law(struct workspace *w, const struct params *p)
{
    double *c = w->scratch_col, *mean_m = w->scratch_row;
    bool nominal = dt_is_nominal(w, p);

    for (uint64_t row = 0; row < w->n_row; row++)
        mean_m[row] = w->stepper.sum_m[row] / (double) w->stepper.n_sum;
    memset(w->stepper.sum_m, 0, w->n_row * sizeof *w->stepper.sum_m);
    w->stepper.n_sum = 0;
    w->stepper.last_step_ns = w->bpm[0].view.head.t_sample_ns;
    if (!nominal) {
        w->stepper.skipped++;
        return;
    }
    memset(c, 0, w->n_col * sizeof *c);
    for (uint64_t b = 0; b < p->n_block; b++)
        matvec_apply(&p->correct[b], mean_m + p->block[b].row0, c + p->block[b].col0);
    raw_step(w, p, c);
    limit_step(w, p);
    limit_setpoint(w, p);
    w->stepper.steps++;
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
