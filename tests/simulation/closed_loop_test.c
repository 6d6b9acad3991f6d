/* The real loop against a machine in virtual time: closing, settling, faults, lease. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/loop_rig.h"

static const struct orbit_dims small = {.n_bpm = 24, .n_h = 10, .n_v = 12, .n_rf = 1};
enum { PERIOD_NS = 1000000, SECOND = 1000 };

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create(rig, &small, PERIOD_NS, 0.1);
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        rig->vm.orbit0_m[row] = 1e-3 * sin(1.0 + 2.3 * (double) row);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    free(*state);
    return 0;
}

static void close_loop(struct loop_rig *rig)
{
    uint64_t unmet;

    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_ARM, &unmet), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, &unmet), ANSWER_DONE);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

/* What no kick can correct: PRED_FULL's rms with the inverse nearly unregularised. */
static double floor_m(const struct loop_rig *rig, int plane)
{
    return plane ? rig_head(rig)->uncorrectable_y_m : rig_head(rig)->uncorrectable_x_m;
}

static void starts_in_shadow_and_drives_nothing(void **state)
{
    struct loop_rig *rig = *state;

    rig_step(rig, 3 * SECOND);
    assert_int_equal(rig->status->state, STATE_SHADOW);
    assert_int_equal(rig->vm.n_blocks, 0);
    assert_true(rig_head(rig)->law_steps >= 25);
    assert_true(rig_head(rig)->unmet == 1ULL << COND_ARM_ACK);
}

static void settles_at_the_least_squares_floor(void **state)
{
    struct loop_rig *rig = *state;
    double floor_x_m, floor_y_m;

    rig_step(rig, 10);
    floor_x_m = floor_m(rig, 0);
    floor_y_m = floor_m(rig, 1);
    assert_true(vm_rms_m(&rig->vm, 0) > 1.1 * floor_x_m);
    close_loop(rig);
    rig_step(rig, 10 * SECOND);
    assert_true(vm_rms_m(&rig->vm, 0) < 1.001 * floor_x_m);
    assert_true(vm_rms_m(&rig->vm, 1) < 1.001 * floor_y_m);
}

static void first_set_points_are_those_found(void **state)
{
    struct loop_rig *rig = *state;

    for (uint64_t col = 0; col < dims_n_col(&small); col++)
        rig->vm.u_set[col] = rig->vm.u_actual[col] = 1e-6 * (double) (col + 1);
    close_loop(rig);
    assert_int_equal(rig->vm.n_blocks, 1);
    for (uint64_t col = 0; col < small.n_h + small.n_v; col++)
        assert_close(rig->vm.block_value[col], 1e-6 * (double) (col + 1), 0.0, 1e-15);
}

static void closing_is_refused_without_arming_and_without_acknowledgement(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t unmet = 0;

    rig->vm.acknowledge = false;
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, &unmet), ANSWER_NOT_ARMED);
    assert_int_equal(rig_request(rig, REQUEST_ARM, &unmet), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, &unmet), ANSWER_UNMET);
    assert_int_equal(unmet, 1ULL << COND_ARM_ACK);
    rig_step(rig, 61 * SECOND);
    assert_int_equal(rig->status->state, STATE_SHADOW);
}

static void dead_gateway_is_hold_and_comes_back_by_itself(void **state)
{
    struct loop_rig *rig = *state;
    int64_t died_ns;
    uint64_t first_arm_id;

    close_loop(rig);
    rig_step(rig, 2 * SECOND);
    first_arm_id = rig->status->arm_id;
    rig->vm.gateway_gone = true;
    died_ns = rig->vm.now_ns;
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->status->cause & 1ULL << COND_PACE);
    assert_true(rig->vm.last_write_ns <= died_ns);
    assert_true(rig_bits(rig, VEC_ROW_QUALITY)[0] & QUALITY_DISCONNECTED);
    rig->vm.gateway_gone = false;
    rig->vm.generation++;
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_true(rig->status->arm_id > first_arm_id);
}

static void hold_ends_in_shadow_when_it_lasts(void **state)
{
    struct loop_rig *rig = *state;

    close_loop(rig);
    rig->vm.bpm_dead = true;
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->state, STATE_HOLD);
    rig_step(rig, 30 * SECOND);
    assert_int_equal(rig->status->state, STATE_SHADOW);
    rig->vm.bpm_dead = false;
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->state, STATE_SHADOW);
}

