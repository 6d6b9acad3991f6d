#include "tests/support/test.h"

#include <string.h>

#include "model/magnets/conversion.h"

static double in[4] = {0, 10, 20, 40}, out[4] = {0, 1, 3, 4}, slope[4];
static struct conversion table = {
    .kind = CONVERSION_TABLE, .n = 4, .in = in, .out = out, .slope = slope};
static double terms[3] = {0.5, 2, 0.01};
static const struct conversion parabola = {.kind = CONVERSION_POLYNOMIAL, .n = 3, .out = terms};
static const struct conversion_range range = {0, 40, RANGE_REJECT};

static int make_table(void **state)
{
    (void) state;
    return conversion_finish(&table) == RC_OK ? 0 : -1;
}

static void a_table_goes_through_its_points_and_stays_monotone(void **state)
{
    (void) state;
    for (unsigned i = 0; i < 4; i++)
        assert_close(conversion_forward(&table, in[i]), out[i], 0, 1e-15);
    assert_true(conversion_is_monotone(&table, &range));
    assert_close(conversion_forward(&table, 50), 4 + 10 * slope[3], 1e-15, 0);
}

static void an_inverse_gives_the_input_back(void **state)
{
    const struct conversion *kinds[] = {&table, &parabola};

    (void) state;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (double input = 0; input <= 40; input += 0.37) {
            double found = -1;

            assert_int_equal(conversion_inverse(kinds[kind], &range,
                                                conversion_forward(kinds[kind], input), &found),
                             RC_OK);
            assert_close(found, input, 1e-13, 1e-12);
        }
    }
}

static void a_falling_conversion_has_an_inverse_too(void **state)
{
    double falling[2] = {1, -0.25}, found = 0;
    const struct conversion c = {.kind = CONVERSION_POLYNOMIAL, .n = 2, .out = falling};

    (void) state;
    assert_int_equal(conversion_inverse(&c, &range, -4, &found), RC_OK);
    assert_close(found, 20, 1e-14, 0);
}

static void what_no_input_gives_is_told_with_the_limits(void **state)
{
    double found;

    (void) state;
    assert_int_equal(conversion_inverse(&table, &range, 4.1, &found), RC_RANGE);
    assert_non_null(strstr(err_text(), "0 ... 40"));
}

static void without_monotony_there_is_no_inverse(void **state)
{
    double hill[3] = {0, 1, -0.02}, found;
    const struct conversion c = {.kind = CONVERSION_POLYNOMIAL, .n = 3, .out = hill};

    (void) state;
    assert_false(conversion_is_monotone(&c, &range));
    assert_int_equal(conversion_inverse(&c, &range, 5, &found), RC_INPUT);
}

static void each_policy_treats_the_outside_in_its_way(void **state)
{
    struct conversion_range r = {-1, 1, RANGE_CLAMP};
    double input = 3;
    bool clamped;

    (void) state;
    assert_int_equal(conversion_limit(&r, &input, &clamped), RC_OK);
    assert_true(clamped);
    assert_close(input, 1, 0, 0);
    r.policy = RANGE_REJECT;
    input = 3;
    assert_int_equal(conversion_limit(&r, &input, &clamped), RC_RANGE);
    assert_non_null(strstr(err_text(), "3 is outside -1 ... 1"));
    r.policy = RANGE_EXTRAPOLATE;
    assert_int_equal(conversion_limit(&r, &input, &clamped), RC_OK);
    assert_false(clamped);
    assert_close(input, 3, 0, 0);
    input = NAN;
    assert_int_equal(conversion_limit(&r, &input, &clamped), RC_INPUT);
}

static void a_table_that_does_not_increase_is_refused(void **state)
{
    double bad_in[3] = {0, 2, 2}, bad_out[3] = {0, 1, 2}, bad_slope[3];
    struct conversion c = {
        .kind = CONVERSION_TABLE, .n = 3, .in = bad_in, .out = bad_out, .slope = bad_slope};

    (void) state;
    assert_int_equal(conversion_finish(&c), RC_INPUT);
    assert_non_null(strstr(err_text(), "number 3"));
    c.n = 1;
    assert_int_equal(conversion_finish(&c), RC_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_goes_through_its_points_and_stays_monotone),
        cmocka_unit_test(an_inverse_gives_the_input_back),
        cmocka_unit_test(a_falling_conversion_has_an_inverse_too),
        cmocka_unit_test(what_no_input_gives_is_told_with_the_limits),
        cmocka_unit_test(without_monotony_there_is_no_inverse),
        cmocka_unit_test(each_policy_treats_the_outside_in_its_way),
        cmocka_unit_test(a_table_that_does_not_increase_is_refused),
    };

    return cmocka_run_group_tests(tests, make_table, NULL);
}
