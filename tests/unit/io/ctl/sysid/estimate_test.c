#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "io/ctl/sysid/estimate.h"
#include "model/plant/random.h"

enum { ROWS = 9, COLS = 13, LEVELS = 64 };

static struct excite_plan plan;
static struct random noise;
static double truth[ROWS * COLS];
static uint64_t level[LEVELS];
static double y[LEVELS * ROWS], u[LEVELS * COLS];
static const struct slices slices = {
    .n = LEVELS, .n_row = ROWS, .n_col = COLS, .level = level, .y = y, .u = u};

/* Orbit of the level from set points, slow drift and noise. */
static void measure(enum excite_kind kind, double drift_m, double noise_m)
{
    random_seed(&noise, 9);
    excite_plan_init(&plan, kind, COLS);
    plan.n_level = LEVELS;
    plan.n_code = 16;
    for (uint64_t j = 0; j < COLS; j++) {
        plan.wave[j] = (struct excite_wave){.amplitude = 1e-6, .phase = j + 1};
        if (kind == EXCITE_SINE)
            plan.wave[j] = (struct excite_wave){
                .amplitude = 1e-6, .rate = excite_turns((8.0 + (double) j) / LEVELS)};
    }
    plan.wave[4].amplitude = 0; /* a disabled one */
    for (int i = 0; i < ROWS * COLS; i++)
        truth[i] = 10 * random_normal(&noise);
    for (uint64_t k = 0; k < LEVELS; k++) {
        level[k] = k;
        for (uint64_t j = 0; j < COLS; j++)
            u[k * COLS + j] = 1e-4 * (double) j + excite_value(&plan, j, k);
        for (uint64_t i = 0; i < ROWS; i++) {
            double t = (double) k / LEVELS;

            y[k * ROWS + i] =
                1e-3 + drift_m * (t + 0.5 * sin(4 * t)) + noise_m * random_normal(&noise);
            for (uint64_t j = 0; j < COLS; j++)
                y[k * ROWS + i] += truth[i * COLS + j] * u[k * COLS + j];
        }
    }
}

static void compare(double abs)
{
    struct estimate e;

    assert_int_equal(estimate_response(&e, &slices, &plan, 4), RC_OK);
    assert_int_equal(e.n_used, COLS - 1);
    for (uint64_t k = 0; k < e.n_used; k++) {
        assert_int_equal(e.col[k], k < 4 ? k : k + 1);
        for (uint64_t i = 0; i < ROWS; i++)
            assert_close(e.r[i * e.n_used + k], truth[i * COLS + e.col[k]], 0, abs);
    }
    estimate_free(&e);
}

static void codes_and_lines_give_the_response_back(void **state)
{
    (void) state;
    measure(EXCITE_CODE, 0, 0);
    compare(1e-6);
    measure(EXCITE_SINE, 0, 0);
    compare(1e-6);
}

static void slow_drift_of_many_amplitudes_hardly_matters(void **state)
{
    (void) state;
    measure(EXCITE_CODE, 20e-6, 0); /* twice what a kick does; 2 % of the response at most */
    compare(0.2);
}

static void the_standard_error_is_that_of_the_noise(void **state)
{
    struct estimate e;
    double sum = 0;

    (void) state;
    measure(EXCITE_CODE, 0, 0.1e-6);
    assert_int_equal(estimate_response(&e, &slices, &plan, 2), RC_OK);
    for (uint64_t k = 0; k < e.n_used; k++) {
        assert_close(e.error[k], 0.1e-6 / (1e-6 * sqrt(LEVELS)), 0.2, 0);
        for (uint64_t i = 0; i < ROWS; i++)
            sum += pow((e.r[i * e.n_used + k] - truth[i * COLS + e.col[k]]) / e.error[k], 2);
    }
    assert_close(sqrt(sum / (double) (e.n_used * ROWS)), 1, 0.2, 0);
    assert_close(e.residual_m, 0.1e-6, 0.1, 0);
    estimate_free(&e);
}

/* A loop that answers the excitation, and noise that is in the set points too. */
static void what_else_moves_the_set_points_does_not_bias_it(void **state)
{
    (void) state;
    measure(EXCITE_CODE, 0, 0);
    for (uint64_t k = 0; k < LEVELS; k++)
        for (uint64_t j = 0; j < COLS; j++) {
            double other = 0.3e-6 * random_normal(&noise) - 0.4 * excite_value(&plan, j, k);

            u[k * COLS + j] += other;
            for (uint64_t i = 0; i < ROWS; i++)
                y[k * ROWS + i] += truth[i * COLS + j] * other;
        }
    /* The disabled column's noise is the only one that the estimate cannot see. */
    for (uint64_t k = 0; k < LEVELS; k++)
        for (uint64_t i = 0; i < ROWS; i++)
            y[k * ROWS + i] -= truth[i * COLS + 4] * (u[k * COLS + 4] - 4e-4);
    compare(1e-5);
}

static void too_few_levels_and_dead_set_points_are_refused(void **state)
{
    struct slices few = slices;
    struct estimate e;

    (void) state;
    measure(EXCITE_CODE, 0, 0);
    few.n = 12;
    assert_int_equal(estimate_response(&e, &few, &plan, 2), RC_RANGE);
    assert_non_null(strstr(err_text(), "12 levels"));
    memset(u, 0, sizeof u);
    assert_int_equal(estimate_response(&e, &slices, &plan, 2), RC_NUMERIC);
}

static void likeness_tells_gain_and_polarity(void **state)
{
    const double model[3] = {1, -2, 3}, same[3] = {0.8, -1.6, 2.4}, turned[3] = {-1, 2, -3};
    struct likeness likeness = estimate_compare(same, 1, model, 1, 3);

    (void) state;
    assert_close(likeness.gain, 0.8, 1e-14, 0);
    assert_close(likeness.correlation, 1, 1e-14, 0);
    likeness = estimate_compare(turned, 1, model, 1, 3);
    assert_close(likeness.gain, -1, 1e-14, 0);
    assert_close(likeness.correlation, -1, 1e-14, 0);
}

static void delay_and_pole_of_a_step_are_found(void **state)
{
    double value[200];
    struct step_fit fit;

    (void) state;
    random_seed(&noise, 2);
    for (int i = 0; i < 200; i++) {
        double t = (i + 0.5) * 1e-3 - 0.0312;

        value[i] =
            (t > 0 ? -0.97 * expm1(-2 * M_PI * 17 * t) : 0) + 2e-3 * random_normal(&noise);
    }
    value[77] = NAN;
    assert_int_equal(estimate_step(&fit, value, 200, 1e-3), RC_OK);
    assert_close(fit.delay_s, 0.0312, 0, 5e-4);
    assert_close(fit.pole_hz, 17, 0.03, 0);
    assert_close(fit.gain, 0.97, 0.01, 0);
    memset(value, 0, sizeof value);
    assert_int_equal(estimate_step(&fit, value, 200, 1e-3), RC_NUMERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_and_lines_give_the_response_back),
        cmocka_unit_test(slow_drift_of_many_amplitudes_hardly_matters),
        cmocka_unit_test(the_standard_error_is_that_of_the_noise),
        cmocka_unit_test(what_else_moves_the_set_points_does_not_bias_it),
        cmocka_unit_test(too_few_levels_and_dead_set_points_are_refused),
        cmocka_unit_test(likeness_tells_gain_and_polarity),
        cmocka_unit_test(delay_and_pole_of_a_step_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
