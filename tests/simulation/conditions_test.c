/* Every threshold fires on its cause, within its count, and only then: causes, counts and
 * lengths at random. ORBIT_TEST_SEED repeats a run. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"
#include "tests/support/loop_rig.h"

static const struct orbit_dims ring = {.n_bpm = 30, .n_h = 10, .n_v = 12, .n_rf = 1};
enum { PERIOD_NS = 1000000, TRIALS = 120, MOST_COUNT = 30, SETTLE_NS = 100000000 };

static uint64_t random_state;

static uint64_t below(uint64_t n)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (random_state >> 33) % n;
}

/* ---- causes; `on` false takes them back ---- */

static void spoil_bpms(struct loop_rig *rig, bool on)
{
    uint64_t first = below(2) ? 0 : ring.n_bpm, step = 1 + below(2);

    if (!on)
        memset(rig->vm.row_quality, 0, sizeof rig->vm.row_quality);
    for (uint64_t i = 0; i <= MAX_MASKED && on; i++)
        rig->vm.row_quality[first + step * i] = QUALITY_INVALID;
}

static void change_set_point(struct loop_rig *rig, bool on)
{
    memset(rig->vm.foreign, 0, sizeof rig->vm.foreign);
    rig->vm.foreign[below(ring.n_h + ring.n_v)] = on;
}

static void move_beam(struct loop_rig *rig, bool on)
{
    const double largest_m = 0.015; /* beyond the trip limit, within the BPMs' range */
    uint64_t n_col = dims_n_col(&ring), col = below(ring.n_h + ring.n_v);
    double most = 0.0;

    for (uint64_t row = 0; row < dims_n_row(&ring); row++)
        most = fmax(most, fabs(rig->vm.r[row * n_col + col]));
    for (uint64_t row = 0; row < dims_n_row(&ring); row++)
        rig->vm.orbit0_m[row] = on ? largest_m / most * rig->vm.r[row * n_col + col] : 0.0;
}

static void lose_beam(struct loop_rig *rig, bool on)
{
    rig->vm.current_a = on ? 0.0 : 0.3;
    rig->vm.median_sum = on ? 0.0 : 1.0;
}

static void one_sign_of_lost_beam(struct loop_rig *rig, bool on)
{
    rig->vm.current_a = on ? 0.0 : 0.3;
}

static void stall(struct loop_rig *rig, bool on)
{
    rig->vm.stall_ns = on ? PERIOD_NS + PERIOD_NS / 2 : 0;
}

static void lose_readback(struct loop_rig *rig, bool on)
{
    memset(rig->vm.readback_off, 0, sizeof rig->vm.readback_off);
    rig->vm.readback_off[below(ring.n_h + ring.n_v)] = on ? 1e-3 : 0.0;
}

static void lose_orbit(struct loop_rig *rig, bool on)
{
    rig->vm.bpm_dead = on;
}

/* The gateway goes on telling what it reads, but writes nothing. */
static void stop_writing(struct loop_rig *rig, bool on)
{
    rig->vm.next_write_ns = on ? INT64_MAX : rig->vm.now_ns;
}

static void spoil_readbacks(struct loop_rig *rig, bool on)
{
    memset(rig->vm.readback_off, 0, sizeof rig->vm.readback_off);
    rig->vm.readback_off[below(ring.n_h + ring.n_v)] = on ? (double) NAN : 0.0;
}

/* Less than every limit: never to be held against anybody. */
static void nearly(struct loop_rig *rig, bool on)
{
    memset(rig->vm.readback_off, 0, sizeof rig->vm.readback_off);
    rig->vm.readback_off[below(ring.n_h)] = on ? 0.5e-4 : 0.0;
    for (uint64_t i = 0; i < MAX_MASKED; i++)
        rig->vm.row_quality[3 * i] = on ? QUALITY_INVALID : QUALITY_GOOD;
}

static const struct {
    const char *name;
    void (*cause)(struct loop_rig *, bool on);
    bool every_step; /* the cause is set again for each cycle */
    bool fires;
    enum condition condition;
    enum loop_state state;
    uint64_t ahead, slack; /* cycles until the cause can be seen, and those that may differ */
} scenarios[] = {
    {"BPMS", spoil_bpms, false, true, COND_BPMS, STATE_HOLD, 0, 0},
    {"MASTER", change_set_point, false, true, COND_MASTER, STATE_HOLD, 0, 0},
    {"ORBIT", move_beam, false, true, COND_ORBIT, STATE_TRIPPED, 0, 0},
    {"BEAM", lose_beam, false, true, COND_BEAM, STATE_HOLD, 0, 0},
    {"TIMING", stall, true, true, COND_TIMING, STATE_HOLD, 0, 0},
    {"READBACK", lose_readback, false, true, COND_READBACK, STATE_HOLD, 0, 0},
    {"ACTUATORS", spoil_readbacks, false, true, COND_ACTUATORS, STATE_HOLD, 0, 0},
    {"PACE", lose_orbit, false, true, COND_PACE, STATE_HOLD, 49, 3},
    {"ECHO", stop_writing, false, true, COND_ECHO, STATE_HOLD, 190, 12},
    {"one sign", one_sign_of_lost_beam, false, false, COND_COUNT, STATE_CLOSED, 0, 0},
    {"nearly", nearly, false, false, COND_COUNT, STATE_CLOSED, 0, 0},
};
enum { N_SCENARIO = sizeof scenarios / sizeof scenarios[0] };

