#include "tests/support/test.h"

#include <string.h>

#include "model/transfer.h"

static void pole_without_delay_is_the_textbook_one(void **state)
{
    struct plant plant = {.pole_hz = 20, .period_s = 0.01, .average = 1};
    double a = exp(-2 * M_PI * 20 * 0.01);
    struct transfer p;

    (void) state;
    assert_int_equal(transfer_plant(&p, &plant), RC_OK);
    for (int k = 0; k < 20; k++) {
        double complex w = cexp(CMPLX(0, -0.15 * k)), want = (1 - a) * w / (1 - a * w);

        assert_close(cabs(transfer_at(&p, w) - want), 0, 0, 1e-14);
    }
}

static void delay_of_a_part_of_a_step_reaches_a_part_of_the_mean(void **state)
{
    /* Two readings a step, at its middle and at its end: only the one at the end is later than
     * three quarters of a step. */
    struct plant plant = {.delay_s = 0.75, .period_s = 1, .average = 2};
    double complex w = cexp(CMPLX(0, -0.7));
    struct transfer p;

    (void) state;
    assert_int_equal(transfer_plant(&p, &plant), RC_OK);
    assert_close(cabs(transfer_at(&p, w) - (0.5 * w + 0.5 * w * w)), 0, 0, 1e-14);
}

/* The definition, step by step: the answer to any input is the sum over pulses. */
static void answer_to_steps_equals_the_continuous_pole_with_delay(void **state)
{
    struct plant plant = {.delay_s = 0.0237, .pole_hz = 15, .period_s = 0.01, .average = 10};
    struct transfer p;
    double past_u[64] = {0}, past_y[64] = {0};

    (void) state;
    assert_int_equal(transfer_plant(&p, &plant), RC_OK);
    for (unsigned n = 0; n < 60; n++) {
        double y = 0, want = 0;

        past_u[n] = 1;
        for (unsigned i = 0; i < p.n_num && i <= n; i++)
            y += p.num[i] * past_u[n - i];
        for (unsigned i = 1; i < p.n_den && i <= n; i++)
            y -= p.den[i] * past_y[n - i];
        past_y[n] = y;
        for (unsigned i = 0; i < 10; i++) {
            double t = 0.01 * n - 0.001 * i - 0.0237;

            want += t > 0 ? 0.1 * (1 - exp(-2 * M_PI * 15 * t)) : 0;
        }
        assert_close(y, want, 0, 1e-12);
    }
}

static void products_and_sums_are_those_of_the_values(void **state)
{
    struct transfer a = transfer_pi(0.1, 0.4, 0.01), b = transfer_pi(0, 0.2, 0), ab, sum;
    double complex w = cexp(CMPLX(0, -0.3));

    (void) state;
    assert_int_equal(transfer_multiply(&ab, &a, &b), RC_OK);
    assert_int_equal(transfer_add(&sum, &a, &b), RC_OK);
    assert_close(cabs(transfer_at(&ab, w) - transfer_at(&a, w) * transfer_at(&b, w)), 0, 0,
                 1e-12);
    assert_close(cabs(transfer_at(&sum, w) - transfer_at(&a, w) - transfer_at(&b, w)), 0, 0,
                 1e-12);
}

static void delay_beyond_the_terms_is_refused(void **state)
{
    struct plant plant = {.delay_s = 10, .period_s = 0.01, .average = 1};
    struct transfer p;

    (void) state;
    assert_int_equal(transfer_plant(&p, &plant), RC_RANGE);
    assert_non_null(strstr(err_text(), "1000 law steps"));
    plant = (struct plant){.delay_s = NAN, .period_s = 0.01, .average = 1};
    assert_int_equal(transfer_plant(&p, &plant), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pole_without_delay_is_the_textbook_one),
        cmocka_unit_test(delay_of_a_part_of_a_step_reaches_a_part_of_the_mean),
        cmocka_unit_test(answer_to_steps_equals_the_continuous_pole_with_delay),
        cmocka_unit_test(products_and_sums_are_those_of_the_values),
        cmocka_unit_test(delay_beyond_the_terms_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