static void nothing_is_written_after_the_lease(void **state)
{
    struct loop_rig *rig = *state;
    int64_t valid_until_ns;
    uint64_t written;

    close_loop(rig);
    rig_step(rig, 2 * SECOND);
    valid_until_ns = rig->vm.block.valid_until_ns;
    /* The loop stops dead; the machine and the gateway live on. */
    struct hal hal = vm_hal(&rig->vm);

    hal.wait_ns(hal.self, valid_until_ns + 1);
    written = rig->vm.n_written;
    rig->vm.last_cycle_echoed = 0; /* a gateway that forgot would write again */
    hal.wait_ns(hal.self, rig->vm.now_ns + 5 * 1000000000LL);
    assert_int_equal(rig->vm.n_written, written);
    assert_true(rig->vm.last_write_ns < valid_until_ns);
    assert_true(rig->vm.n_refused > 0);
}

static void foreign_set_point_is_hold_with_its_index(void **state)
{
    struct loop_rig *rig = *state;

    close_loop(rig);
    rig_step(rig, SECOND);
    rig->vm.foreign[7] = true;
    rig_step(rig, 100);
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->status->cause & 1ULL << COND_MASTER);
    assert_int_equal(rig->status->offender, 7);
}

static void large_orbit_trips_and_stays_tripped_until_reset(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = rig_tuning();
    uint64_t unmet;

    tuning.mask_misfits = false; /* or the one BPM would be masked and the cause be gone */
    rig_publish(rig, &tuning, 0.1);
    close_loop(rig);
    rig_step(rig, SECOND);
    rig->vm.orbit0_m[5] = 0.015;
    rig_step(rig, 100);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
    assert_int_equal(rig->status->offender, 5);
    assert_int_equal(rig_request(rig, REQUEST_SHADOW, &unmet), ANSWER_TRIPPED);
    assert_int_equal(rig_request(rig, REQUEST_RESET, &unmet), ANSWER_CAUSE_STAYS);
    rig->vm.orbit0_m[5] = 0.0;
    rig_step(rig, 1000);
    assert_int_equal(rig_request(rig, REQUEST_RESET, &unmet), ANSWER_DONE);
    assert_int_equal(rig->status->state, STATE_SHADOW);
}

static void nan_in_a_bpm_is_masked_and_the_correction_is_that_without_it(void **state)
{
    struct loop_rig *rig = *state;
    double without[VM_MAX_COL];

    rig_step(rig, 50);
    rig->vm.row_overridden[3] = true;
    rig->vm.row_override_m[3] = NAN;
    rig_step(rig, 10);
    assert_true(rig_bits(rig, VEC_ROW_QUALITY)[3] & QUALITY_INVALID);
    assert_true(rig_bits(rig, VEC_ROW_QUALITY)[3] & QUALITY_MASKED);
    memcpy(without, rig_vector(rig, VEC_FULL), small.n_h * sizeof *without);
    assert_true(isfinite(rig_vector(rig, VEC_Y)[3]));
    assert_int_equal(rig_head(rig)->n_invalid, 1);

    /* The same with an inverse made without that row. */
    struct tuning tuning = rig_tuning();

    for (uint64_t col = 0; col < dims_n_col(&small); col++)
        rig->r_model[3 * dims_n_col(&small) + col] = 0.0;
    rig_publish(rig, &tuning, 0.1);
    rig->vm.row_override_m[3] = 0.0;
    rig_step(rig, 10);
    for (uint64_t col = 0; col < small.n_h; col++)
        assert_close(rig_vector(rig, VEC_FULL)[col], without[col], 1e-9, 1e-14);
}

static void too_many_invalid_bpms_hold(void **state)
{
    struct loop_rig *rig = *state;

    close_loop(rig);
    rig_step(rig, SECOND);
    for (unsigned row = 0; row < 9; row++)
        rig->vm.row_quality[row] = QUALITY_INVALID;
    rig_step(rig, 50);
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->status->cause & 1ULL << COND_BPMS);
}

static void stall_skips_to_the_grid_and_counts_every_point(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t before, skipped = rig->status->counter[COUNTER_SKIPPED];

    rig_step(rig, 10);
    before = rig_head(rig)->cycle;
    rig->vm.stall_ns = 7 * PERIOD_NS + PERIOD_NS / 2;
    rig_step(rig, 1);
    assert_int_equal(rig_head(rig)->cycle, before + 8);
    assert_int_equal(rig->status->counter[COUNTER_SKIPPED], skipped + 7);
    assert_int_equal(rig->status->counter[COUNTER_LATE], 1);
    rig_step(rig, 1);
    assert_int_equal(rig_head(rig)->cycle, before + 9);
    assert_int_equal(rig->status->counter[COUNTER_LATE], 1);
}

