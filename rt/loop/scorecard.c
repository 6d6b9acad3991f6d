#include "rt/loop/scorecard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/loop/workspace.h"

enum rc scorecard_create(struct scorecard *self, const struct orbit_dims *dims)
{
    size_t row = (dims_n_row(dims) + 7) / 8 * 8, col = (dims_n_col(dims) + 7) / 8 * 8;
    size_t size_b = (row + 2 * col) * sizeof(double);
    double *at = aligned_alloc(CACHE_LINE, size_b);

    *self = (struct scorecard){.memory = at, .memory_b = size_b};
    if (!at)
        return err_set(RC_NOMEM, "no memory for the scorecard's %zu bytes", size_b);
    memset(at, 0, size_b);
    self->mode = at;
    self->step = at + row;
    self->found = self->step + col;
    return RC_OK;
}

void scorecard_destroy(struct scorecard *self)
{
    free(self->memory);
    self->memory = NULL;
}

struct span {
    uint64_t col0, n;
};

static RT_SAFE struct span kicks_of(const struct workspace *w, unsigned plane)
{
    return plane ? (struct span){w->dims.n_h, w->dims.n_v} : (struct span){0, w->dims.n_h};
}

/* ---- SCORE ---- */

static RT_SAFE void compare_plane(struct workspace *w, const struct params *p, unsigned plane)
{
    const double keep = 1.0 - 1.0 / 50.0;
    struct scorecard_plane *score = &w->scorecard.plane[plane];
    struct span span = kicks_of(w, plane);
    double step2 = 0.0, both = 0.0, applied2 = 0.0;

    for (uint64_t col = span.col0; col < span.col0 + span.n; col++) {
        double step = p->law.driven[col] * w->scorecard.step[col];
        double applied = p->law.driven[col] * (w->u_found[col] - w->scorecard.found[col]);

        step2 += step * step;
        both += step * applied;
        applied2 += applied * applied;
    }
    score->step2 = keep * score->step2 + step2;
    score->both = keep * score->both + both;
    score->applied2 = keep * score->applied2 + applied2;
    score->slope = score->step2 > 0.0 ? score->both / score->step2 : 0.0;
    score->cosine = score->step2 > 0.0 && score->applied2 > 0.0
                        ? score->both / sqrt(score->step2 * score->applied2)
                        : 0.0;
}

/* ---- kicks outside the controlled space ---- */

/* Slow by nature, and two products with matrices: not at every step of a fast law. */
static const int64_t outside_every_ns = 50000000;

static RT_SAFE void find_outside(struct workspace *w, const struct params *p)
{
    double *moved = w->scratch_row, *seen = w->scratch_col;

    matvec_apply(&p->predict, w->u_cmd, moved);
    memset(seen, 0, w->n_col * sizeof *seen);
    for (uint64_t b = 0; b < p->n_block; b++)
        matvec_apply(&p->correct[b], moved + p->block[b].row0, seen + p->block[b].col0);
    for (unsigned plane = 0; plane < 2; plane++) {
        struct span span = kicks_of(w, plane);
        double sum = 0.0;

        for (uint64_t col = span.col0; col < span.col0 + span.n; col++) {
            double outside = p->law.driven[col] * (w->u_cmd[col] - seen[col]);

            sum += outside * outside;
        }
        w->scorecard.plane[plane].outside_rad = span.n ? sqrt(sum / (double) span.n) : 0.0;
    }
}

/* ---- orbit ---- */

static RT_SAFE void find_correctable(struct workspace *w, unsigned plane)
{
    double sum = 0.0, n = 0.0;

    for (uint64_t row = plane * w->dims.n_bpm; row < (plane + 1) * w->dims.n_bpm; row++) {
        double good = w->row_quality[row] == QUALITY_GOOD ? 1.0 : 0.0;
        double moved = w->pred_full[row] - w->y[row];

        sum += good * moved * moved;
        n += good;
    }
    w->scorecard.plane[plane].correctable_m = n > 0.0 ? sqrt(sum / n) : 0.0;
}

static RT_SAFE void find_modes(struct workspace *w, const struct params *p, unsigned plane)
{
    uint64_t row0 = plane * w->dims.n_bpm;

    if (p->bases.shown[plane].rows)
        matvec_apply(&p->bases.modes[plane], w->error + row0, w->scorecard.mode + row0);
}

static RT_SAFE void compare(struct workspace *w, const struct params *p)
{
    struct scorecard *self = &w->scorecard;
    bool others_drive = !w->driving && w->actuator.alive;

    if (self->primed && others_drive)
        for (unsigned plane = 0; plane < 2; plane++)
            compare_plane(w, p, plane);
    memcpy(self->step, w->step, w->n_col * sizeof *self->step);
    memcpy(self->found, w->u_found, w->n_col * sizeof *self->found);
    self->primed = others_drive;
}

void phase_display(struct workspace *w, const struct params *p)
{
    if (p->revision == 0)
        return;
    if (w->new_frame)
        for (unsigned plane = 0; plane < 2; plane++) {
            find_correctable(w, plane);
            find_modes(w, p, plane);
        }
    if (!w->stepped)
        return;
    compare(w, p);
    if (w->now_ns - w->scorecard.outside_ns < outside_every_ns)
        return;
    w->scorecard.outside_ns = w->now_ns;
    find_outside(w, p);
}
