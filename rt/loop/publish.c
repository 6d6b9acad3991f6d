#include "rt/loop/publish.h"

#include <math.h>
#include <string.h>

#include "rt/base/words.h"

/* Several sums side by side: one alone would wait for each addition in turn. */
enum { LANES = 4 };

static RT_SAFE double kick_rms(const double *value, uint64_t n)
{
    double sum[LANES] = {0};
    uint64_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (unsigned lane = 0; lane < LANES; lane++)
            sum[lane] += value[i + lane] * value[i + lane];
    for (; i < n; i++)
        sum[0] += value[i] * value[i];
    return n ? sqrt((sum[0] + sum[1] + sum[2] + sum[3]) / (double) n) : 0.0;
}

struct left_over {
    double square[LANES];
    uint64_t n[LANES];
};

static RT_SAFE inline void add_row(const struct workspace *w, uint64_t row, unsigned lane,
                                   struct left_over *sum)
{
    bool good = w->row_quality[row] == QUALITY_GOOD;
    double left = good ? w->pred_full[row] - w->reference_m[row] : 0.0;

    sum->square[lane] += left * left;
    sum->n[lane] += good;
}

/* rms of what the full correction leaves, over valid BPMs of one plane. */
static RT_SAFE double left_over_rms(const struct workspace *w, uint64_t row0)
{
    struct left_over sum = {0};
    uint64_t row = row0, end = row0 + w->dims.n_bpm, n;

    for (; row + LANES <= end; row += LANES)
        for (unsigned lane = 0; lane < LANES; lane++)
            add_row(w, row + lane, lane, &sum);
    for (; row < end; row++)
        add_row(w, row, 0, &sum);
    n = sum.n[0] + sum.n[1] + sum.n[2] + sum.n[3];
    return n ? sqrt((sum.square[0] + sum.square[1] + sum.square[2] + sum.square[3]) /
                    (double) n)
             : 0.0;
}

static RT_SAFE void add_innovation(const struct workspace *w, struct snapshot_head *head)
{
    head->beam_x_m = w->innovation.plane[0].beam_rms_m;
    head->beam_y_m = w->innovation.plane[1].beam_rms_m;
    head->left_x_m = w->innovation.plane[0].left_rms_m;
    head->left_y_m = w->innovation.plane[1].left_rms_m;
    head->chi2_x = w->innovation.plane[0].chi2_per_dof;
    head->chi2_y = w->innovation.plane[1].chi2_per_dof;
    head->noise_x_m = w->innovation.plane[0].noise_m;
    head->noise_y_m = w->innovation.plane[1].noise_m;
    head->baseline = w->innovation.baseline;
    head->n_misfit = w->innovation.plane[0].n_masked + w->innovation.plane[1].n_masked;
}

static RT_SAFE void add_scorecard(const struct workspace *w, struct snapshot_head *head)
{
    head->correctable_x_m = w->scorecard.plane[0].correctable_m;
    head->correctable_y_m = w->scorecard.plane[1].correctable_m;
    head->outside_h_rad = w->scorecard.plane[0].outside_rad;
    head->outside_v_rad = w->scorecard.plane[1].outside_rad;
    head->virt_x_m = w->virtual_loop.rms_x_m;
    head->virt_y_m = w->virtual_loop.rms_y_m;
    head->virt_h_rad = w->virtual_loop.kick_h_rad;
    head->virt_v_rad = w->virtual_loop.kick_v_rad;
    head->virt_use = w->virtual_loop.use;
    head->virt_saturated = w->virtual_loop.n_saturated;
    head->virt_steps = w->virtual_loop.running ? w->virtual_loop.steps : 0;
    head->score_slope_h = w->scorecard.plane[0].slope;
    head->score_slope_v = w->scorecard.plane[1].slope;
    head->score_cosine_h = w->scorecard.plane[0].cosine;
    head->score_cosine_v = w->scorecard.plane[1].cosine;
}

