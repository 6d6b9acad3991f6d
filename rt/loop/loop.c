#include "rt/loop/loop.h"

#include <stdlib.h>

#include "rt/loop/checkpoint.h"
#include "rt/loop/events.h"
#include "rt/loop/grid.h"
#include "rt/loop/publish.h"
#include "rt/loop/timing.h"
#include "rt/loop/warm.h"
#include "rt/loop/workspace.h"

struct loop {
    struct workspace *w;
    struct hal hal;
    struct params_store *params;
    struct loop_outputs out;
    struct grid grid;
    struct timing timing;
    struct events events;
    struct checkpoints checkpoints;
    struct warm warm;
    enum timer_mode timer;
    int64_t period_ns;
    uint64_t cycle_base; /* (UTC seconds at start) * 10^6 */
    int64_t last_utc_ns;
    int64_t utc_offset_ns, utc_read_ns; /* UTC minus monotonic time, and when it was read */

    /* Mailbox of requests: one writer (the manager), one reader (the loop). */
    _Atomic uint64_t request; /* ticket << 8 | enum request */
    _Atomic uint64_t answer;  /* ticket << 8 | enum answer */
    _Atomic uint64_t answer_unmet;
    uint64_t next_ticket;

    /* Mailbox of excitations. The loop plays plan[taken & 1]; the manager fills the other one,
     * and only while nothing waits to be taken. */
    struct excite_plan plan[2];
    _Atomic uint64_t plan_posted, plan_taken;
    _Atomic bool plan_stop;
};

enum { CYCLES_PER_SECOND_ID = 1000000, MAX_SKIPS_RECORDED = 1024 };

enum rc loop_create(struct loop **out, const struct loop_setup *setup, const struct hal *hal,
                    struct params_store *params, const struct loop_outputs *outputs)
{
    struct loop *loop = calloc(1, sizeof *loop);
    enum rc rc;

    *out = NULL;
    if (!loop)
        return err_set(RC_NOMEM, "no memory for the loop");
    rc = workspace_create(&loop->w, &setup->dims, setup->n_bpm_source, hal->now_ns(hal->self));
    if (rc != RC_OK) {
        free(loop);
        return rc;
    }
    loop->hal = *hal;
    loop->params = params;
    loop->out = *outputs;
    loop->period_ns = setup->period_ns;
    loop->timer = setup->timer;
    loop->timing.status = outputs->status;
    loop->warm = (struct warm){.hal = &loop->hal,
                               .params = params,
                               .w = loop->w,
                               .timing = &loop->timing,
                               .out = &loop->out};
    loop->w->run_id = setup->run_id;
    loop->cycle_base = setup->run_id / 1000000000U * CYCLES_PER_SECOND_ID;
    checkpoints_begin(&loop->checkpoints, outputs->checkpoints, loop->w, &loop->grid,
                      &loop->hal);
    *out = loop;
    return RC_OK;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    workspace_destroy(loop->w);
    free(loop);
}

/* Both clocks are slewed alike, and only steps change their distance: it is read again every
 * 10 ms, between cycles. A reading that was interrupted says less than the last one. */
static RT_SAFE void read_utc(struct loop *loop, int64_t now_ns)
{
    const int64_t every_ns = 10000000, step_ns = 50000;
    int64_t before_ns, utc_ns, spread_ns, offset_ns, changed_ns;

    if (loop->utc_read_ns && now_ns - loop->utc_read_ns < every_ns)
        return;
    before_ns = loop->hal.now_ns(loop->hal.self);
    utc_ns = loop->hal.utc_ns(loop->hal.self);
    spread_ns = loop->hal.now_ns(loop->hal.self) - before_ns;
    offset_ns = utc_ns - before_ns - spread_ns / 2;
    changed_ns = offset_ns - loop->utc_offset_ns;
    if (loop->utc_read_ns && llabs(changed_ns) > step_ns + spread_ns)
        events_note(&loop->events, loop->w, EVENT_CLOCK_STEP,
                    (uint64_t[4]){(uint64_t) changed_ns});
    else if (loop->utc_read_ns && spread_ns > step_ns)
        return;
    loop->utc_read_ns = before_ns;
    loop->utc_offset_ns = offset_ns;
}

/* UTC may be stepped back by its administrator; the stamps of cycles are not. */
static RT_SAFE void stamp_utc(struct loop *loop)
{
    int64_t utc_ns = loop->w->now_ns + loop->utc_offset_ns;

    loop->last_utc_ns = utc_ns > loop->last_utc_ns ? utc_ns : loop->last_utc_ns + 1;
    loop->w->utc_ns = loop->last_utc_ns;
}

