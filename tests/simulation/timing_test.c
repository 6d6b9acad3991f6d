/* When cycles start, on a virtual clock: the grid, the data's arrival, stalls, clock steps, and
 * what is kept of them. */
#include "tests/support/test.h"

#include <stdlib.h>

#include "rt/base/clock.h"
#include "rt/base/fnv.h"
#include "rt/loop/grid.h"
#include "rt/shm/slow_cycle.h"
#include "tests/support/loop_rig.h"

static const struct orbit_dims small = {.n_bpm = 8, .n_h = 4, .n_v = 4};
enum { PERIOD_NS = 1000000, SECOND = 1000, UTC_EVERY_CYCLES = 10 };

static struct loop_rig *make(enum timer_mode timer)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create_timed(rig, &small, PERIOD_NS, 0.1, timer);
    return rig;
}

static int on_the_grid(void **state)
{
    *state = make(TIMER_HYBRID);
    return 0;
}

static int on_data(void **state)
{
    *state = make(TIMER_EXTERNAL);
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    free(*state);
    return 0;
}

static const struct record_head *record(const struct loop_rig *rig)
{
    return rig->record;
}

/* Steps until the first frame has started a cycle. */
static void synchronise(struct loop_rig *rig)
{
    rig_step(rig, 30);
    assert_int_equal(rig->status->timer, TIMER_EXTERNAL);
    assert_int_equal(record(rig)->new_frame, 1);
}

/* ---- started by the data -------------------------------------------------------------- */

static void each_frame_starts_one_cycle_when_it_arrives(void **state)
{
    const int64_t frame_periods_ns[] = {PERIOD_NS * 8 / 10, PERIOD_NS, PERIOD_NS * 13 / 10};
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t seq;

        rig->vm.frame_period_ns = frame_periods_ns[i];
        synchronise(rig);
        seq = record(rig)->frame_seq;
        for (unsigned k = 1; k <= 200; k++) {
            uint64_t cycle = record(rig)->cycle;

            rig_step(rig, 1);
            assert_int_equal(record(rig)->frame_seq, seq + k);
            assert_int_equal(record(rig)->cycle, cycle + 1);
            assert_true(rig->vm.now_ns - rig->vm.frame_ns < PERIOD_NS / 10);
        }
    }
    assert_int_equal(rig->status->counter[COUNTER_LATE], 0);
}

static void frames_that_come_too_fast_leave_the_processor_idle(void **state)
{
    struct loop_rig *rig = *state;

    rig->vm.frame_period_ns = PERIOD_NS / 5;
    synchronise(rig);
    for (unsigned k = 0; k < 100; k++) {
        int64_t last_ns = rig->vm.now_ns;

        rig_step(rig, 1);
        assert_true(rig->vm.now_ns - last_ns >= PERIOD_NS * 6 / 10);
    }
}

static void silence_falls_back_to_the_timer_and_frames_bring_it_back(void **state)
{
    struct loop_rig *rig = *state;
    int64_t last_ns;

    synchronise(rig);
    last_ns = rig->vm.now_ns;
    rig->vm.bpm_dead = true;
    rig_step(rig, 1);
    assert_int_equal(rig->vm.now_ns - last_ns, PERIOD_NS * 3 / 2);
    assert_int_equal(rig->status->timer, TIMER_FALLBACK);
    last_ns = rig->vm.now_ns;
    rig_step(rig, 100);
    assert_int_equal(rig->vm.now_ns - last_ns, 100 * PERIOD_NS);
    assert_int_equal(rig->status->timer, TIMER_FALLBACK);
    rig->vm.bpm_dead = false;
    rig_step(rig, RETURN_FRAMES / 2);
    assert_int_equal(rig->status->timer, TIMER_FALLBACK);
    rig_step(rig, 2 * RETURN_FRAMES);
    assert_int_equal(rig->status->timer, TIMER_EXTERNAL);
    assert_int_equal(rig->status->counter[COUNTER_LATE], 0);
}

static void a_source_of_half_the_rate_stays_on_the_timer(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t on_timer = 0;

    rig->vm.frame_period_ns = 2 * PERIOD_NS;
    rig_step(rig, 10);
    for (unsigned k = 0; k < 200; k++) {
        rig_step(rig, 1);
        on_timer += rig->status->timer == TIMER_FALLBACK;
    }
    assert_int_equal(on_timer, 200);
}

