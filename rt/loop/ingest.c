/* Phases "ingest" and "validate": newest frames in, quality of every value, orbit and its
 * error. */
#include "rt/loop/workspace.h"

#include <float.h>
#include <math.h>
#include <string.h>

static RT_SAFE bool young(int64_t now_ns, int64_t sampled_ns, int64_t max_age_ns)
{
    int64_t age = now_ns - sampled_ns;

    /* A stamp from the future is a broken clock, not a fresh value. */
    return age <= max_age_ns && age >= -max_age_ns;
}

static RT_SAFE bool poll_source(struct source_input *input, const struct hal *hal,
                                unsigned source, int64_t now_ns, int64_t max_age_ns)
{
    uint64_t generation = hal->generation(hal->self, source);
    bool new_frame = hal->read_frame(hal->self, source, &input->view);

    if (new_frame)
        input->seen = true;
    if (generation == 0 || input->view.head.generation != generation) {
        input->seen = false;
        new_frame = false;
    }
    input->alive = input->seen && young(now_ns, input->view.head.t_sample_ns, max_age_ns);
    return new_frame;
}

void phase_ingest(struct workspace *w, const struct hal *hal, const struct params *p)
{
    for (unsigned s = 0; s < w->n_bpm_source; s++) {
        bool new_frame = poll_source(&w->bpm[s], hal, s, w->now_ns, p->tuning.bpm_max_age_ns);

        if (s == 0)
            w->new_frame = new_frame;
    }
    w->new_echo = poll_source(&w->actuator, hal, (unsigned) w->n_bpm_source, w->now_ns,
                              p->tuning.actuator_max_age_ns);
}

/* What a value must keep to, the same for every row of a source. */
struct row_limits {
    uint64_t quality;              /* of all its rows */
    uint64_t oldest_ns, newest_ns; /* stamps that are believed */
    double max_m, min_sum;
};

static RT_SAFE struct row_limits limit_rows(const struct workspace *w, const struct params *p,
                                            const struct source_input *input)
{
    const struct tuning *t = &p->tuning;

    return (struct row_limits){.quality = input->alive ? QUALITY_GOOD : QUALITY_STALE,
                               .oldest_ns = (uint64_t) (w->now_ns - t->bpm_max_age_ns),
                               .newest_ns = (uint64_t) (w->now_ns + t->bpm_max_age_ns),
                               .max_m = t->bpm_max_m,
                               .min_sum = t->bpm_min_sum};
}

/* 1 outside the two stamps: one of the differences is then negative, whatever the stamp. */
static RT_SAFE inline uint64_t outside(uint64_t t_ns, const struct row_limits *limits)
{
    return ((t_ns - limits->oldest_ns) | (limits->newest_ns - t_ns)) >> 63;
}

/* Without branches: a bad value costs the cycle what a good one does. The macros of math.h
 * compare without floating-point exceptions, so the compiler may compare several at once. */
static RT_SAFE inline uint64_t judge_position(const struct frame_view *view,
                                              const struct row_limits *limits, uint64_t row)
{
    double size = fabs(view->value[row]), sum = view->aux[row];
    uint64_t old = outside((uint64_t) view->t_value_ns[row], limits);
    bool finite = islessequal(size, DBL_MAX) & islessequal(fabs(sum), DBL_MAX);

    return view->quality[row] | limits->quality | old * QUALITY_STALE |
           (finite ? 0 : QUALITY_INVALID) |
           (finite & isgreater(size, limits->max_m) ? QUALITY_RANGE : 0) |
           (finite & isless(sum, limits->min_sum) ? QUALITY_LOW_SUM : 0);
}

/* Fills in what no source before had good. An invalid row keeps its last good orbit until
 * masking replaces it: no NaN leaves this function. */
