#include "rt/loop/publish.h"

#include <math.h>
#include <string.h>

#include "rt/base/words.h"

static RT_SAFE double kick_rms(const struct workspace *w, const double *value, uint64_t n)
{
    return n ? sqrt(w->rows->sum_square(value, n) / (double) n) : 0.0;
}

/* rms of what the full correction leaves, over valid BPMs of one plane. */
static RT_SAFE double left_over_rms(const struct workspace *w, uint64_t row0)
{
    struct row_sum sum = w->rows->measure(w->dims.n_bpm, w->row_quality + row0,
                                          w->pred_full + row0, w->reference_m + row0);

    return sum.n ? sqrt(sum.square / (double) sum.n) : (double) NAN;
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
        .full_h_rad = kick_rms(w, w->full, w->dims.n_h),
        .full_v_rad = kick_rms(w, w->full + w->dims.n_h, w->dims.n_v),
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

void fill_snapshot(const struct workspace *w, const struct params *p, struct slot_ring *ring)
{
    struct snapshot_head head = make_head(w, p);
    char *payload = slot_ring_begin(ring);

    add_innovation(w, &head);
    add_scorecard(w, &head);
    words_store(payload, &head, sizeof head / 8);
    w->rows->store(payload + sizeof head, w->vectors, w->vectors_words);
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
    w->rows->store(at, w->y, w->n_row);
    at += 2 * w->n_row + w->n_col;
    w->rows->store(at, w->u_found, w->n_col);
    w->rows->store(at + w->n_col, w->u_readback, w->n_col);
}

void fill_record(const struct workspace *w, const struct params *p, struct slot_ring *ring)
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
    w->rows->store(at, w->row_quality, w->n_row);
    w->rows->store(at + w->n_row, w->u_cmd, w->n_col);
    w->rows->store(at + w->n_row + 3 * w->n_col, w->col_quality, w->n_col);
}

void publish_snapshot(const struct workspace *w, const struct params *p, struct slot_ring *ring)
{
    fill_snapshot(w, p, ring);
    slot_ring_commit(ring);
}

void publish_record(const struct workspace *w, const struct params *p, struct slot_ring *ring)
{
    fill_record(w, p, ring);
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