static RT_SAFE struct snapshot_head make_head(const struct workspace *w, const struct params *p)
{
    const struct frame_head *frame = &w->bpm[0].view.head;

    return (struct snapshot_head){
        .cycle = w->cycle,
        .run_id = w->run_id,
        .t_mono_ns = w->t_grid_ns,
        .t_utc_ns = w->utc_ns,
        .state = w->machine.state,
        .unmet = w->unmet,
        .cause = w->machine.cause,
        .offender = w->machine.offender,
        .arm_id = w->machine.arm_id,
        .revision = p->revision,
        .frame_seq = frame->frame_seq,
        .frame_age_ns = w->bpm[0].seen ? w->now_ns - frame->t_sample_ns : INT64_MAX,
        .new_frame = w->new_frame,
        .law_steps = w->stepper.steps,
        .n_invalid = w->n_invalid,
        .n_saturated = w->n_saturated,
        .rms_x_m = w->rms_x_m,
        .rms_y_m = w->rms_y_m,
        .max_x_m = w->max_x_m,
        .max_y_m = w->max_y_m,
        .pred_err_x_m = w->score.error_x_m,
        .pred_err_y_m = w->score.error_y_m,
        .full_h_rad = kick_rms(w->full, w->dims.n_h),
        .full_v_rad = kick_rms(w->full + w->dims.n_h, w->dims.n_v),
        .uncorrectable_x_m = left_over_rms(w, 0),
        .uncorrectable_y_m = left_over_rms(w, w->dims.n_bpm),
        .current_a = w->current_a,
        .median_sum = w->median_sum,
        .wake_late_ns = w->wake_late_ns,
        .compute_ns = w->compute_ns,
        .law_flags = stepper_flags(w, p),
        .gain_per_step = stepper_gain(w, p),
        .gain_per_s = stepper_gain(w, p) * stepper_rate_hz(w, p),
        .delta = stepper_delta(w, p),
        .rf_suggest_hz = law_energy_suggest_hz(&w->stepper.energy),
    };
}

static RT_SAFE const void *vector_source(const struct workspace *w, enum snapshot_vector vector)
{
    switch (vector) {
    case VEC_Y:
        return w->y;
    case VEC_ERROR:
        return w->error;
    case VEC_ROW_QUALITY:
        return w->row_quality;
    case VEC_PRED_NOW:
        return w->pred_now;
    case VEC_PRED_FULL:
        return w->pred_full;
    case VEC_FULL:
        return w->full;
    case VEC_STEP:
        return w->step;
    case VEC_SP:
        return w->sp;
    case VEC_U_CMD:
        return w->u_cmd;
    case VEC_U_EFF:
        return w->u_eff;
    case VEC_U_READBACK:
        return w->u_readback;
    case VEC_DIST:
        return w->innovation.beam;
    case VEC_Z:
        return w->innovation.z;
    case VEC_MODE:
        return w->scorecard.mode;
    case VEC_VIRT_Y:
        return w->virtual_loop.y;
    case VEC_VIRT_U:
        return w->virtual_loop.u;
    case VEC_COL_QUALITY:
    case VEC_COUNT:
        break;
    }
    return w->col_quality;
}

void publish_snapshot(const struct workspace *w, const struct params *p, struct slot_ring *ring)
{
    struct snapshot_head head = make_head(w, p);
    char *payload = slot_ring_begin(ring);

    add_innovation(w, &head);
    add_scorecard(w, &head);
    words_store(payload, &head, sizeof head / 8);
    for (unsigned v = 0; v < VEC_COUNT; v++) {
        bool row = w->vector_is_row[v];

        words_store(payload + w->vector_offset_b[v], vector_source(w, (enum snapshot_vector) v),
                    row ? w->n_row : w->n_col);
    }
    slot_ring_commit(ring);
}

