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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mode_returns_before_its_deadline),
        cmocka_unit_test(a_deadline_that_has_passed_returns_at_once),
        cmocka_unit_test(a_fifth_of_each_period_stays_idle_but_in_spin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
