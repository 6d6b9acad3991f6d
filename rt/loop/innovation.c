#include "rt/loop/innovation.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/small_solve.h"

/* Median of |difference of two Gaussian values| over their sigma: 0.6745 sqrt(2). */
static const double middle_per_sigma = 0.9539;
static const double least_middle_m = 1e-10;
static const double smallest_pivot = 1e-9;

/* ---- memory ---- */

enum rc innovation_create(struct innovation *self, const struct orbit_dims *dims)
{
    size_t row = (dims_n_row(dims) + 7) / 8 * 8, col = (dims_n_col(dims) + 7) / 8 * 8;
    double **rows[] = {&self->y_b,       &self->beam,  &self->left, &self->z,   &self->middle,
                       &self->last_left, &self->moved, &self->fit,  &self->part};
    uint64_t **counts[] = {&self->bad, &self->good, &self->masked, &self->blank,
                           &self->quality};
    size_t n_rows = sizeof rows / sizeof rows[0], n_counts = sizeof counts / sizeof counts[0];
    size_t n_word = row * (n_rows + n_counts) + 2 * col;
    double *at = aligned_alloc(CACHE_LINE, n_word * sizeof *at);
    void *words;

    *self = (struct innovation){.n_bpm = dims->n_bpm,
                                .n_col = dims_n_col(dims),
                                .memory = at,
                                .memory_b = n_word * sizeof *at};
    if (!at)
        return err_set(RC_NOMEM, "no memory for the innovation's %zu words", n_word);
    memset(at, 0, n_word * sizeof *at);
    for (size_t i = 0; i < n_rows; i++, at += row)
        *rows[i] = at;
    self->u_b = at;
    self->du = at + col;
    words = at + 2 * col;
    for (size_t i = 0; i < n_counts; i++)
        *counts[i] = (uint64_t *) words + i * row;
    innovation_restart(self);
    self->baseline = BASELINE_NONE;
    return RC_OK;
}

void innovation_destroy(struct innovation *self)
{
    free(self->memory);
    self->memory = NULL;
}

/* ---- baseline ---- */

void innovation_restart(struct innovation *self)
{
    uint64_t n_row = 2 * self->n_bpm;

    self->baseline = BASELINE_COLLECTING;
    self->n_collected = 0;
    self->n_judged = 0;
    memset(self->y_b, 0, n_row * sizeof *self->y_b);
    memset(self->u_b, 0, self->n_col * sizeof *self->u_b);
    memset(self->masked, 0, n_row * sizeof *self->masked);
    memset(self->blank, 0, n_row * sizeof *self->blank);
    memset(self->bad, 0, n_row * sizeof *self->bad);
    memset(self->beam, 0, n_row * sizeof *self->beam);
    memset(self->left, 0, n_row * sizeof *self->left);
    memset(self->z, 0, n_row * sizeof *self->z);
    for (unsigned plane = 0; plane < 2; plane++)
        self->plane[plane] = (struct innovation_plane){.crowded = UINT64_MAX};
}

/* The mean of orbit and kicks together: the loop may be moving meanwhile. */
static RT_SAFE void collect(struct innovation *self, const struct innovation_frame *frame,
                            uint64_t wanted)
{
    uint64_t n_row = 2 * self->n_bpm;

    for (uint64_t row = 0; row < n_row; row++) {
        self->y_b[row] += frame->y[row];
        self->blank[row] |= frame->quality[row] & ~(uint64_t) QUALITY_MISFIT;
    }
    for (uint64_t col = 0; col < self->n_col; col++)
        self->u_b[col] += frame->u_eff[col];
    if (++self->n_collected < wanted)
        return;
    for (uint64_t row = 0; row < n_row; row++)
        self->y_b[row] /= (double) self->n_collected;
    for (uint64_t col = 0; col < self->n_col; col++)
        self->u_b[col] /= (double) self->n_collected;
    self->baseline = BASELINE_TAKEN;
}

/* ---- one plane of one frame ---- */

struct view {
    struct innovation *self;
    const struct params *p;
    const struct optional_matrix *basis;
    struct innovation_plane *plane;
    const double *leverage;
    unsigned index;
    uint64_t row0, n;
    uint64_t n_out; /* rows that do not count, among those the basis knows */
    uint64_t out[MAX_MASKED];
    bool too_many;
};

static RT_SAFE struct view view_of(struct innovation *self, const struct params *p,
                                   unsigned plane)
{
    uint64_t row0 = plane * self->n_bpm;

    return (struct view){.self = self,
                         .p = p,
                         .basis = &p->optional[PARAM_BASIS_X + plane],
                         .plane = &self->plane[plane],
                         .leverage = p->bases.leverage + row0,
                         .index = plane,
                         .row0 = row0,
                         .n = self->n_bpm};
}

