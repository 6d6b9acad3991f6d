#include "tests/support/test.h"

#include "io/gateway/setpoint.h"

/* 1 mrad/A wired the wrong way round, 1 A, steps of 1 mA. */
static struct setpoint fresh(void)
{
    return (struct setpoint){.kick_per_unit = -1e-3, .limit = 1, .step = 1e-3};
}

static void a_kick_becomes_whole_steps_within_the_limit(void **state)
{
    (void) state;
    struct setpoint s = fresh();
    double value;
    assert_true(setpoint_is_due(&s, -0.10061e-3, 0, &value));
    assert_close(value, 0.101, 0, 1e-15);
    assert_false(s.clamped);
    assert_true(setpoint_is_due(&s, 5e-3, 0, &value));
    assert_close(value, -1, 0, 0);
    assert_true(s.clamped);
}

static void less_than_half_a_step_nan_and_an_unknown_device_are_not_written(void **state)
{
    (void) state;
    struct setpoint s = fresh();
    double value;
    assert_false(setpoint_is_due(&s, -0.1004e-3, 0.1, &value));
    assert_true(setpoint_is_due(&s, -0.1006e-3, 0.1, &value));
    assert_false(setpoint_is_due(&s, (double) NAN, 0.1, &value));
    assert_false(setpoint_is_due(&s, 0.3e-3, (double) NAN, &value));
}

static void what_we_wrote_counts_not_what_is_still_seen(void **state)
{
    (void) state;
    struct setpoint s = fresh();
    double value;
    assert_true(setpoint_is_due(&s, -0.2e-3, 0.1, &value));
    setpoint_note(&s, value, 0.1);
    assert_false(setpoint_is_due(&s, -0.2e-3, 0.1, &value));
    setpoint_watch(&s, 0.1, true);
    assert_false(s.foreign);
    setpoint_watch(&s, 0.1, false);
    assert_true(s.foreign);
}

static void another_value_is_foreign_until_forgotten(void **state)
{
    (void) state;
    struct setpoint s = fresh();
    double value;
    setpoint_watch(&s, 0.7, false);
    assert_false(s.foreign);
    assert_true(setpoint_is_due(&s, -0.2e-3, 0.1, &value));
    setpoint_note(&s, value, 0.1);
    setpoint_watch(&s, 0.2014, false);
    assert_false(s.foreign);
    setpoint_watch(&s, 0.2016, true);
    assert_true(s.foreign);
    assert_false(setpoint_is_due(&s, -0.3e-3, 0.2, &value));
    setpoint_forget(&s);
    assert_false(s.foreign);
    assert_true(setpoint_is_due(&s, -0.3e-3, 0.2016, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kick_becomes_whole_steps_within_the_limit),
        cmocka_unit_test(less_than_half_a_step_nan_and_an_unknown_device_are_not_written),
        cmocka_unit_test(what_we_wrote_counts_not_what_is_still_seen),
        cmocka_unit_test(another_value_is_foreign_until_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
