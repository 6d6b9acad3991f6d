#include "tests/support/test.h"

#include <string.h>

#include "model/inverse.h"
#include "model/plant/random.h"
#include "model/stability.h"

enum { ROWS = 7, COLS = 4, R_STRIDE = 6, K_STRIDE = 9 };

static double r[ROWS * R_STRIDE], k[COLS * K_STRIDE];
static const struct stability_block block = {
    .n_row = ROWS, .n_col = COLS, .r = r, .k = k, .r_stride = R_STRIDE, .k_stride = K_STRIDE};

static int fill(void **state)
{
    struct inverse_block from = {.matrix = r, .stride = R_STRIDE, .n_row = ROWS, .n_col = COLS};
    double inverse[COLS * ROWS];
    struct random random;

    (void) state;
    random_seed(&random, 7);
    for (int i = 0; i < ROWS * R_STRIDE; i++)
        r[i] = random_normal(&random);
    if (inverse_tikhonov(&from, 0.5, inverse, NULL) != RC_OK)
        return 1;
    for (int j = 0; j < COLS; j++)
        memcpy(k + j * K_STRIDE, inverse + j * ROWS, ROWS * sizeof *inverse);
    return 0;
}

static void eigenvalues_of_a_rotation_are_a_pair(void **state)
{
    const double eye[4] = {1, 0, 0, 1}, turn[4] = {0.6, -0.8, 0.8, 0.6};
    struct stability_block small = {
        .n_row = 2, .n_col = 2, .r = eye, .k = turn, .r_stride = 2, .k_stride = 2};
    double complex lambda[2];

    (void) state;
    assert_int_equal(stability_eigenvalues(&small, lambda), RC_OK);
    assert_close(creal(lambda[0]), 0.6, 1e-14, 0);
    assert_close(fabs(cimag(lambda[0])), 0.8, 1e-14, 0);
    assert_close(cabs(lambda[0] - conj(lambda[1])), 0, 0, 1e-14);
}

static void tikhonov_has_the_gains_s2_over_s2_plus_mu2(void **state)
{
    struct stability_mode mode[COLS];
    double complex lambda[COLS];

    (void) state;
    assert_int_equal(stability_modes(&block, mode), RC_OK);
    assert_int_equal(stability_eigenvalues(&block, lambda), RC_OK);
    for (int m = 0; m < COLS; m++) {
        double s = mode[m].singular;

        assert_close(mode[m].gain, s * s / (s * s + 0.25), 1e-10, 0);
        assert_close(mode[m].kappa, s / (s * s + 0.25), 1e-10, 0);
        assert_close(creal(lambda[m]), mode[m].gain, 1e-9, 0);
        assert_true(m == 0 || mode[m - 1].singular >= s);
    }
}

static void static_noise_is_the_rms_of_the_rows(void **state)
{
    const double simple[2 * 3] = {3, 4, 0, 0, 0, 0};
    struct stability_block small = {.n_row = 3, .n_col = 2, .k = simple, .k_stride = 3};

    (void) state;
    /* The second column is not driven: it does not dilute the first. */
    assert_close(stability_static_noise(&small), 5, 1e-15, 0);
}

static void the_worst_mode_decides_and_undriven_ones_do_not(void **state)
{
    const double complex good[3] = {1, 0.5, 1e-15}, bad[3] = {1, 0.5, -0.01};
    struct transfer law = transfer_pi(0, 0.5, 0), plant;
    struct plant machine = {.period_s = 1, .average = 1};
    struct margin_loop loop;
    struct stability verdict;

    (void) state;
    assert_int_equal(transfer_plant(&plant, &machine), RC_OK);
    assert_int_equal(margin_loop_create(&loop, &law, &plant, 1), RC_OK);
    verdict = stability_judge(&loop, 3, good, false);
    assert_int_equal(verdict.n_mode, 2);
    assert_int_equal(verdict.n_unstable, 0);
    assert_true(verdict.margin.stable);
    assert_close(verdict.margin.gain, 4, 1e-5, 0);
    assert_close(verdict.margin.peak, 2 / 1.5, 1e-9, 0);
    assert_close(creal(verdict.worst), 1, 1e-15, 0);
    verdict = stability_judge(&loop, 3, bad, false);
    assert_int_equal(verdict.n_unstable, 1);
    assert_false(verdict.margin.stable);
    assert_close(creal(verdict.worst), -0.01, 1e-15, 0);
    margin_loop_free(&loop);
}

