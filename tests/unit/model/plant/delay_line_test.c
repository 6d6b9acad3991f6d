#include "tests/support/test.h"

#include "model/plant/delay_line.h"

static struct delay_line *line;

static int make(void **state)
{
    const double zero[2] = {0, 0};

    (void) state;
    if (delay_line_create(&line, 2, 3) != RC_OK)
        return 1;
    delay_line_reset(line, zero);
    return 0;
}

static int destroy(void **state)
{
    (void) state;
    delay_line_destroy(line);
    return 0;
}

static void push(double t_s, double value)
{
    const double both[2] = {value, -value};

    delay_line_push(line, t_s, both);
}

static void a_value_holds_from_its_time_on(void **state)
{
    (void) state;
    push(1, 10);
    push(2, 20);
    assert_close(delay_line_at(line, 0.9)[0], 0, 0, 0);
    assert_close(delay_line_at(line, 1)[0], 10, 0, 0);
    assert_close(delay_line_at(line, 1.9)[1], -10, 0, 0);
    assert_close(delay_line_at(line, 5)[0], 20, 0, 0);
}

static void a_full_line_forgets_its_oldest_value(void **state)
{
    (void) state;
    for (int i = 1; i <= 5; i++)
        push(i, 10 * i);
    assert_close(delay_line_at(line, 3.5)[0], 30, 0, 0);
    assert_close(delay_line_at(line, 0)[0], 30, 0, 0);
}

static void the_next_change_is_told(void **state)
{
    (void) state;
    push(1, 10);
    push(2, 20);
    assert_close(delay_line_next_s(line, 0), 1, 0, 0);
    assert_close(delay_line_next_s(line, 1), 2, 0, 0);
    assert_true(delay_line_next_s(line, 2) > 1e300);
}

static void a_reset_forgets_the_past(void **state)
{
    const double value[2] = {7, 8};

    (void) state;
    push(1, 10);
    delay_line_reset(line, value);
    assert_close(delay_line_at(line, -1e9)[1], 8, 0, 0);
    assert_true(delay_line_next_s(line, -1e9) > 1e300);
}

static void sizes_that_make_no_sense_are_refused(void **state)
{
    struct delay_line *none;

    (void) state;
    assert_int_equal(delay_line_create(&none, 0, 3), RC_RANGE);
    assert_int_equal(delay_line_create(&none, 1, 1), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_holds_from_its_time_on, make, destroy),
        cmocka_unit_test_setup_teardown(a_full_line_forgets_its_oldest_value, make, destroy),
        cmocka_unit_test_setup_teardown(the_next_change_is_told, make, destroy),
        cmocka_unit_test_setup_teardown(a_reset_forgets_the_past, make, destroy),
        cmocka_unit_test(sizes_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests_name("model/plant/delay_line", tests, NULL, NULL);
}
