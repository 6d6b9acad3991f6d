/* Excitation of correctors by the real loop, in virtual time: its bounds and its end. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/loop_rig.h"

static const struct orbit_dims small = {.n_bpm = 24, .n_h = 10, .n_v = 12, .n_rf = 1};
enum { PERIOD_NS = 1000000, SECOND = 1000, KICKS = 22 };

static struct excite_plan plan;

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create(rig, &small, PERIOD_NS, 0.1);
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        rig->vm.orbit0_m[row] = 1e-4 * sin(1.0 + 2.3 * (double) row);
    for (uint64_t col = 0; col < KICKS; col++)
        rig->vm.u_set[col] = rig->vm.u_actual[col] = 1e-6 * (double) col;
    excite_plan_init(&plan, EXCITE_CODE, dims_n_col(&small));
    plan.n_code = plan.n_level = 32;
    for (uint64_t col = 0; col < KICKS; col++)
        plan.wave[col] = (struct excite_wave){.amplitude = 2e-6, .phase = col + 1};
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    free(*state);
    return 0;
}

static void arm(struct loop_rig *rig)
{
    uint64_t unmet;

    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_ARM, &unmet), ANSWER_DONE);
    rig_step(rig, 100);
}

static void probe(struct loop_rig *rig)
{
    uint64_t unmet;

    arm(rig);
    assert_int_equal(loop_excite(rig->loop, &plan), RC_OK);
    assert_int_equal(rig_request(rig, REQUEST_PROBE, &unmet), ANSWER_DONE);
    assert_int_equal(rig->status->state, STATE_PROBE);
}

static double farthest_rad(const struct loop_rig *rig)
{
    double most = 0;

    for (uint64_t col = 0; col < KICKS; col++)
        most = fmax(most, fabs(rig->vm.u_set[col] - 1e-6 * (double) col));
    return most;
}

static void kicks_stay_within_the_amplitude_and_come_back_to_where_they_were(void **state)
{
    struct loop_rig *rig = *state;
    double most = 0;

    probe(rig);
    for (unsigned i = 0; i < 34 && rig->status->state == STATE_PROBE; i++) {
        rig_step(rig, 100);
        most = fmax(most, farthest_rad(rig));
    }
    assert_int_equal(rig->status->state, STATE_SHADOW);
    assert_int_equal(rig->status->cause, 0);
    assert_close(most, 2e-6, 1e-9, 0);
    assert_close(farthest_rad(rig), 0, 0, 1e-15);
    assert_int_equal(rig->status->excite_level, 0);
}

static void levels_are_told_in_the_records(void **state)
{
    struct loop_rig *rig = *state;
    const struct record_head *head;
    const double *u_cmd;

    probe(rig);
    rig_step(rig, 1000);
    head = rig->record;
    u_cmd = (const double *) (head + 1) + 2 * dims_n_row(&small);
    assert_in_range(head->excite_level, 9, 11);
    assert_int_equal(rig->status->excite_levels, 32);
    for (uint64_t col = 0; col < KICKS; col++)
        assert_close(u_cmd[col] - 1e-6 * (double) col,
                     excite_value(&plan, col, head->excite_level - 1), 0, 1e-15);
}

static void one_that_is_stopped_returns_the_kicks_at_once(void **state)
{
    struct loop_rig *rig = *state;

    probe(rig);
    rig_step(rig, 1000);
    assert_true(farthest_rad(rig) > 1e-6);
    loop_excite_stop(rig->loop);
    rig_step(rig, 300);
    assert_int_equal(rig->status->state, STATE_SHADOW);
    assert_close(farthest_rad(rig), 0, 0, 1e-15);
}

static void a_lost_condition_ends_it_and_nothing_is_written_any_more(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t written;

    probe(rig);
    rig_step(rig, 1000);
    rig->vm.foreign[7] = true;
    rig_step(rig, 100);
    assert_int_equal(rig->status->state, STATE_SHADOW);
    assert_true(rig->status->cause & 1ULL << COND_MASTER);
    assert_int_equal(rig->status->offender, 7);
    written = rig->vm.n_written;
    rig_step(rig, SECOND);
    assert_int_equal(rig->vm.n_written, written);
}

static void a_large_orbit_trips(void **state)
{
    struct loop_rig *rig = *state;

    probe(rig);
    rig_step(rig, 500);
    rig->vm.orbit0_m[5] = 0.015;
    rig_step(rig, 100);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
}

static void limits_of_a_corrector_are_kept(void **state)
{
    struct loop_rig *rig = *state;
    struct params *params = params_begin(rig->params);

    params->upper[3] = 3.5e-6;
    params_publish(rig->params, params);
    probe(rig);
    for (unsigned i = 0; i < 32; i++) {
        rig_step(rig, 100);
        assert_true(rig->vm.u_set[3] <= 3.5e-6);
    }
    rig_step(rig, 500);
    assert_int_equal(rig->status->state, STATE_SHADOW);
    assert_close(rig->vm.u_set[3], 3e-6, 0, 1e-15);
}

static void probing_needs_arming_and_everything_but_the_check(void **state)
{
    struct loop_rig *rig = *state;
    struct params *params;
    uint64_t unmet = 0;

    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_PROBE, &unmet), ANSWER_NOT_ARMED);
    params = params_begin(rig->params);
    params->unchecked_col = 4;
    params_publish(rig->params, params);
    arm(rig);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, &unmet), ANSWER_UNMET);
    assert_int_equal(unmet, 1ULL << COND_CHECK);
    assert_int_equal(rig->status->unmet_offender, 4);
    rig->vm.bpm_dead = true;
    rig_step(rig, 500);
    assert_int_equal(rig_request(rig, REQUEST_PROBE, &unmet), ANSWER_UNMET);
    rig->vm.bpm_dead = false;
    probe(rig);
}

static void without_a_plan_it_is_over_at_once(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t unmet;

    arm(rig);
    assert_int_equal(rig_request(rig, REQUEST_PROBE, &unmet), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig->status->state, STATE_SHADOW);
    assert_close(farthest_rad(rig), 0, 0, 1e-15);
}

static void a_plan_that_comes_in_shadow_is_dropped(void **state)
{
    struct loop_rig *rig = *state;

    rig_step(rig, 100);
    assert_int_equal(loop_excite(rig->loop, &plan), RC_OK);
    rig_step(rig, 2);
    assert_int_equal(rig->status->excite_levels, 0);
    assert_int_equal(rig->vm.n_blocks, 0);
}

/* In CLOSED the excitation is beside the law: the law corrects what it can of it, and
 * afterwards the orbit is what it was. */
