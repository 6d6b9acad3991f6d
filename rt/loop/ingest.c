/* Phases "ingest" and "validate": newest frames in, quality of every value, orbit and its
 * error. */
#include "rt/loop/workspace.h"

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

static RT_SAFE struct row_limits limit_rows(const struct workspace *w, const struct params *p,
                                            unsigned source)
{
    const struct tuning *t = &p->tuning;

    return (struct row_limits){.quality = w->bpm[source].alive ? QUALITY_GOOD : QUALITY_STALE,
                               .oldest_ns = w->now_ns - t->bpm_max_age_ns,
                               .newest_ns = w->now_ns + t->bpm_max_age_ns,
                               .max_m = t->bpm_max_m,
                               .min_sum = t->bpm_min_sum,
                               .afresh = source == 0 ? -1 : 0};
}

/* Before its first frame a source's view points nowhere. */
static RT_SAFE void miss_source(struct workspace *w, bool first)
{
    for (uint64_t row = 0; row < w->n_row; row++)
        w->row_quality[row] =
            !first && w->row_quality[row] == QUALITY_GOOD ? QUALITY_GOOD : QUALITY_DISCONNECTED;
}

/* The first source, in configured order, that has a good value for the row. */
static RT_SAFE void take_positions(struct workspace *w, const struct params *p)
{
    for (unsigned s = 0; s < w->n_bpm_source; s++) {
        const struct row_limits limits = limit_rows(w, p, s);

        if (w->bpm[s].seen)
            w->rows->take(&limits, &w->bpm[s].view, w->n_row, w->y, w->row_quality);
        else
            miss_source(w, s == 0);
    }
    w->n_invalid = w->rows->finish(
        w->n_row, (const uint64_t *const[2]){p->row_disabled, w->innovation.masked}, w->y,
        w->reference_m, w->error, w->row_quality);
}

/* For some frames after its gain changed, a BPM's electronics settle. */
static RT_SAFE void blank_gains(struct workspace *w, const struct params *p)
{
    uint64_t any = 0;

    for (uint64_t row = 0; row < w->n_row; row++)
        any |= w->row_quality[row] & QUALITY_GAIN;
    if (any == 0 && w->n_blank == 0)
        return;
    w->n_blank = 0;
    for (uint64_t row = 0; row < w->n_row; row++) {
        uint64_t *left = &w->blank_left[row];

        if (w->row_quality[row] & QUALITY_GAIN)
            *left = p->tuning.gain_blank + 1;
        else if (w->new_frame && *left > 0)
            (*left)--;
        w->n_invalid += *left > 0 && w->row_quality[row] == QUALITY_GOOD;
        w->row_quality[row] |= *left ? QUALITY_GAIN : 0;
        w->n_blank += *left > 0;
    }
}

static RT_SAFE void measure_plane(const struct workspace *w, uint64_t row0, double *rms_m,
                                  double *max_m)
{
    struct row_sum sum = w->rows->measure(w->dims.n_bpm, w->row_quality + row0, w->y + row0,
                                          w->reference_m + row0);

    *rms_m = sum.n ? sqrt(sum.square / (double) sum.n) : (double) NAN;
    *max_m = sum.n ? sum.max : (double) NAN;
}

static RT_SAFE void miss_actuators(struct workspace *w, const struct params *p)
{
    for (uint64_t col = 0; col < w->n_col; col++)
        w->col_quality[col] = QUALITY_DISCONNECTED | QUALITY_INVALID | p->col_disabled[col];
}

/* A readback may lag its set point for a while; only one that stays away is refused. */
static RT_SAFE void follow_readbacks(struct workspace *w, const struct params *p)
{
    uint64_t count = p->tuning.patience[COND_READBACK];

    w->rows->follow(w->dims.n_h + w->dims.n_v,
                    (const double *const[2]){w->u_readback, w->u_found},
                    p->tuning.readback_tolerance_rad, w->new_echo, count > 0 ? count - 1 : 0,
                    (uint64_t *const[2]){w->tracking_count, w->col_quality});
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
    memcpy(w->slewed_m, p->reference_m, w->n_row * sizeof *w->slewed_m);
    w->reference_moves = false;
}

/* All rows arrive together: the way between two references is straight. */
static RT_SAFE void slew_reference(struct workspace *w, const struct params *p, double step_m)
{
    double largest_m = 0.0;

    for (uint64_t row = 0; row < w->n_row; row++)
        largest_m = fmax(largest_m, fabs(p->reference_m[row] - w->slewed_m[row]));
    if (largest_m <= step_m) {
        take_reference(w, p);
        return;
    }
    for (uint64_t row = 0; row < w->n_row; row++)
        w->slewed_m[row] += step_m / largest_m * (p->reference_m[row] - w->slewed_m[row]);
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

/* What of the orbit is known to be made elsewhere moves the reference; inputs come with the
 * frames. */
static RT_SAFE void shift_reference(struct workspace *w, const struct params *p)
{
    const struct ff_tables *tables = &p->ff;
    uint64_t has_orbit = 0;

    for (uint64_t t = 0; t < tables->n_table; t++)
        has_orbit |= tables->table[t].has_orbit;
    memcpy(w->reference_m, w->slewed_m, w->n_row * sizeof *w->reference_m);
    if (has_orbit)
        ff_add(tables, p->ff_value, w->n_row + w->n_col, &w->stepper.ff, w->n_col, w->n_row,
               w->reference_m);
}

void phase_validate(struct workspace *w, const struct params *p)
{
    follow_inhibit(w, p);
    if (w->new_frame)
        ff_follow(&p->ff, w->bpm[0].view.head.scalar + SCALAR_INPUT, &w->stepper.ff);
    follow_reference(w, p);
    shift_reference(w, p);
    take_positions(w, p);
    blank_gains(w, p);
    if (!w->inhibited) {
        measure_plane(w, 0, &w->rms_x_m, &w->max_x_m);
        measure_plane(w, w->dims.n_bpm, &w->rms_y_m, &w->max_y_m);
    }
    w->current_a = w->bpm[0].view.head.scalar[SCALAR_CURRENT_A];
    w->median_sum = w->bpm[0].view.head.scalar[SCALAR_SUM];
    if (w->actuator.seen)
        w->rows->take_actuators(
            &w->actuator.view, w->n_col, w->actuator.alive ? QUALITY_GOOD : QUALITY_STALE,
            p->col_disabled, (double *[2]){w->u_readback, w->u_found}, w->col_quality);
    else
        miss_actuators(w, p);
    follow_readbacks(w, p);
}
