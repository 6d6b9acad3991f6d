#include "tests/support/test.h"

#include "rt/base/clock.h"
#include "rt/sys/timer.h"

enum { PERIOD_NS = 1000000 };

static void no_mode_returns_before_its_deadline(void **state)
{
    (void) state;
    for (int mode = TIMER_SLEEP; mode <= TIMER_EXTERNAL; mode++) {
        struct timer timer = timer_make((enum timer_mode) mode, PERIOD_NS / 10, PERIOD_NS);

        for (int i = 0; i < 5; i++) {
            int64_t deadline_ns = clock_mono_ns() + PERIOD_NS;
            int64_t now_ns = timer_wait_ns(&timer, deadline_ns);

            assert_true(now_ns >= deadline_ns);
            assert_true(clock_mono_ns() >= now_ns);
        }
    }
}

static void a_deadline_that_has_passed_returns_at_once(void **state)
{
    struct timer timer = timer_make(TIMER_HYBRID, PERIOD_NS / 10, PERIOD_NS);
    int64_t deadline_ns = clock_mono_ns() - 1000 * NS_PER_S;

    (void) state;
    assert_true(timer_wait_ns(&timer, deadline_ns) > deadline_ns);
    timer_sleep_until(deadline_ns);
}

static void a_fifth_of_each_period_stays_idle_but_in_spin(void **state)
{
    (void) state;
    assert_int_equal(timer_make(TIMER_HYBRID, 2 * PERIOD_NS, PERIOD_NS).spin_ns,
                     PERIOD_NS * 8 / 10);
    assert_int_equal(timer_make(TIMER_EXTERNAL, 2 * PERIOD_NS, PERIOD_NS).spin_ns,
                     PERIOD_NS * 8 / 10);
    assert_int_equal(timer_make(TIMER_HYBRID, 1000, PERIOD_NS).spin_ns, 1000);
    assert_int_equal(timer_make(TIMER_SLEEP, 1000, PERIOD_NS).spin_ns, 0);
}

static void what_the_work_took_is_taken_from_the_spinning(void **state)
{
    const int64_t period_ns = 20000000;
    struct timer timer = timer_make(TIMER_HYBRID, period_ns, period_ns);
    int64_t began_ns = clock_mono_ns(), deadline_ns = began_ns + period_ns / 2;

    (void) state;
    assert_true(timer_rest_ns(&timer, deadline_ns) >= began_ns + period_ns / 5);
    assert_true(timer_wait_ns(&timer, deadline_ns) >= deadline_ns);
}

static void who_spins_or_sleeps_to_the_end_does_not_rest(void **state)
{
    struct timer spin = timer_make(TIMER_SPIN, 0, PERIOD_NS);
    struct timer sleep = timer_make(TIMER_SLEEP, PERIOD_NS, PERIOD_NS);
    int64_t far_ns = clock_mono_ns() + 1000 * NS_PER_S;

    (void) state;
    assert_true(timer_rest_ns(&spin, far_ns) < far_ns);
    assert_true(timer_rest_ns(&sleep, far_ns) < far_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mode_returns_before_its_deadline),
        cmocka_unit_test(a_deadline_that_has_passed_returns_at_once),
        cmocka_unit_test(what_the_work_took_is_taken_from_the_spinning),
        cmocka_unit_test(who_spins_or_sleeps_to_the_end_does_not_rest),
        cmocka_unit_test(a_fifth_of_each_period_stays_idle_but_in_spin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