static RT_SAFE void take_source(struct workspace *w, const struct params *p, unsigned s)
{
    const struct source_input *input = &w->bpm[s];
    const struct frame_view view = input->view;
    const struct row_limits limits = limit_rows(w, p, input);
    uint64_t *restrict row_quality = w->row_quality, n = w->n_row;
    double *restrict y = w->y;

    for (uint64_t row = 0; row < n; row++) {
        uint64_t before = row_quality[row];
        uint64_t quality = judge_position(&view, &limits, row);
        double value_m = view.value[row], kept_m = y[row];

        y[row] = (before != QUALITY_GOOD) & (quality == QUALITY_GOOD) ? value_m : kept_m;
        row_quality[row] = before == QUALITY_GOOD ? QUALITY_GOOD : quality;
    }
}

/* Before its first frame a source's view points nowhere. */
static RT_SAFE void miss_source(struct workspace *w)
{
    for (uint64_t row = 0; row < w->n_row; row++)
        w->row_quality[row] =
            w->row_quality[row] == QUALITY_GOOD ? QUALITY_GOOD : QUALITY_DISCONNECTED;
}

/* The first source, in configured order, that has a good value for the row. */
static RT_SAFE void take_positions(struct workspace *w, const struct params *p)
{
    uint64_t *restrict row_quality = w->row_quality, n = w->n_row;
    double *restrict error = w->error;
    const double *restrict reference_m = w->reference_m;

    for (uint64_t row = 0; row < n; row++)
        row_quality[row] = QUALITY_ABSENT;
    for (unsigned s = 0; s < w->n_bpm_source; s++) {
        if (w->bpm[s].seen)
            take_source(w, p, s);
        else
            miss_source(w);
    }
    for (uint64_t row = 0; row < n; row++) {
        row_quality[row] |= p->row_disabled[row] | w->innovation.masked[row];
        error[row] = w->y[row] - reference_m[row];
    }
}

/* Several sums side by side: one alone would wait for each addition in turn. */
enum { LANES = 4 };

struct plane_sum {
    double square[LANES], max[LANES];
    uint64_t n[LANES];
};

static RT_SAFE inline void add_row(const struct workspace *w, uint64_t row, unsigned lane,
                                   struct plane_sum *sum)
{
    bool good = w->row_quality[row] == QUALITY_GOOD;
    double size = good ? fabs(w->error[row]) : 0.0;

    sum->square[lane] += size * size;
    sum->max[lane] = size > sum->max[lane] ? size : sum->max[lane];
    sum->n[lane] += good;
}

static RT_SAFE void measure_plane(const struct workspace *w, uint64_t row0, double *rms_m,
                                  double *max_m)
{
    struct plane_sum sum = {0};
    uint64_t row = row0, end = row0 + w->dims.n_bpm, n;
    double square;

    for (; row + LANES <= end; row += LANES)
        for (unsigned lane = 0; lane < LANES; lane++)
            add_row(w, row + lane, lane, &sum);
    for (; row < end; row++)
        add_row(w, row, 0, &sum);
    n = sum.n[0] + sum.n[1] + sum.n[2] + sum.n[3];
    square = (sum.square[0] + sum.square[1]) + (sum.square[2] + sum.square[3]);
    *rms_m = n ? sqrt(square / (double) n) : 0.0;
    *max_m = fmax(fmax(sum.max[0], sum.max[1]), fmax(sum.max[2], sum.max[3]));
}

static RT_SAFE void miss_actuators(struct workspace *w, const struct params *p)
{
    for (uint64_t col = 0; col < w->n_col; col++)
        w->col_quality[col] = QUALITY_DISCONNECTED | QUALITY_INVALID | p->col_disabled[col];
}

static RT_SAFE void take_actuators(struct workspace *w, const struct params *p)
{
    const struct frame_view view = w->actuator.view;
    uint64_t all = w->actuator.alive ? QUALITY_GOOD : QUALITY_STALE;
    uint64_t *restrict col_quality = w->col_quality, n = w->n_col;
    double *restrict u_readback = w->u_readback, *restrict u_found = w->u_found;

    for (uint64_t col = 0; col < n; col++) {
        double readback = view.value[col], found = view.aux[col];
        double kept_readback = u_readback[col], kept_found = u_found[col];
        bool finite = islessequal(fabs(readback), DBL_MAX) & islessequal(fabs(found), DBL_MAX);

        u_readback[col] = finite ? readback : kept_readback;
        u_found[col] = finite ? found : kept_found;
        col_quality[col] =
            view.quality[col] | all | (finite ? 0 : QUALITY_INVALID) | p->col_disabled[col];
    }
}

