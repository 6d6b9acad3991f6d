#include "tests/support/test.h"

#include "io/epics/pace.h"

enum { MS = 1000000 };

/* Counts frames at a period with some jitter; returns the last number. */
static uint64_t count(struct pace_counter *pace, int64_t *t_ns, int64_t period_ns, int n)
{
    uint64_t seq = 0;
    for (int i = 0; i < n; i++) {
        *t_ns += period_ns + (i % 3 - 1) * period_ns / 10;
        seq = pace_count(pace, *t_ns);
    }
    return seq;
}

static void frames_in_time_are_counted_one_by_one(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    int64_t t_ns = 1000 * MS;
    assert_int_equal(count(&pace, &t_ns, MS, 1000), 1000);
}

static void missing_frames_leave_a_gap_of_their_number(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    int64_t t_ns = 0;
    uint64_t seq = count(&pace, &t_ns, MS, 100);
    t_ns += 3 * MS;
    assert_int_equal(count(&pace, &t_ns, MS, 1), seq + 4);
    assert_int_equal(count(&pace, &t_ns, MS, 100), seq + 104);
}

/* Each stamp in three is late by 0.6 periods: the next one looks early, and nothing is lost. */
static void late_stamps_do_not_add_up_to_losses(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    uint64_t seq = 0;
    for (int64_t i = 1; i <= 3000; i++) {
        seq = pace_count(&pace, i * MS + (i > 100 && i % 3 == 0 ? 6 * MS / 10 : 0));
    }
    assert_in_range(seq, 3000, 3001);
}

static void losses_among_jitter_are_still_counted(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    uint64_t seq = 0;
    for (int64_t i = 1; i <= 3000; i++) {
        if (i > 100 && i % 10 == 7) {
            continue;
        }
        seq = pace_count(&pace, i * MS + (i % 5) * MS / 10);
    }
    assert_in_range(seq, 2999, 3001);
}

static void a_slow_drift_of_the_rate_is_no_loss(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    int64_t t_ns = 0;
    uint64_t n = count(&pace, &t_ns, MS, 100);
    for (int i = 0; i < 2000; i++) {
        n++;
        assert_int_equal(count(&pace, &t_ns, MS + i * 5, 1), n);
    }
}

static void a_source_that_comes_back_with_another_rate_is_learnt_anew(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    int64_t t_ns = 0;
    count(&pace, &t_ns, MS, 100);
    t_ns += 20000 * (int64_t) MS;
    uint64_t before = count(&pace, &t_ns, 10 * MS, 60);
    assert_int_equal(count(&pace, &t_ns, 10 * MS, 100), before + 100);
}

static void a_time_that_stands_still_counts_one(void **state)
{
    (void) state;
    struct pace_counter pace = {0};
    int64_t t_ns = 0;
    uint64_t seq = count(&pace, &t_ns, MS, 50);
    assert_int_equal(pace_count(&pace, t_ns), seq + 1);
    assert_int_equal(pace_count(&pace, t_ns - 5 * MS), seq + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_in_time_are_counted_one_by_one),
        cmocka_unit_test(missing_frames_leave_a_gap_of_their_number),
        cmocka_unit_test(late_stamps_do_not_add_up_to_losses),
        cmocka_unit_test(losses_among_jitter_are_still_counted),
        cmocka_unit_test(a_slow_drift_of_the_rate_is_no_loss),
        cmocka_unit_test(a_source_that_comes_back_with_another_rate_is_learnt_anew),
        cmocka_unit_test(a_time_that_stands_still_counts_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