static void a_gateway_that_went_away_starts_no_cycle(void **state)
{
    struct loop_rig *rig = *state;

    synchronise(rig);
    rig->vm.gateway_gone = true;
    rig_step(rig, 2);
    assert_int_equal(rig->status->timer, TIMER_FALLBACK);
}

static void a_stall_between_frames_is_one_late_event(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t cycle;

    synchronise(rig);
    cycle = record(rig)->cycle;
    rig->vm.stall_ns = 5 * PERIOD_NS;
    rig_step(rig, 1);
    assert_int_equal(rig->status->counter[COUNTER_LATE], 1);
    assert_int_equal(record(rig)->skipped, 4);
    assert_int_equal(record(rig)->cycle, cycle + 5);
    rig_step(rig, 5);
    assert_int_equal(rig->status->counter[COUNTER_LATE], 1);
}

/* ---- what is kept --------------------------------------------------------------------- */

static void every_skipped_point_enters_the_histogram(void **state)
{
    struct loop_rig *rig = *state;
    struct hist wake;

    rig_step(rig, 10);
    rig->vm.stall_ns = 7 * PERIOD_NS + PERIOD_NS / 2;
    rig_step(rig, 10);
    hist_copy(&wake, &rig->status->phase[PHASE_WAKE]);
    assert_int_equal(wake.count, 20 + 7);
    assert_int_equal(wake.max, 7 * PERIOD_NS + PERIOD_NS / 2);
    assert_int_equal(wake.sum, 8 * (7 * PERIOD_NS + PERIOD_NS / 2) - 28 * PERIOD_NS);
}

static void worst_cycles_are_listed_slowest_first(void **state)
{
    struct loop_rig *rig = *state;
    struct slow_cycle list[ORBIT_WORST_CYCLES];
    uint64_t slowest = 0;

    for (unsigned i = 1; i <= 2 * ORBIT_WORST_CYCLES; i++) {
        unsigned order = i * 7 % (2 * ORBIT_WORST_CYCLES);

        rig->vm.stall_ns = (int64_t) (order + 1) * 10000;
        rig_step(rig, 1);
        if (order + 1 == 2 * ORBIT_WORST_CYCLES)
            slowest = record(rig)->cycle;
    }
    assert_int_equal(slow_cycles_read(rig->status, list), ORBIT_WORST_CYCLES);
    for (unsigned i = 0; i < ORBIT_WORST_CYCLES; i++)
        assert_int_equal(list[i].phase_ns[PHASE_WAKE], (2 * ORBIT_WORST_CYCLES - i) * 10000);
    assert_int_equal(list[0].cycle, slowest);
    assert_true(list[0].t_utc_ns > 0);
}

static void reset_empties_histograms_and_list_while_cycles_go_on(void **state)
{
    struct loop_rig *rig = *state;
    struct slow_cycle list[ORBIT_WORST_CYCLES];
    uint64_t since;

    rig->vm.stall_ns = 20 * PERIOD_NS;
    rig_step(rig, 50);
    assert_int_equal(rig->status->timing_reset_cycle, 0);
    loop_reset_timing(rig->loop);
    rig_step(rig, PHASE_COUNT + 1);
    since = rig->status->timing_reset_cycle;
    assert_int_equal(since, record(rig)->cycle);
    assert_int_equal(slow_cycles_read(rig->status, list), 0);
    rig->vm.stall_ns = PERIOD_NS / 2;
    rig_step(rig, 3);
    assert_true(slow_cycles_read(rig->status, list) >= 1);
    assert_int_equal(list[0].phase_ns[PHASE_WAKE], PERIOD_NS / 2);
    assert_true(list[0].cycle > since);
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
        assert_true(rig->status->phase[phase].count <= PHASE_COUNT + 3);
        assert_true(rig->status->phase[phase].max <= PERIOD_NS / 2);
    }
    assert_int_equal(rig->status->counter[COUNTER_LATE], 1);
    assert_int_equal(rig->status->timing_reset_cycle, since);
}

enum { WARM_CYCLES = 2000 };