/* A readback may lag its set point for a while; only one that stays away is refused. */
static RT_SAFE void follow_readbacks(struct workspace *w, const struct params *p)
{
    enum { FRAMES_TO_SETTLE = 25 };
    uint64_t n_kick = w->dims.n_h + w->dims.n_v;

    for (uint64_t col = 0; col < n_kick; col++) {
        bool off =
            fabs(w->u_readback[col] - w->u_found[col]) > p->tuning.readback_tolerance_rad;

        w->tracking_count[col] = off ? w->tracking_count[col] + w->new_echo : 0;
        if (w->tracking_count[col] > FRAMES_TO_SETTLE)
            w->col_quality[col] |= QUALITY_TRACKING;
    }
}

/* Only channels that were wanted count as invalid. */
static RT_SAFE void count_invalid(struct workspace *w)
{
    uint64_t n = 0;

    for (uint64_t row = 0; row < w->n_row; row++)
        n += quality_is_bad(w->row_quality[row]);
    w->n_invalid = n;
}

/* The flag comes with the frames; a shorter one than a frame is stretched by its tail, and one
 * that stays is a fault of its source, not an injection. */
static RT_SAFE void follow_inhibit(struct workspace *w, const struct params *p)
{
    bool flag = w->bpm[0].seen && w->bpm[0].view.head.word[WORD_INHIBIT] != 0;
    bool tail =
        w->inhibit_flag_ns != 0 && w->now_ns - w->inhibit_flag_ns < p->tuning.inhibit_tail_ns;

    if (flag && !w->inhibited)
        w->inhibit_began_ns = w->now_ns;
    if (flag)
        w->inhibit_flag_ns = w->now_ns;
    w->inhibited = flag || tail;
}

static RT_SAFE void take_reference(struct workspace *w, const struct params *p)
{
    memcpy(w->reference_m, p->reference_m, w->n_row * sizeof *w->reference_m);
    w->reference_moves = false;
}

/* All rows arrive together: the way between two references is straight. */
static RT_SAFE void slew_reference(struct workspace *w, const struct params *p, double step_m)
{
    double largest_m = 0.0;

    for (uint64_t row = 0; row < w->n_row; row++)
        largest_m = fmax(largest_m, fabs(p->reference_m[row] - w->reference_m[row]));
    if (largest_m <= step_m) {
        take_reference(w, p);
        return;
    }
    for (uint64_t row = 0; row < w->n_row; row++)
        w->reference_m[row] += step_m / largest_m * (p->reference_m[row] - w->reference_m[row]);
}

/* While the loop drives, a new reference is approached; else nothing moves, and it is taken. */
static RT_SAFE void follow_reference(struct workspace *w, const struct params *p)
{
    double dt_s = 1e-9 * (double) (w->now_ns - w->reference_ns);

    w->reference_ns = w->now_ns;
    if (w->reference_serial != p->serial)
        w->reference_moves = true;
    w->reference_serial = p->serial;
    if (!w->reference_moves)
        return;
    if (w->driving && p->tuning.slew_m_per_s > 0.0)
        slew_reference(w, p, p->tuning.slew_m_per_s * dt_s);
    else
        take_reference(w, p);
}

void phase_validate(struct workspace *w, const struct params *p)
{
    follow_inhibit(w, p);
    follow_reference(w, p);
    take_positions(w, p);
    count_invalid(w);
    if (!w->inhibited) {
        measure_plane(w, 0, &w->rms_x_m, &w->max_x_m);
        measure_plane(w, w->dims.n_bpm, &w->rms_y_m, &w->max_y_m);
    }
    w->current_a = w->bpm[0].view.head.scalar[SCALAR_CURRENT_A];
    w->median_sum = w->bpm[0].view.head.scalar[SCALAR_SUM];
    if (w->actuator.seen)
        take_actuators(w, p);
    else
        miss_actuators(w, p);
    follow_readbacks(w, p);
}
