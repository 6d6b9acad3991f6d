/* The response of a machine of BESSY II's size, all 112 columns at once, measured by the loop's
 * own excitation on a virtual clock: correctors of 100 Hz, 100 law steps a second. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "io/ctl/sysid/estimate.h"
#include "tests/support/loop_rig.h"

static const struct orbit_dims bessy2 = {.n_bpm = 123, .n_h = 48, .n_v = 64, .n_rf = 0};
enum {
    PERIOD_NS = 1000000,
    ROWS = 246,
    KICKS = 112,
    EVERY = 10,
    HOLD = 5,
    CODE = 128,
    ROUNDS = 3
};

static struct loop_rig rig;
static struct excite_plan plan;
static struct slices slices;
static uint64_t n_in_level;

static int set_up(void **state)
{
    struct tuning tuning = rig_tuning();

    (void) state;
    rig_create(&rig, &bessy2, PERIOD_NS, 0.1);
    rig.vm.noise_m = 0.3e-6;
    for (uint64_t row = 0; row < ROWS; row++)
        rig.vm.orbit0_m[row] = 1e-4 * sin(1.0 + 2.3 * (double) row);
    tuning.every = EVERY;
    rig_publish(&rig, &tuning, 0.1);
    excite_plan_init(&plan, EXCITE_CODE, KICKS);
    plan.n_code = CODE;
    plan.n_level = CODE * ROUNDS;
    plan.hold = HOLD;
    for (uint64_t col = 0; col < KICKS; col++)
        plan.wave[col] = (struct excite_wave){.amplitude = 1e-6, .phase = col + 1};
    slices = (struct slices){.n_row = ROWS,
                             .n_col = KICKS,
                             .level = calloc(plan.n_level, sizeof *slices.level),
                             .y = calloc(plan.n_level * ROWS, sizeof *slices.y),
                             .u = calloc(plan.n_level * KICKS, sizeof *slices.u)};
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    rig_destroy(&rig);
    free(slices.level);
    free(slices.y);
    free(slices.u);
    return 0;
}

/* The settled half of every level, as running means; the orbit drifts slowly meanwhile. */
static void take_record(uint64_t cycle_in_level)
{
    const struct record_head *head = rig.record;
    const double *y = (const double *) (head + 1), *u = y + 2 * ROWS;
    double *to_y, *to_u;

    if (head->excite_level == 0 || cycle_in_level < HOLD * EVERY / 2)
        return;
    slices.level[head->excite_level - 1] = head->excite_level - 1;
    to_y = slices.y + (head->excite_level - 1) * ROWS;
    to_u = slices.u + (head->excite_level - 1) * KICKS;
    n_in_level++;
    for (uint64_t i = 0; i < ROWS; i++)
        to_y[i] += (y[i] - to_y[i]) / (double) n_in_level;
    for (uint64_t j = 0; j < KICKS; j++)
        to_u[j] += (u[j] - to_u[j]) / (double) n_in_level;
    slices.n = head->excite_level;
}

static void play(void)
{
    uint64_t unmet, level = 0, since = 0;

    rig_step(&rig, 100);
    assert_int_equal(rig_request(&rig, REQUEST_ARM, &unmet), ANSWER_DONE);
    rig_step(&rig, 100);
    assert_int_equal(loop_excite(rig.loop, &plan), RC_OK);
    assert_int_equal(rig_request(&rig, REQUEST_PROBE, &unmet), ANSWER_DONE);
    for (uint64_t cycle = 0; rig.status->state == STATE_PROBE; cycle++) {
        rig.vm.orbit0_m[7] = 1e-4 + 3e-6 * sin(2e-4 * (double) cycle);
        rig_step(&rig, 1);
        if (((const struct record_head *) rig.record)->excite_level != level) {
            level = ((const struct record_head *) rig.record)->excite_level;
            since = cycle;
            n_in_level = 0;
        }
        take_record(cycle - since);
        assert_true(cycle < 60000);
    }
}

static void all_columns_are_measured_to_a_thousandth_of_their_rms(void **state)
{
    struct estimate e;
    double wrong = 0, whole = 0, expected = 0;

    (void) state;
    play();
    assert_int_equal(slices.n, plan.n_level);
    assert_int_equal(estimate_response(&e, &slices, &plan, 16), RC_OK);
    assert_int_equal(e.n_used, KICKS);
    for (uint64_t k = 0; k < KICKS; k++)
        for (uint64_t i = 0; i < ROWS; i++) {
            double truth = rig.vm.r[i * KICKS + k], off = e.r[i * KICKS + k] - truth;

            wrong += off * off;
            whole += truth * truth;
            expected += e.error[k] * e.error[k];
        }
    print_message("rms error %.3g %% of the rms response, told %.3g %%\n",
                  100 * sqrt(wrong / whole), 100 * sqrt(expected / whole));
    assert_true(sqrt(wrong / whole) < 1e-3);
    assert_close(sqrt(wrong), sqrt(expected), 0.5, 0);
    estimate_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_columns_are_measured_to_a_thousandth_of_their_rms,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