/* ---- trials ---- */

static void close_loop(struct loop_rig *rig)
{
    rig_step(rig, 60);
    assert_int_equal(rig_request(rig, REQUEST_RESET, NULL), ANSWER_DONE);
    assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    rig_step(rig, 30);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
    rig_step(rig, 10);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

static void suffer(struct loop_rig *rig, unsigned which, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (i == 0 || scenarios[which].every_step)
            scenarios[which].cause(rig, true);
        rig_step(rig, 1);
    }
}

static void set_count(struct loop_rig *rig, unsigned which, uint64_t count)
{
    struct tuning tuning = rig_tuning();

    tuning.every = 10;
    tuning.hold_settle_ns = SETTLE_NS; /* HOLD is still there when it is looked at */
    tuning.law.ki = 1e-6;              /* what is wrong is not corrected meanwhile */
    if (scenarios[which].fires)
        tuning.patience[scenarios[which].condition] = count;
    rig_publish(rig, &tuning, 0.1);
}

static void check_fired(const struct loop_rig *rig, unsigned which, uint64_t count)
{
    if (rig->status->state != scenarios[which].state)
        fail_msg("%s: state %s after %lu times", scenarios[which].name,
                 state_name((enum loop_state) rig->status->state), count);
    if (scenarios[which].fires)
        assert_int_equal(rig->status->cause, 1ULL << scenarios[which].condition);
}

/* A cause that is seen only after its limit of age. */
static void one_late_trial(struct loop_rig *rig, unsigned which, uint64_t count)
{
    scenarios[which].cause(rig, true);
    rig_step(rig, (unsigned) (scenarios[which].ahead + count - 1));
    if (rig->status->state != STATE_CLOSED)
        fail_msg("%s fired before its %lu times", scenarios[which].name, count);
    rig_step(rig, (unsigned) scenarios[which].slack + 1);
    check_fired(rig, which, count);
    scenarios[which].cause(rig, false);
    rig_step(rig, 500); /* the law learns again how often frames come */
}

static void one_trial(struct loop_rig *rig, unsigned which, uint64_t count)
{
    suffer(rig, which, count - 1);
    if (rig->status->state != STATE_CLOSED)
        fail_msg("%s fired before its %lu times", scenarios[which].name, count);
    if (below(2)) { /* it ends just in time, and the count begins anew */
        scenarios[which].cause(rig, false);
        rig_step(rig, 3);
        suffer(rig, which, count - 1);
    }
    if (rig->status->state != STATE_CLOSED)
        fail_msg("%s was counted over a pause", scenarios[which].name);
    if (scenarios[which].every_step || count == 1)
        scenarios[which].cause(rig, true);
    rig_step(rig, scenarios[which].fires ? 1 : 100);
    check_fired(rig, which, count);
    scenarios[which].cause(rig, false);
}

static void any_trial(struct loop_rig *rig, unsigned which)
{
    uint64_t count = 1 + below(MOST_COUNT);

    set_count(rig, which, count);
    close_loop(rig);
    if (scenarios[which].slack)
        one_late_trial(rig, which, count);
    else
        one_trial(rig, which, count);
}

static void every_threshold_fires_on_its_cause_within_its_count_and_only_then(void **state)
{
    const char *wanted = getenv("ORBIT_TEST_SEED");
    struct loop_rig *rig = calloc(1, sizeof *rig);

    (void) state;
    random_state = wanted ? strtoull(wanted, NULL, 10) : (uint64_t) clock_utc_ns();
    print_message("ORBIT_TEST_SEED=%lu\n", random_state);
    rig_create(rig, &ring, PERIOD_NS, 0.1);
    rig->vm.echo_period_ns = 500000;
    for (unsigned trial = 0; trial < TRIALS; trial++)
        any_trial(rig, trial < N_SCENARIO ? trial : (unsigned) below(N_SCENARIO));
    rig_destroy(rig);
    free(rig);
}

static struct loop_rig *quiet_rig(void)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create(rig, &ring, PERIOD_NS, 0.1);
    rig_step(rig, 50);
    return rig;
}

static void a_change_of_gain_blanks_a_bpm_for_some_frames(void **state)
{
    struct loop_rig *rig = quiet_rig();
    struct tuning tuning = rig_tuning();

    (void) state;
    tuning.gain_blank = 10;
    rig_publish(rig, &tuning, 0.1);
    rig->vm.row_quality[4] = QUALITY_GAIN;
    rig_step(rig, 1);
    rig->vm.row_quality[4] = QUALITY_GOOD;
    for (int i = 0; i < 10; i++) {
        rig_step(rig, 1);
        assert_int_equal(rig_bits(rig, VEC_ROW_QUALITY)[4], QUALITY_GAIN | QUALITY_MASKED);
    }
    rig_step(rig, 1);
    assert_int_equal(rig_bits(rig, VEC_ROW_QUALITY)[4], QUALITY_GOOD);
    rig_destroy(rig);
    free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_threshold_fires_on_its_cause_within_its_count_and_only_then),
        cmocka_unit_test(a_change_of_gain_blanks_a_bpm_for_some_frames),
    };

    return cmocka_run_group_tests_name("simulation/conditions", tests, NULL, NULL);
}