enum { SIM_STEPS = 3000 };

/* u[k] = u[k-1] - 0.8 K R u[k-1-delay], from a random start: what is left of it. */
static double left_after_steps(const double *loop_gain, unsigned delay, struct random *random)
{
    static double u[SIM_STEPS + 3][COLS];
    double start = 0, end = 0;

    for (unsigned n = 0; n <= delay; n++)
        for (int j = 0; j < COLS; j++)
            u[n][j] = n ? u[0][j] : random_normal(random);
    for (unsigned n = delay + 1; n < SIM_STEPS; n++)
        for (int j = 0; j < COLS; j++) {
            u[n][j] = u[n - 1][j];
            for (int i = 0; i < COLS; i++)
                u[n][j] -= 0.8 * loop_gain[j * COLS + i] * u[n - 1 - delay][i];
            if (fabs(u[n][j]) > 1e100)
                return 1e100;
        }
    for (int j = 0; j < COLS; j++) {
        start += fabs(u[0][j]);
        end += fabs(u[SIM_STEPS - 1][j]);
    }
    return end / start;
}

static void prediction_and_simulation_agree_for_wrong_machines(void **state)
{
    enum { MACHINES = 200 };
    struct transfer law = transfer_pi(0, 0.8, 0), plant;
    struct plant machine = {.delay_s = 1, .period_s = 1, .average = 1};
    struct margin_loop loop;
    struct random random;
    unsigned n_stable = 0, n_judged = 0;

    (void) state;
    random_seed(&random, 12);
    assert_int_equal(transfer_plant(&plant, &machine), RC_OK);
    assert_int_equal(margin_loop_create(&loop, &law, &plant, 1), RC_OK);
    for (int m = 0; m < MACHINES; m++) {
        double wrong[ROWS * R_STRIDE], gain[COLS * COLS] = {0}, left;
        struct stability_block real = block;
        double complex lambda[COLS];
        struct stability verdict;

        for (int i = 0; i < ROWS * R_STRIDE; i++)
            wrong[i] = r[i] * (1 + 0.8 * random_normal(&random));
        real.r = wrong;
        assert_int_equal(stability_eigenvalues(&real, lambda), RC_OK);
        verdict = stability_judge(&loop, COLS, lambda, true);
        for (int j = 0; j < COLS; j++)
            for (int c = 0; c < COLS; c++)
                for (int i = 0; i < ROWS; i++)
                    gain[j * COLS + c] += k[j * K_STRIDE + i] * wrong[i * R_STRIDE + c];
        left = left_after_steps(gain, 1, &random);
        if (left > 1e-3 && left < 1e3)
            continue; /* too near to the limit for so few steps */
        n_judged++;
        n_stable += verdict.margin.stable;
        assert_int_equal(verdict.margin.stable, left < 1);
    }
    assert_true(n_judged > MACHINES / 2 && n_stable > MACHINES / 10 &&
                n_judged - n_stable > MACHINES / 10);
    margin_loop_free(&loop);
}

static void an_element_that_is_not_finite_is_named(void **state)
{
    struct stability_mode mode[COLS];
    double complex lambda[COLS];
    double kept = r[2 * R_STRIDE + 1];

    (void) state;
    r[2 * R_STRIDE + 1] = NAN;
    assert_int_equal(stability_eigenvalues(&block, lambda), RC_INPUT);
    assert_non_null(strstr(err_text(), "row 2, column 1"));
    assert_int_equal(stability_modes(&block, mode), RC_INPUT);
    r[2 * R_STRIDE + 1] = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eigenvalues_of_a_rotation_are_a_pair),
        cmocka_unit_test(tikhonov_has_the_gains_s2_over_s2_plus_mu2),
        cmocka_unit_test(static_noise_is_the_rms_of_the_rows),
        cmocka_unit_test(the_worst_mode_decides_and_undriven_ones_do_not),
        cmocka_unit_test(prediction_and_simulation_agree_for_wrong_machines),
        cmocka_unit_test(an_element_that_is_not_finite_is_named),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