/* Closes, masks, holds; hashes every record and snapshot. */
static void run_warming(bool spins, uint64_t hash[WARM_CYCLES])
{
    struct loop_rig *rig = make(TIMER_HYBRID);

    rig->vm.spins = spins;
    for (unsigned k = 0; k < WARM_CYCLES; k++) {
        rig->vm.row_quality[2] = k / 100 % 2 ? QUALITY_INVALID : QUALITY_GOOD;
        rig->vm.foreign[1] = k == 1500;
        if (k == 300)
            (void) loop_request(rig->loop, REQUEST_ARM);
        if (k == 500)
            (void) loop_request(rig->loop, REQUEST_CLOSE);
        rig_step(rig, 1);
        hash[k] = fnv_add(FNV_START, rig->record, record_size_b(&small));
        hash[k] = fnv_add(hash[k], rig->snapshot, snapshot_size_b(&small));
        assert_int_equal(rig->snapshots.number, k + 1);
    }
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->vm.n_blocks > 5);
    rig_destroy(rig);
    free(rig);
}

/* What is fetched ahead of a cycle must not change what it does. */
static void warming_the_caches_changes_no_record(void **state)
{
    static uint64_t plain[WARM_CYCLES], warming[WARM_CYCLES];

    (void) state;
    run_warming(false, plain);
    run_warming(true, warming);
    assert_memory_equal(plain, warming, sizeof plain);
}

/* ---- UTC ------------------------------------------------------------------------------ */

static void a_step_of_utc_is_seen_and_stamps_never_go_back(void **state)
{
    struct loop_rig *rig = *state;
    int64_t ahead_ns, last_ns;

    rig_step(rig, 5);
    rig->vm.utc_offset_ns += 3600 * 1000000000LL;
    rig_step(rig, UTC_EVERY_CYCLES + 1);
    ahead_ns = record(rig)->t_utc_ns - rig->vm.now_ns;
    assert_int_equal(ahead_ns, rig->vm.utc_offset_ns);
    rig->vm.utc_offset_ns -= 7200 * 1000000000LL;
    last_ns = record(rig)->t_utc_ns;
    for (unsigned k = 0; k < 5 * UTC_EVERY_CYCLES; k++) {
        rig_step(rig, 1);
        assert_true(record(rig)->t_utc_ns > last_ns);
        last_ns = record(rig)->t_utc_ns;
    }
    assert_true(last_ns < rig->vm.now_ns + ahead_ns);
}

/* ---- events --------------------------------------------------------------------------- */

static struct event_record find_event(struct loop_rig *rig, enum event_kind kind)
{
    struct event_record event;

    while (rig_next_event(rig, &event))
        if (event.kind == kind)
            return event;
    fail_msg("there is no event of kind %d", (int) kind);
    return event;
}

static bool has_event(struct loop_rig *rig, enum event_kind kind)
{
    struct event_record event;

    while (rig_next_event(rig, &event))
        if (event.kind == kind)
            return true;
    return false;
}

static void start_sources_and_parameters_are_events(void **state)
{
    struct loop_rig *rig = *state;
    struct event_record event;

    rig_step(rig, 100);
    event = find_event(rig, EVENT_START);
    assert_int_equal(event.arg[0], PERIOD_NS);
    assert_int_equal(event.arg[1], TIMER_HYBRID);
    assert_int_equal(find_event(rig, EVENT_PARAMETERS).arg[1], 1);
    rig->next_event = 1;
    assert_int_equal(find_event(rig, EVENT_SOURCE_BACK).arg[1], rig->vm.generation);
    rig->vm.bpm_dead = true;
    rig_step(rig, 200);
    event = find_event(rig, EVENT_SOURCE_LOST);
    assert_int_equal(event.arg[0], 0);
    assert_int_equal(event.arg[1], rig->vm.generation);
    assert_true(event.arg[2] > 50000000 && event.arg[2] < 53000000);
    rig->vm.gateway_gone = true;
    rig_step(rig, 2);
    event = find_event(rig, EVENT_SOURCE_LOST);
    assert_int_equal(event.arg[0], 1);
    assert_int_equal(event.arg[1], 0);
    rig->vm.gateway_gone = rig->vm.bpm_dead = false;
    rig_step(rig, 100);
    (void) find_event(rig, EVENT_SOURCE_BACK);
}