void loop_begin(struct loop *loop)
{
    params_reader_enter(loop->params);
    grid_begin(&loop->grid, loop->timer, loop->period_ns, loop->hal.now_ns(loop->hal.self));
    loop->w->now_ns = loop->grid.start_ns;
    loop->w->cycle = loop->cycle_base;
    loop->w->timer = loop->timer;
    read_utc(loop, loop->grid.start_ns);
    stamp_utc(loop);
    events_begin(&loop->events, loop->out.events, loop->w, loop->period_ns);
}

/* Every skipped point enters the histogram with its own lateness; of a very long stall the
 * first and the counter say enough. The cycle itself is as late as the first of them. */
static RT_SAFE void record_lateness(struct loop *loop, const struct start *start)
{
    uint64_t points = start->skipped < MAX_SKIPS_RECORDED ? start->skipped : MAX_SKIPS_RECORDED;

    for (uint64_t k = points; k > 0; k--)
        timing_record(&loop->timing, PHASE_WAKE,
                      start->late_ns - (int64_t) k * loop->period_ns);
    timing_record(&loop->timing, PHASE_WAKE, start->late_ns);
}

/* Waits for the next start of a cycle, and accounts for the points that went by. */
static RT_SAFE void await_start(struct loop *loop)
{
    struct workspace *w = loop->w;
    int64_t due_ns = grid_due_ns(&loop->grid);
    struct start start;

    if (due_ns != INT64_MAX)
        warm_until(&loop->warm, due_ns);
    start = grid_await(&loop->grid, &loop->hal, w->new_frame);

    record_lateness(loop, &start);
    w->n_late += start.skipped > 0;
    w->n_skipped += start.skipped;
    w->skipped = start.skipped;
    w->first_late_ns = start.late_ns;
    w->cycle = loop->cycle_base + start.index;
    w->t_grid_ns = start.point_ns;
    w->now_ns = start.now_ns;
    w->wake_late_ns = (double) (start.skipped ? start.now_ns - start.point_ns : start.late_ns);
    w->timer = loop->grid.mode;
}

static RT_SAFE void answer_request(struct loop *loop)
{
    uint64_t posted = atomic_load_explicit(&loop->request, memory_order_acquire);
    uint64_t answered = atomic_load_explicit(&loop->answer, memory_order_relaxed);
    enum answer answer;

    if (posted >> 8 == answered >> 8)
        return;
    if ((posted & 0xff) == REQUEST_BASELINE) {
        innovation_restart(&loop->w->innovation);
        answer = ANSWER_DONE;
    } else {
        answer = state_request(&loop->w->machine, (enum request)(posted & 0xff), loop->w->unmet,
                               loop->w->now_ns);
    }
    loop->w->last_request = posted;
    atomic_store_explicit(&loop->answer_unmet, loop->w->unmet, memory_order_relaxed);
    /* Release pairs with the acquire in loop_answer: unmet is there before the answer is. */
    atomic_store_explicit(&loop->answer, (posted >> 8) << 8 | (uint64_t) answer,
                          memory_order_release);
}

static RT_SAFE void take_plan(struct loop *loop)
{
    uint64_t posted = atomic_load_explicit(&loop->plan_posted, memory_order_acquire);

    if (posted != atomic_load_explicit(&loop->plan_taken, memory_order_relaxed)) {
        excite_drop(&loop->w->excite, loop->w->n_col);
        excite_start(&loop->w->excite, &loop->plan[posted & 1]);
        atomic_store_explicit(&loop->plan_taken, posted, memory_order_release);
    }
    /* Looked at before it is taken: an exchange in every cycle would lock the bus for nothing.
     */
    if (atomic_load_explicit(&loop->plan_stop, memory_order_relaxed) &&
        atomic_exchange_explicit(&loop->plan_stop, false, memory_order_relaxed))
        loop->w->excite.ending = true;
}

/* What belongs to a change of state, whoever asked for it: counters and a clean start of the
 * law. */
static RT_SAFE void account_state(struct workspace *w, enum loop_state before)
{
    if (w->machine.state == before)
        return;
    w->n_holds += w->machine.state == STATE_HOLD;
    w->n_trips += w->machine.state == STATE_TRIPPED;
}

static RT_SAFE int64_t end_phase(struct loop *loop, enum phase phase, int64_t began_ns)
{
    int64_t now_ns = loop->hal.now_ns(loop->hal.self);

    timing_record(&loop->timing, phase, now_ns - began_ns);
    return now_ns;
}

/* Returns when the last phase ended. */
static RT_SAFE int64_t run_phases(struct loop *loop, const struct params *p)
{
    struct workspace *w = loop->w;
    enum loop_state before = w->machine.state;
    int64_t at_ns = w->now_ns;

    phase_ingest(w, &loop->hal, p);
    phase_validate(w, p);
    publish_inputs(w, loop->out.records);
    phase_judge(w, p);
    take_plan(loop);
    answer_request(loop);
    probe_tend(w);
    account_state(w, before);
    at_ns = end_phase(loop, PHASE_INGEST, at_ns);
    phase_track(w, p, (double) loop->period_ns);
    phase_estimate(w, p);
    phase_correct(w, p);
    phase_drive(w, &loop->hal, p);
    phase_virtual(w, p, (double) loop->period_ns);
    at_ns = end_phase(loop, PHASE_CORRECT, at_ns);
    phase_predict(w, p);
    phase_display(w, p);
    at_ns = end_phase(loop, PHASE_PREDICT, at_ns);
    publish_snapshot(w, p, loop->out.snapshots);
    publish_record(w, p, loop->out.records);
    return end_phase(loop, PHASE_PUBLISH, at_ns);
}