static void in_closed_it_plays_beside_the_law_and_leaves_nothing(void **state)
{
    struct loop_rig *rig = *state;
    double before_m, during_m = 0;
    uint64_t unmet;

    arm(rig);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, &unmet), ANSWER_DONE);
    rig_step(rig, 20 * SECOND);
    before_m = vm_rms_m(&rig->vm, 0);
    assert_int_equal(loop_excite(rig->loop, &plan), RC_OK);
    for (unsigned i = 0; i < 32; i++) {
        rig_step(rig, 100);
        during_m = fmax(during_m, vm_rms_m(&rig->vm, 0));
        assert_int_equal(rig->status->state, STATE_CLOSED);
    }
    assert_true(during_m > 1.2 * before_m);
    rig_step(rig, 20 * SECOND);
    assert_close(vm_rms_m(&rig->vm, 0), before_m, 1e-3, 0);
    assert_int_equal(rig->status->excite_levels, 0);
}

int main(void)
{
#define PROBE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROBE_TEST(kicks_stay_within_the_amplitude_and_come_back_to_where_they_were),
        PROBE_TEST(levels_are_told_in_the_records),
        PROBE_TEST(one_that_is_stopped_returns_the_kicks_at_once),
        PROBE_TEST(a_lost_condition_ends_it_and_nothing_is_written_any_more),
        PROBE_TEST(a_large_orbit_trips),
        PROBE_TEST(limits_of_a_corrector_are_kept),
        PROBE_TEST(probing_needs_arming_and_everything_but_the_check),
        PROBE_TEST(without_a_plan_it_is_over_at_once),
        PROBE_TEST(a_plan_that_comes_in_shadow_is_dropped),
        PROBE_TEST(in_closed_it_plays_beside_the_law_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