static void late_events_in_a_row_hold(void **state)
{
    struct loop_rig *rig = *state;

    close_loop(rig);
    for (unsigned i = 0; i < 3; i++) {
        rig->vm.stall_ns = 2 * PERIOD_NS;
        rig_step(rig, 1);
    }
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->status->cause & 1ULL << COND_TIMING);
}

static void law_never_steps_twice_on_the_same_data(void **state)
{
    struct loop_rig *rig = *state;
    uint64_t steps, frames;

    rig_step(rig, SECOND);
    steps = rig_head(rig)->law_steps;
    frames = rig->status->counter[COUNTER_FRAMES];
    rig->vm.frame_period_ns = 10000000;
    rig_step(rig, 4 * SECOND);
    frames = rig->status->counter[COUNTER_FRAMES] - frames;
    assert_true(frames > 380 && frames < 420);
    assert_true(rig_head(rig)->law_steps - steps <= frames / 100 + 1);
}

static void prediction_error_is_small_when_the_model_is_right(void **state)
{
    struct loop_rig *rig = *state;

    close_loop(rig);
    rig_step(rig, 5 * SECOND);
    assert_true(rig_head(rig)->pred_err_x_m < 1e-6);
    assert_true(rig_head(rig)->pred_err_y_m < 1e-6);
}

static void swap_of_an_equal_set_moves_nothing(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = rig_tuning();
    double before[VM_MAX_COL];

    close_loop(rig);
    rig_step(rig, 10 * SECOND);
    memcpy(before, rig->vm.block_value, sizeof before);
    rig_publish(rig, &tuning, 0.1);
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    for (uint64_t col = 0; col < small.n_h + small.n_v; col++)
        assert_close(rig->vm.block_value[col], before[col], 0.0, 1e-9);
}

static void twenty_percent_gain_errors_still_settle(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = rig_tuning();
    uint64_t n_col = dims_n_col(&small);
    double floor_x_m;

    rig_step(rig, 10);
    floor_x_m = floor_m(rig, 0);
    /* Gains of BPMs and correctors wrong by up to 20 %. */
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        for (uint64_t col = 0; col < n_col; col++)
            rig->r_model[row * n_col + col] *=
                (1.0 + 0.2 * sin((double) row)) * (1.0 + 0.2 * cos(3.0 * (double) col));
    rig_publish(rig, &tuning, 0.1);
    close_loop(rig);
    rig_step(rig, 20 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_true(vm_rms_m(&rig->vm, 0) < 1.2 * floor_x_m);
}

static void a_plane_that_is_off_belongs_to_somebody_else(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = rig_tuning();

    tuning.drive_h = false;
    rig_publish(rig, &tuning, 0.1);
    close_loop(rig);
    rig_step(rig, SECOND);
    rig->vm.u_set[0] = 2e-5;
    rig_step(rig, 2 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_true(isnan(rig->vm.block_value[0]));
    assert_true(isnan(rig->vm.block_value[small.n_h + small.n_v])); /* the RF */
    assert_true(isfinite(rig->vm.block_value[small.n_h]));
    assert_close(rig->vm.u_set[0], 2e-5, 0, 0);
    assert_close(rig_vector(rig, VEC_U_CMD)[0], 2e-5, 0, 0);
    assert_close(rig_vector(rig, VEC_U_EFF)[0], 2e-5, 1e-6, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(starts_in_shadow_and_drives_nothing),
        CASE(settles_at_the_least_squares_floor),
        CASE(first_set_points_are_those_found),
        CASE(closing_is_refused_without_arming_and_without_acknowledgement),
        CASE(dead_gateway_is_hold_and_comes_back_by_itself),
        CASE(hold_ends_in_shadow_when_it_lasts),
        CASE(nothing_is_written_after_the_lease),
        CASE(foreign_set_point_is_hold_with_its_index),
        CASE(large_orbit_trips_and_stays_tripped_until_reset),
        CASE(nan_in_a_bpm_is_masked_and_the_correction_is_that_without_it),
        CASE(too_many_invalid_bpms_hold),
        CASE(stall_skips_to_the_grid_and_counts_every_point),
        CASE(late_events_in_a_row_hold),
        CASE(law_never_steps_twice_on_the_same_data),
        CASE(prediction_error_is_small_when_the_model_is_right),
        CASE(swap_of_an_equal_set_moves_nothing),
        CASE(twenty_percent_gain_errors_still_settle),
        CASE(a_plane_that_is_off_belongs_to_somebody_else),
    };

    return cmocka_run_group_tests_name("simulation/closed_loop", tests, NULL, NULL);
}