/* Of the frames that the cycle used. */
static RT_SAFE void tell_frames(const struct workspace *w, struct record_head *head)
{
    const struct frame_head *pace = &w->bpm[0].view.head, *echo = &w->actuator.view.head;

    head->frame_seq = pace->frame_seq;
    head->new_frame = w->new_frame;
    head->frame_t_sample_ns = pace->t_sample_ns;
    head->pace_generation = w->bpm[0].seen ? pace->generation : 0;
    head->echo_generation = w->actuator.seen ? echo->generation : 0;
    head->echo_seq = echo->frame_seq;
    head->new_echo = w->new_echo;
    head->echo_t_sample_ns = echo->t_sample_ns;
    memcpy(head->pace_word, pace->word, sizeof head->pace_word);
    memcpy(head->echo_word, echo->word, sizeof head->echo_word);
    memcpy(head->pace_scalar, pace->scalar, sizeof head->pace_scalar);
}

void publish_inputs(const struct workspace *w, struct slot_ring *ring)
{
    uint64_t *at = slot_ring_begin(ring);

    at += sizeof(struct record_head) / 8;
    words_store(at, w->y, w->n_row);
    at += 2 * w->n_row + w->n_col;
    words_store(at, w->u_found, w->n_col);
    words_store(at + w->n_col, w->u_readback, w->n_col);
}

void publish_record(const struct workspace *w, const struct params *p, struct slot_ring *ring)
{
    struct record_head head = {.cycle = w->cycle,
                               .run_id = w->run_id,
                               .t_mono_ns = w->t_grid_ns,
                               .t_utc_ns = w->utc_ns,
                               .skipped = w->skipped,
                               .state = w->machine.state,
                               .unmet = w->unmet,
                               .command = w->last_request,
                               .revision = p->revision,
                               .arm_id = w->machine.arm_id,
                               .law_step = w->stepped,
                               .wake_late_ns = w->wake_late_ns,
                               .current_a = w->current_a,
                               .excite_level = excite_level(&w->excite),
                               .now_ns = w->now_ns,
                               .timer = w->timer};
    uint64_t *at = slot_ring_filling(ring);

    tell_frames(w, &head);
    words_store(at, &head, sizeof head / 8);
    at += sizeof head / 8 + w->n_row;
    words_store(at, w->row_quality, w->n_row);
    words_store(at + w->n_row, w->u_cmd, w->n_col);
    words_store(at + w->n_row + 3 * w->n_col, w->col_quality, w->n_col);
    slot_ring_commit(ring);
}

static RT_SAFE void set(uint64_t *field, uint64_t value)
{
    __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static RT_SAFE void publish_counters(const struct workspace *w, uint64_t *counter)
{
    set(&counter[COUNTER_CYCLES], w->n_cycles);
    set(&counter[COUNTER_LATE], w->n_late);
    set(&counter[COUNTER_SKIPPED], w->n_skipped);
    set(&counter[COUNTER_FRAMES], w->n_frames);
    set(&counter[COUNTER_FRAMES_LOST], w->n_frames_lost);
    set(&counter[COUNTER_LAW_STEPS], w->stepper.steps);
    set(&counter[COUNTER_LAW_DT_SKIPPED], w->stepper.skipped);
    set(&counter[COUNTER_SETPOINTS], w->life);
    set(&counter[COUNTER_HOLDS], w->n_holds);
    set(&counter[COUNTER_TRIPS], w->n_trips);
}

void publish_status(const struct workspace *w, const struct params *p,
                    struct status_block *status)
{
    set(&status->state, w->machine.state);
    set(&status->unmet, w->unmet);
    set(&status->cause, w->machine.cause);
    set(&status->offender, w->machine.offender);
    set(&status->unmet_offender, w->offender);
    set(&status->arm_id, w->machine.arm_id);
    set(&status->revision, p->revision);
    set(&status->timer, w->timer);
    set(&status->excite_level, excite_level(&w->excite));
    set(&status->excite_levels, w->excite.plan ? w->excite.plan->n_level : 0);
    publish_counters(w, status->counter);
    __atomic_store_n(&status->heartbeat_ns, w->now_ns, __ATOMIC_RELAXED);
    set(&status->heartbeat_cycle, w->cycle);
}
