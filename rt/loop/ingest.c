/* Phases "ingest" and "validate": newest frames in, quality of every value, orbit and its
 * error. */
#include "rt/loop/workspace.h"

#include <math.h>

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

static RT_SAFE uint64_t judge_position(const struct workspace *w, const struct params *p,
                                       const struct source_input *input, uint64_t row)
{
    const struct frame_view *view = &input->view;
    uint64_t quality;

    /* Before the first frame the view points nowhere. */
    if (!input->seen)
        return QUALITY_DISCONNECTED;
    quality = view->quality[row];
    if (!input->alive || !young(w->now_ns, view->t_value_ns[row], p->tuning.bpm_max_age_ns))
        quality |= QUALITY_STALE;
    if (!isfinite(view->value[row]) || !isfinite(view->aux[row]))
        return quality | QUALITY_INVALID;
    if (fabs(view->value[row]) > p->tuning.bpm_max_m)
        quality |= QUALITY_RANGE;
    if (view->aux[row] < p->tuning.bpm_min_sum)
        quality |= QUALITY_LOW_SUM;
    return quality;
}

/* The first source, in configured order, that has a good value for the row. An invalid row
 * keeps its last good orbit until masking replaces it: no NaN leaves this function. */
static RT_SAFE void take_row(struct workspace *w, const struct params *p, uint64_t row)
{
    uint64_t quality = QUALITY_ABSENT;

    for (unsigned s = 0; s < w->n_bpm_source; s++) {
        quality = judge_position(w, p, &w->bpm[s], row);
        if (quality == QUALITY_GOOD) {
            w->y[row] = w->bpm[s].view.value[row];
            break;
        }
    }
    w->row_quality[row] = quality | p->row_disabled[row];
}

struct plane_sum {
    double square, max;
    uint64_t n;
};

static RT_SAFE void measure_plane(struct workspace *w, uint64_t row0, struct plane_sum *sum)
{
    *sum = (struct plane_sum){0};
    for (uint64_t row = row0; row < row0 + w->dims.n_bpm; row++) {
        double size = fabs(w->error[row]);

        if (w->row_quality[row] != QUALITY_GOOD)
            continue;
        sum->square += size * size;
        sum->max = size > sum->max ? size : sum->max;
        sum->n++;
    }
}

static RT_SAFE double plane_rms(const struct plane_sum *sum)
{
    return sum->n ? sqrt(sum->square / (double) sum->n) : 0.0;
}

static RT_SAFE void take_actuators(struct workspace *w, const struct params *p)
{
    const struct frame_view *view = &w->actuator.view;
    uint64_t missing = !w->actuator.seen    ? QUALITY_DISCONNECTED
                       : !w->actuator.alive ? QUALITY_STALE
                                            : QUALITY_GOOD;

    for (uint64_t col = 0; col < w->n_col; col++) {
        uint64_t quality = missing;

        if (w->actuator.seen)
            quality |= view->quality[col];
        if (w->actuator.seen && isfinite(view->value[col]) && isfinite(view->aux[col])) {
            w->u_readback[col] = view->value[col];
            w->u_found[col] = view->aux[col];
        } else {
            quality |= QUALITY_INVALID;
        }
        w->col_quality[col] = quality | p->col_disabled[col];
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
    w->n_invalid = 0;
    for (uint64_t row = 0; row < w->n_row; row++)
        w->n_invalid +=
            !(w->row_quality[row] & QUALITY_DISABLED) && w->row_quality[row] != QUALITY_GOOD;
}

void phase_validate(struct workspace *w, const struct params *p)
{
    struct plane_sum x, y;

    for (uint64_t row = 0; row < w->n_row; row++) {
        take_row(w, p, row);
        w->error[row] = w->y[row] - p->reference_m[row];
    }
    count_invalid(w);
    measure_plane(w, 0, &x);
    measure_plane(w, w->dims.n_bpm, &y);
    w->rms_x_m = plane_rms(&x);
    w->rms_y_m = plane_rms(&y);
    w->max_x_m = x.max;
    w->max_y_m = y.max;
    w->current_a = w->bpm[0].view.head.scalar[SCALAR_CURRENT_A];
    w->median_sum = w->bpm[0].view.head.scalar[SCALAR_SUM];
    take_actuators(w, p);
    follow_readbacks(w, p);
}