/* D, and its fit with the unusable rows at 0. */
static RT_SAFE void subtract(struct view *v, const struct innovation_frame *frame)
{
    struct innovation *s = v->self;

    for (uint64_t i = 0; i < v->n; i++) {
        uint64_t row = v->row0 + i;
        uint64_t quality = frame->quality[row] & ~(uint64_t) QUALITY_MISFIT;
        bool good = (quality | s->blank[row] | s->masked[row]) == QUALITY_GOOD;

        s->quality[row] = quality | s->blank[row];
        s->left[row] = frame->y[row] - s->y_b[row] - s->moved[row];
        s->fit[row] = good ? s->left[row] : 0.0;
        if (good || !(v->leverage[i] > 0.0))
            continue;
        if (v->n_out < MAX_MASKED)
            v->out[v->n_out] = i;
        v->n_out++;
    }
    v->too_many = v->n_out > MAX_MASKED;
}

static RT_SAFE double dot(const double *a, const double *b, uint64_t n)
{
    double sum = 0.0;

    for (uint64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Adds to part = Q^T D what the unusable rows would have had to read. */
static RT_SAFE bool replace_rows(const struct view *v, double *part)
{
    double a[SMALL_SOLVE_MAX][SMALL_SOLVE_MAX], x[SMALL_SOLVE_MAX];
    uint64_t rank = v->basis->cols;

    for (uint64_t i = 0; i < v->n_out; i++) {
        const double *q_i = v->basis->a + v->out[i] * rank;

        x[i] = dot(q_i, part, rank);
        for (uint64_t j = 0; j < v->n_out; j++)
            a[i][j] = (i == j ? 1.0 : 0.0) - dot(q_i, v->basis->a + v->out[j] * rank, rank);
    }
    if (!small_solve(a, x, v->n_out, smallest_pivot))
        return false;
    for (uint64_t i = 0; i < v->n_out; i++)
        for (uint64_t q = 0; q < rank; q++)
            part[q] += v->basis->a[v->out[i] * rank + q] * x[i];
    return true;
}

/* beam = Q Q^T D and left = D - beam. A masked row's left is scaled as if it took part. */
static RT_SAFE bool project(const struct view *v)
{
    struct innovation *s = v->self;
    double *beam = s->beam + v->row0, *left = s->left + v->row0;

    matvec_apply(&v->p->bases.onto[v->index], s->fit + v->row0, s->part);
    if (v->n_out > 0 && !replace_rows(v, s->part))
        return false;
    matvec_apply(&v->p->bases.from[v->index], s->part, beam);
    for (uint64_t i = 0; i < v->n; i++)
        left[i] -= beam[i];
    for (uint64_t i = 0; i < v->n_out; i++)
        left[v->out[i]] *= 1.0 - v->leverage[v->out[i]];
    return true;
}

/* ---- noise ---- */

/* (mean of the roots)^2: near the median, and one BPM that jumped does not make it. */
static RT_SAFE double typical_change(const struct view *v)
{
    const double *left = v->self->left + v->row0, *last = v->self->last_left + v->row0;
    double sum = 0.0;

    for (uint64_t i = 0; i < v->n; i++)
        sum += sqrt(fabs(left[i] - last[i]));
    sum /= (double) v->n;
    return fmax(sum * sum, least_middle_m);
}

static RT_SAFE void start_noise(const struct view *v)
{
    double typical = typical_change(v);

    v->plane->middle_m = typical;
    for (uint64_t i = 0; i < v->n; i++)
        v->self->middle[v->row0 + i] = typical;
}

/* Running medians: one small step up or down per frame, whatever the distance. A value that was
 * sent twice says nothing. */
static RT_SAFE void follow_noise(const struct view *v, uint64_t frames)
{
    const double *left = v->self->left + v->row0, *last = v->self->last_left + v->row0;
    double *middle = v->self->middle + v->row0;
    uint64_t n = v->self->n_judged + 2 < frames ? v->self->n_judged + 2 : frames;
    double up = 1.0 + 1.0 / (double) n, down = 1.0 - 1.0 / (double) n;
    double balance = 0.0;

    for (uint64_t i = 0; i < v->n; i++) {
        double change = fabs(left[i] - last[i]);
        double wanted = change > middle[i] ? up : down;

        middle[i] = fmax(change > 0.0 ? middle[i] * wanted : middle[i], least_middle_m);
        balance += change > v->plane->middle_m ? 1.0 : 0.0;
        balance -= change > 0.0 && change < v->plane->middle_m ? 1.0 : 0.0;
    }
    v->plane->middle_m *= 1.0 + balance / ((double) v->n * (double) n);
    v->plane->middle_m = fmax(v->plane->middle_m, least_middle_m);
}

/* ---- judgement ---- */

static RT_SAFE double length(const double *a, uint64_t n)
{
    return sqrt(dot(a, a, n));
}

/* Square of what the model cannot know of a single BPM, m^2. */
static RT_SAFE double unknown_m2(const struct view *v)
{
    double beam_m = length(v->self->beam + v->row0, v->n);
    double moved_m = length(v->self->moved + v->row0, v->n) / sqrt((double) v->n);
    double basis_m = v->p->bases.left[v->index] * beam_m;
    double model_m = v->p->tuning.model_error * moved_m;

    return basis_m * basis_m + model_m * model_m;
}

static RT_SAFE void find_z(const struct view *v)
{
    struct innovation *s = v->self;
    double unknown = unknown_m2(v), chi2 = 0.0, dof = 0.0, beam2 = 0.0, left2 = 0.0;
    uint64_t n_good = 0;

    for (uint64_t i = 0; i < v->n; i++) {
        uint64_t row = v->row0 + i;
        bool good = (s->quality[row] | s->masked[row]) == QUALITY_GOOD;
        bool known = s->quality[row] == QUALITY_GOOD && v->leverage[i] > 0.0;
        double free = fmax(1.0 - v->leverage[i], 0.0);
        double middle =
            fmin(fmax(s->middle[row], v->plane->middle_m / 3.0), 3.0 * v->plane->middle_m) /
            middle_per_sigma;

        s->left[row] = known ? s->left[row] : 0.0;
        s->z[row] = s->left[row] / sqrt(middle * middle + unknown * free);
        chi2 += good ? s->z[row] * s->z[row] * free : 0.0;
        dof += good ? free : 0.0;
        left2 += good ? s->left[row] * s->left[row] : 0.0;
        beam2 += s->beam[row] * s->beam[row];
        n_good += good;
    }
    v->plane->noise_m =
        dof > 0.0 ? v->plane->middle_m / middle_per_sigma * sqrt((double) n_good / dof) : 0.0;
    v->plane->chi2_per_dof = dof > 0.0 ? chi2 / dof : 0.0;
    v->plane->left_rms_m = n_good ? sqrt(left2 / (double) n_good) : 0.0;
    v->plane->beam_rms_m = sqrt(beam2 / (double) v->n);
}

static RT_SAFE void count_row(const struct view *v, uint64_t row)
{
    const struct tuning *t = &v->p->tuning;
    struct innovation *s = v->self;
    double z = fabs(s->z[row]), size_m = fabs(s->left[row]);
    bool bad = z > t->mask_z && size_m > t->mask_min_m;
    bool good = z < 0.5 * t->mask_z || size_m < 0.5 * t->mask_min_m;

    s->bad[row] = bad ? s->bad[row] + 1 : 0;
    s->good[row] = good ? s->good[row] + 1 : 0;
    if (!s->masked[row] || s->good[row] < t->release_count)
        return;
    s->masked[row] = 0;
    v->plane->n_masked--;
}

/* Of those that are due, the one furthest out; what it did to the others goes with it. */
static RT_SAFE void mask_worst(const struct view *v)
{
    const struct tuning *t = &v->p->tuning;
    struct innovation *s = v->self;
    uint64_t worst = UINT64_MAX;
    double most = 0.0;

    for (uint64_t row = v->row0; row < v->row0 + v->n; row++) {
        bool due = s->bad[row] >= t->mask_count && !s->masked[row];

        if (due && fabs(s->z[row]) > most) {
            worst = row;
            most = fabs(s->z[row]);
        }
    }
    v->plane->crowded = UINT64_MAX;
    if (worst == UINT64_MAX)
        return;
    if (v->n_out >= t->max_masked) {
        v->plane->crowded = worst;
        return;
    }
    s->masked[worst] = QUALITY_MISFIT;
    s->good[worst] = 0;
    v->plane->n_masked++;
}

static RT_SAFE void judge(const struct view *v)
{
    find_z(v);
    if (!v->p->tuning.mask_misfits)
        return;
    for (uint64_t row = v->row0; row < v->row0 + v->n; row++) {
        if (v->self->quality[row] == QUALITY_GOOD)
            count_row(v, row);
        else
            v->self->bad[row] = 0;
    }
    mask_worst(v);
}

static RT_SAFE void update_plane(struct innovation *self, const struct params *p,
                                 const struct innovation_frame *frame, unsigned plane)
{
    struct view v = view_of(self, p, plane);

    v.plane->judged = false;
    if (v.basis->rows == 0)
        return;
    subtract(&v, frame);
    if (v.too_many || !project(&v))
        return;
    if (self->n_judged == 1)
        start_noise(&v);
    else if (self->n_judged > 1)
        follow_noise(&v, p->tuning.noise_frames);
    memcpy(self->last_left + v.row0, self->left + v.row0, v.n * sizeof *self->left);
    if (self->n_judged > 1)
        judge(&v);
    v.plane->judged = true;
}

void innovation_update(struct innovation *self, const struct params *p,
                       const struct innovation_frame *frame)
{
    if (self->baseline == BASELINE_COLLECTING)
        collect(self, frame, p->tuning.baseline_frames);
    if (self->baseline != BASELINE_TAKEN)
        return;
    for (uint64_t col = 0; col < self->n_col; col++)
        self->du[col] = frame->u_eff[col] - self->u_b[col];
    matvec_apply(&p->predict, self->du, self->moved);
    for (unsigned plane = 0; plane < 2; plane++)
        update_plane(self, p, frame, plane);
    self->n_judged++;
}
