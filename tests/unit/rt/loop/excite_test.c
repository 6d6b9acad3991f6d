#include "tests/support/test.h"

#include <string.h>

#include "rt/loop/excite.h"

enum { COLS = 12 };

static struct excite_plan plan;

static struct excite playing(double *wanted, double *contained)
{
    return (struct excite){.wanted = wanted, .contained = contained};
}

static void a_sine_is_a_sine_and_a_sweep_gets_faster(void **state)
{
    (void) state;
    excite_plan_init(&plan, EXCITE_SINE, 2);
    plan.wave[0] = (struct excite_wave){
        .amplitude = 2e-6, .phase = excite_turns(0.1), .rate = excite_turns(0.013)};
    plan.wave[1] = (struct excite_wave){
        .amplitude = 1e-6, .rate = excite_turns(0.01), .chirp = (int64_t) excite_turns(1e-5)};
    for (uint64_t k = 0; k < 500; k++) {
        double turns = 0.01 * (double) k + 1e-5 * (double) (k * (k ? k - 1 : 0)) / 2;

        assert_close(excite_value(&plan, 0, k),
                     2e-6 * sin(2 * M_PI * (0.1 + 0.013 * (double) k)), 0, 1e-12);
        assert_close(excite_value(&plan, 1, k), 1e-6 * sin(2 * M_PI * turns), 0, 1e-11);
    }
}

static void rows_of_a_code_are_orthogonal_and_change_often(void **state)
{
    enum { LEVELS = 128 };

    (void) state;
    excite_plan_init(&plan, EXCITE_CODE, LEVELS);
    plan.n_code = LEVELS;
    for (uint64_t col = 0; col < LEVELS; col++)
        plan.wave[col] = (struct excite_wave){.amplitude = 1, .phase = col};
    for (uint64_t a = 1; a < LEVELS; a++) {
        unsigned changes = 0;

        for (uint64_t b = a; b < LEVELS; b++) {
            double sum = 0;

            for (uint64_t k = 0; k < LEVELS; k++)
                sum += excite_value(&plan, a, k) * excite_value(&plan, b, k);
            assert_close(sum, a == b ? LEVELS : 0, 0, 1e-12);
        }
        for (uint64_t k = 1; k < LEVELS; k++)
            changes += excite_value(&plan, a, k) * excite_value(&plan, a, k - 1) < 0;
        assert_true(changes >= LEVELS / 4);
    }
}

static void the_random_sequence_is_of_maximal_length(void **state)
{
    (void) state;
    excite_plan_init(&plan, EXCITE_PRBS, 1);
    plan.wave[0].amplitude = 1;
    for (uint64_t shift = 0; shift < EXCITE_PRBS_LENGTH; shift += 7) {
        double sum = 0;

        for (uint64_t k = 0; k < EXCITE_PRBS_LENGTH; k++)
            sum += excite_value(&plan, 0, k) * excite_value(&plan, 0, k + shift);
        /* Its autocorrelation has two values. */
        assert_close(sum, shift == 0 ? EXCITE_PRBS_LENGTH : -1, 0, 1e-9);
    }
}

static void a_plan_holds_its_levels_plays_once_and_ends_at_zero(void **state)
{
    double wanted[COLS] = {0}, contained[COLS] = {0};
    struct excite excite = playing(wanted, contained);

    (void) state;
    excite_plan_init(&plan, EXCITE_CODE, COLS);
    plan.n_code = 4;
    plan.n_level = 4;
    plan.hold = 3;
    plan.wave[5] = (struct excite_wave){.amplitude = 1e-6, .phase = 1};
    excite_start(&excite, &plan);
    for (uint64_t step = 0; step < 12; step++) {
        excite_advance(&excite, COLS);
        assert_int_equal(excite_level(&excite), step / 3 + 1);
        assert_close(wanted[5], excite_value(&plan, 5, step / 3), 1e-15, 0);
        assert_close(fabs(wanted[5]), 1e-6, 1e-15, 0);
        assert_close(wanted[4], 0, 0, 0);
        assert_false(excite.done);
    }
    excite_advance(&excite, COLS);
    assert_true(excite.done);
    assert_int_equal(excite_level(&excite), 0);
    assert_close(wanted[5], 0, 0, 0);
}

static void one_that_is_asked_to_end_goes_to_zero_at_once(void **state)
{
    double wanted[COLS] = {0}, contained[COLS] = {0};
    struct excite excite = playing(wanted, contained);

    (void) state;
    excite_start(&excite, &plan);
    excite_advance(&excite, COLS);
    excite.ending = true;
    excite_advance(&excite, COLS);
    assert_true(excite.done);
    assert_close(wanted[5], 0, 0, 0);
    excite_drop(&excite, COLS);
    excite_advance(&excite, COLS);
    assert_false(excite.done);
}

static void faulty_plans_are_refused_with_the_column(void **state)
{
    (void) state;
    excite_plan_init(&plan, EXCITE_SINE, COLS);
    plan.n_level = 1;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_RANGE);
    assert_non_null(strstr(err_text(), "no corrector is excited"));
    plan.wave[3].amplitude = 2e-5;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_RANGE);
    assert_non_null(strstr(err_text(), "column 3"));
    plan.wave[3].amplitude = NAN;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_RANGE);
    plan.wave[3].amplitude = 1e-5;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_OK);
    plan.n_level = 0;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_RANGE);
    plan.n_level = 1;
    plan.n_code = 12;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_RANGE);
    plan.kind = EXCITE_CODE;
    plan.n_code = 16;
    plan.wave[3].phase = 16;
    assert_int_equal(excite_plan_check(&plan, 1e-5), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_is_a_sine_and_a_sweep_gets_faster),
        cmocka_unit_test(rows_of_a_code_are_orthogonal_and_change_often),
        cmocka_unit_test(the_random_sequence_is_of_maximal_length),
        cmocka_unit_test(a_plan_holds_its_levels_plays_once_and_ends_at_zero),
        cmocka_unit_test(one_that_is_asked_to_end_goes_to_zero_at_once),
        cmocka_unit_test(faulty_plans_are_refused_with_the_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