static void changes_of_state_tell_cause_and_offender(void **state)
{
    struct loop_rig *rig = *state;
    struct event_record event;

    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
    event = find_event(rig, EVENT_STATE);
    assert_int_equal(event.arg[0], STATE_SHADOW);
    assert_int_equal(event.arg[1], STATE_ARMED);
    event = find_event(rig, EVENT_STATE);
    assert_int_equal(event.arg[1], STATE_CLOSED);
    assert_int_equal(event.cycle, record(rig)->cycle);
    assert_int_equal(event.t_utc_ns, record(rig)->t_utc_ns);
    rig->vm.foreign[2] = true;
    rig_step(rig, 100);
    event = find_event(rig, EVENT_STATE);
    assert_int_equal(event.arg[0], STATE_CLOSED);
    assert_int_equal(event.arg[1], STATE_HOLD);
    assert_true(event.arg[2] & 1ULL << COND_MASTER);
    assert_int_equal(event.arg[3], 2);
}

static void late_cycles_and_resets_are_events(void **state)
{
    struct loop_rig *rig = *state;
    struct event_record event;

    rig_step(rig, 10);
    rig->vm.stall_ns = 5 * PERIOD_NS / 2;
    rig_step(rig, 1);
    event = find_event(rig, EVENT_LATE);
    assert_int_equal(event.arg[0], 2);
    assert_int_equal(event.arg[1], 5 * PERIOD_NS / 2);
    rig_step(rig, 10);
    assert_false(has_event(rig, EVENT_LATE));
    loop_reset_timing(rig->loop);
    rig_step(rig, 20);
    assert_int_equal(find_event(rig, EVENT_TIMING_RESET).cycle,
                     rig->status->timing_reset_cycle);
    assert_false(has_event(rig, EVENT_TIMING_RESET));
}

static void a_step_of_utc_is_one_event_with_its_size(void **state)
{
    struct loop_rig *rig = *state;

    rig_step(rig, 50);
    assert_false(has_event(rig, EVENT_CLOCK_STEP));
    rig->vm.utc_offset_ns -= 3 * NS_PER_S;
    rig_step(rig, 50);
    assert_int_equal((int64_t) find_event(rig, EVENT_CLOCK_STEP).arg[0], -3 * NS_PER_S);
    assert_false(has_event(rig, EVENT_CLOCK_STEP));
}

static void the_timer_that_stands_in_is_an_event(void **state)
{
    struct loop_rig *rig = *state;
    struct event_record event;

    synchronise(rig);
    rig->vm.bpm_dead = true;
    rig_step(rig, 3);
    rig->next_event = 1;
    event = find_event(rig, EVENT_START);
    assert_int_equal(event.arg[1], TIMER_EXTERNAL);
    while (event = find_event(rig, EVENT_TIMER), event.cycle != rig_head(rig)->cycle - 2)
        ;
    assert_int_equal(event.arg[0], TIMER_EXTERNAL);
    assert_int_equal(event.arg[1], TIMER_FALLBACK);
}

static void the_end_of_the_loop_is_its_last_event(void **state)
{
    struct loop_rig *rig = *state;
    struct event_record event, last = {0};

    rig_step(rig, 100);
    loop_end(rig->loop);
    while (rig_next_event(rig, &event))
        last = event;
    assert_int_equal(last.kind, EVENT_STOP);
    loop_begin(rig->loop); /* tear_down ends it again */
}

#define CASE(name, how) cmocka_unit_test_setup_teardown(name, how, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_frame_starts_one_cycle_when_it_arrives, on_data),
        CASE(frames_that_come_too_fast_leave_the_processor_idle, on_data),
        CASE(silence_falls_back_to_the_timer_and_frames_bring_it_back, on_data),
        CASE(a_source_of_half_the_rate_stays_on_the_timer, on_data),
        CASE(a_gateway_that_went_away_starts_no_cycle, on_data),
        CASE(a_stall_between_frames_is_one_late_event, on_data),
        CASE(every_skipped_point_enters_the_histogram, on_the_grid),
        CASE(worst_cycles_are_listed_slowest_first, on_the_grid),
        CASE(reset_empties_histograms_and_list_while_cycles_go_on, on_the_grid),
        cmocka_unit_test(warming_the_caches_changes_no_record),
        CASE(a_step_of_utc_is_seen_and_stamps_never_go_back, on_the_grid),
        CASE(start_sources_and_parameters_are_events, on_the_grid),
        CASE(changes_of_state_tell_cause_and_offender, on_the_grid),
        CASE(late_cycles_and_resets_are_events, on_the_grid),
        CASE(a_step_of_utc_is_one_event_with_its_size, on_the_grid),
        CASE(the_timer_that_stands_in_is_an_event, on_data),
        CASE(the_end_of_the_loop_is_its_last_event, on_the_grid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