/* In the idle time: nothing of this is needed before the next cycle. */
static RT_SAFE void prepare_next(struct loop *loop)
{
    read_utc(loop, loop->w->now_ns);
    slot_ring_warm(loop->out.snapshots);
    slot_ring_warm(loop->out.records);
}

void loop_step(struct loop *loop)
{
    const struct params *p;
    int64_t compute_ns;

    await_start(loop);
    stamp_utc(loop);
    p = params_acquire(loop->params);
    loop->w->n_cycles++;
    compute_ns = run_phases(loop, p) - loop->w->now_ns;
    timing_record(&loop->timing, PHASE_CYCLE, compute_ns);
    timing_end_cycle(&loop->timing, loop->w->cycle, loop->w->utc_ns, loop->w->skipped);
    loop->w->compute_ns = (double) compute_ns;
    publish_status(loop->w, p, loop->out.status);
    timing_advance_reset(&loop->timing, loop->w->cycle);
    events_compare(&loop->events, loop->w, p, loop->out.status->timing_reset_cycle);
    checkpoints_follow(&loop->checkpoints, p);
    params_release(loop->params);
    prepare_next(loop);
}

void loop_end(struct loop *loop)
{
    const struct params *p = params_acquire(loop->params);

    (void) state_request(&loop->w->machine, REQUEST_SHADOW, loop->w->unmet, loop->w->now_ns);
    phase_drive(loop->w, &loop->hal, p);
    publish_status(loop->w, p, loop->out.status);
    events_compare(&loop->events, loop->w, p, loop->out.status->timing_reset_cycle);
    events_note(&loop->events, loop->w, EVENT_STOP, (uint64_t[4]){0});
    params_release(loop->params);
    params_reader_leave(loop->params);
}

void loop_run(struct loop *loop, const atomic_bool *stop)
{
    loop_begin(loop);
    while (!atomic_load_explicit(stop, memory_order_relaxed))
        loop_step(loop);
    loop_end(loop);
}

uint64_t loop_request(struct loop *loop, enum request request)
{
    uint64_t ticket = ++loop->next_ticket;

    atomic_store_explicit(&loop->request, ticket << 8 | (uint64_t) request,
                          memory_order_release);
    return ticket;
}

bool loop_answer(struct loop *loop, uint64_t ticket, enum answer *answer, uint64_t *unmet)
{
    uint64_t answered = atomic_load_explicit(&loop->answer, memory_order_acquire);

    if (answered >> 8 != ticket)
        return false;
    *answer = (enum answer)(answered & 0xff);
    *unmet = atomic_load_explicit(&loop->answer_unmet, memory_order_relaxed);
    return true;
}

enum rc loop_excite(struct loop *loop, const struct excite_plan *plan)
{
    uint64_t posted = atomic_load_explicit(&loop->plan_posted, memory_order_relaxed);

    if (posted != atomic_load_explicit(&loop->plan_taken, memory_order_acquire))
        return err_set(RC_STATE,
                       "the loop has not taken the last excitation: it is not running");
    loop->plan[(posted + 1) & 1] = *plan;
    atomic_store_explicit(&loop->plan_stop, false, memory_order_relaxed);
    atomic_store_explicit(&loop->plan_posted, posted + 1, memory_order_release);
    return RC_OK;
}

void loop_excite_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->plan_stop, true, memory_order_relaxed);
}

void loop_reset_timing(struct loop *loop)
{
    timing_request_reset(&loop->timing);
}

enum rc loop_restore(struct loop *loop, const struct checkpoint_head *head,
                     const struct frame_view *pace, const struct frame_view *actuator)
{
    struct workspace *w = loop->w;
    enum rc rc = checkpoint_restore(w, &loop->grid, head);

    if (rc != RC_OK)
        return rc;
    w->bpm[0].view = (struct frame_view){.head = w->bpm[0].view.head,
                                         .value = pace->value,
                                         .aux = pace->aux,
                                         .t_value_ns = pace->t_value_ns,
                                         .quality = pace->quality};
    w->actuator.view = (struct frame_view){.head = w->actuator.view.head,
                                           .value = actuator->value,
                                           .aux = actuator->aux,
                                           .t_value_ns = actuator->t_value_ns,
                                           .quality = actuator->quality};
    return RC_OK;
}
