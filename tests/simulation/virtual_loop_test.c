/* The virtual closed loop and the scorecard against the real loop, on a machine in virtual
 * time.
 */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/loop_rig.h"

static const struct orbit_dims ring = {.n_bpm = 40, .n_h = 12, .n_v = 14, .n_rf = 1};
enum { PERIOD_NS = 1000000, SECOND = 1000, N_KICK = 26 };

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);
    struct tuning tuning = rig_tuning();

    rig_create(rig, &ring, PERIOD_NS, 0.1);
    tuning.every = 20;
    rig_publish(rig, &tuning, 0.1);
    for (uint64_t row = 0; row < dims_n_row(&ring); row++)
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
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
}

static void it_ends_where_the_closed_loop_does(void **state)
{
    struct loop_rig *rig = *state;
    double promised[N_KICK], promised_x_m, promised_y_m;

    rig_step(rig, 5 * SECOND);
    assert_int_equal(rig->vm.n_blocks, 0);
    assert_true(rig_head(rig)->virt_steps > 100);
    promised_x_m = rig_head(rig)->virt_x_m;
    promised_y_m = rig_head(rig)->virt_y_m;
    assert_true(promised_x_m < 0.95 * rig_head(rig)->rms_x_m);
    assert_close(promised_x_m, rig_head(rig)->uncorrectable_x_m, 1e-3, 0);
    memcpy(promised, rig_vector(rig, VEC_VIRT_U), sizeof promised);
    close_loop(rig);
    rig_step(rig, 5 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_int_equal(rig_head(rig)->virt_steps, 0); /* it rests */
    assert_close(rig_head(rig)->rms_x_m, promised_x_m, 1e-6, 0);
    assert_close(rig_head(rig)->rms_y_m, promised_y_m, 1e-6, 0);
    for (unsigned col = 0; col < N_KICK; col++)
        assert_close(rig_vector(rig, VEC_U_CMD)[col], promised[col], 0, 1e-9);
}

/* A disturbance in the span of the correctors, at a frequency that the law halves or so. */
static double rms_over_periods(struct loop_rig *rig, bool promised)
{
    double sum = 0.0;

    for (int i = 0; i < 4 * SECOND; i++) {
        double phase = 2.0 * M_PI * 2.0 * 1e-3 * (double) (i % 500);

        for (uint64_t row = 0; row < ring.n_bpm; row++)
            rig->vm.orbit0_m[row] = rig->vm.r[row * dims_n_col(&ring) + 4] * 50e-6 * sin(phase);
        rig_step(rig, 1);
        if (i >= 2 * SECOND)
            sum += promised ? pow(rig_head(rig)->virt_x_m, 2) : pow(rig_head(rig)->rms_x_m, 2);
    }
    return sqrt(sum / (2.0 * SECOND));
}

static void it_promises_the_attenuation_that_closing_gives(void **state)
{
    struct loop_rig *rig = *state;
    double open_m, promised_m, closed_m;

    memset(rig->vm.orbit0_m, 0, sizeof rig->vm.orbit0_m);
    open_m = rms_over_periods(rig, false);
    promised_m = rms_over_periods(rig, true);
    close_loop(rig);
    closed_m = rms_over_periods(rig, false);
    assert_true(closed_m < 0.8 * open_m);
    assert_close(promised_m, closed_m, 0.02, 0);
}

/* Something new to correct, for both planes. */
static void shake(struct loop_rig *rig, uint64_t step)
{
    uint64_t n_col = dims_n_col(&ring), h = step * 5 % ring.n_h;
    uint64_t v = ring.n_h + step * 5 % ring.n_v;

    for (uint64_t row = 0; row < dims_n_row(&ring); row++)
        rig->vm.orbit0_m[row] += 20e-6 * sin(1.7 * (double) step) *
                                 (rig->vm.r[row * n_col + h] + rig->vm.r[row * n_col + v]);
}

/* Somebody else's feedback: applies `gain` of what the loop would, some time after it. */
static void drive_by_others(struct loop_rig *rig, double gain, int n)
{
    uint64_t steps = 0;

    for (int i = 0; i < n; i++) {
        rig_step(rig, 1);
        if (rig_head(rig)->law_steps == steps)
            continue;
        steps = rig_head(rig)->law_steps;
        if (gain < 0.0 || gain > 0.3)
            shake(rig, steps);
        for (unsigned col = 0; col < N_KICK; col++)
            rig->vm.u_set[col] += gain * rig_vector(rig, VEC_STEP)[col];
    }
}

static void it_is_right_while_another_feedback_runs_the_machine(void **state)
{
    struct loop_rig *rig = *state;
    double promised[N_KICK];

    rig->vm.echo_period_ns = 5000000;
    rig_step(rig, 5 * SECOND);
    memcpy(promised, rig_vector(rig, VEC_VIRT_U), sizeof promised);
    drive_by_others(rig, 0.05, SECOND);
    assert_close(rig_head(rig)->virt_x_m, rig_head(rig)->uncorrectable_x_m, 0.02, 0);
    for (unsigned col = 0; col < N_KICK; col++)
        assert_close(rig_vector(rig, VEC_VIRT_U)[col], promised[col], 0, 2e-6);
    assert_int_equal(rig->status->state, STATE_SHADOW);
}

static void the_score_tells_what_others_do_of_the_loops_step(void **state)
{
    struct loop_rig *rig = *state;

    rig->vm.echo_period_ns = 5000000;
    rig_step(rig, SECOND);
    assert_close(rig_head(rig)->score_slope_h, 0, 0, 0);
    drive_by_others(rig, 0.5, 10 * SECOND);
    assert_close(rig_head(rig)->score_slope_h, 0.5, 0.05, 0);
    assert_close(rig_head(rig)->score_cosine_h, 1.0, 0.01, 0);
    assert_close(rig_head(rig)->score_cosine_v, 1.0, 0.01, 0);
    drive_by_others(rig, -0.05, 4 * SECOND); /* somebody drives it apart */
    assert_true(rig_head(rig)->score_slope_v < -0.04);
    assert_true(rig_head(rig)->score_cosine_v < -0.9);
}

static void saturation_is_foreseen(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = rig_tuning();

    rig->limit_rad = 10e-6;
    rig_publish(rig, &tuning, 0.1);
    rig_step(rig, 5 * SECOND);
    assert_true(rig_head(rig)->virt_saturated > 0);
    assert_close(rig_head(rig)->virt_use, 1.0, 1e-3, 0);
    assert_true(rig_head(rig)->virt_h_rad <= 10e-6);
}

static void kicks_that_the_inverse_cannot_see_are_told(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = rig_tuning();

    rig_publish(rig, &tuning, 1e-6);
    for (unsigned col = 0; col < ring.n_h; col++)
        rig->vm.u_set[col] = 100e-6;
    rig_step(rig, SECOND);
    assert_true(rig_head(rig)->outside_h_rad < 1e-9); /* the full inverse sees everything */
    rig_publish(rig, &tuning, 1e3);                   /* ... this one next to nothing */
    rig_step(rig, SECOND);
    assert_close(rig_head(rig)->outside_h_rad, 100e-6, 0.05, 0);
}

/* The display keeps its modes, whatever the matrices do, until it is told to renew them. */
static void amplitudes_keep_their_modes(void **state)
{
    struct loop_rig *rig = *state;
    double before[VM_MAX_ROW];
    struct tuning tuning = rig_tuning();
    struct params *params;

    rig_step(rig, 10);
    memcpy(before, rig_vector(rig, VEC_MODE), dims_n_row(&ring) * sizeof *before);
    assert_true(fabs(before[0]) > 1e-6);
    for (unsigned i = 0; i < VM_MAX_ROW * VM_MAX_COL; i++)
        rig->r_model[i] *= 1.0 + 0.1 * sin(i);
    rig_publish(rig, &tuning, 0.1);
    rig_step(rig, 1);
    assert_memory_equal(before, rig_vector(rig, VEC_MODE), dims_n_row(&ring) * sizeof *before);
    params = params_begin(rig->params);
    assert_int_equal(params_renew_modes(params), RC_OK);
    params_publish(rig->params, params);
    rig_step(rig, 1);
    assert_true(fabs(before[0] - rig_vector(rig, VEC_MODE)[0]) > 1e-7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_ends_where_the_closed_loop_does),
        TEST(it_promises_the_attenuation_that_closing_gives),
        TEST(it_is_right_while_another_feedback_runs_the_machine),
        TEST(the_score_tells_what_others_do_of_the_loops_step),
        TEST(saturation_is_foreseen),
        TEST(kicks_that_the_inverse_cannot_see_are_told),
        TEST(amplitudes_keep_their_modes),
    };
#undef TEST

    return cmocka_run_group_tests_name("simulation/virtual_loop", tests, NULL, NULL);
}
