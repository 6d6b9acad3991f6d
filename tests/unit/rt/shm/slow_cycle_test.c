#include "tests/support/test.h"

#include "rt/shm/slow_cycle.h"

static struct slow_cycle took(uint64_t cycle, uint64_t wake_ns, uint64_t cycle_ns)
{
    return (struct slow_cycle){.cycle = cycle,
                               .t_utc_ns = 5,
                               .phase_ns = {[PHASE_WAKE] = wake_ns, [PHASE_CYCLE] = cycle_ns}};
}

static void entries_come_slowest_first_and_empty_ones_not_at_all(void **state)
{
    static struct status_block status;
    struct slow_cycle list[ORBIT_WORST_CYCLES];
    struct slow_cycle a = took(1, 10, 10), b = took(2, 15, 10), c = took(3, 0, 18), none = {0};

    (void) state;
    assert_int_equal(slow_cycles_read(&status, list), 0);
    slow_cycle_write(&status.worst[0], 1, &a);
    slow_cycle_write(&status.worst[7], 2, &b);
    slow_cycle_write(&status.worst[15], 3, &c);
    assert_int_equal(slow_cycles_read(&status, list), 3);
    assert_int_equal(list[0].cycle, 2);
    assert_int_equal(list[1].cycle, 1);
    assert_int_equal(list[2].cycle, 3);
    assert_int_equal(list[2].t_utc_ns, 5);
    slow_cycle_write(&status.worst[7], 4, &none);
    assert_int_equal(slow_cycles_read(&status, list), 2);
}

static void an_entry_under_way_is_left_out(void **state)
{
    static struct status_block status;
    struct slow_cycle list[ORBIT_WORST_CYCLES], a = took(1, 10, 10);

    (void) state;
    slow_cycle_write(&status.worst[0], 1, &a);
    slow_cycle_write(&status.worst[1], 2, &a);
    status.worst[1].before = 3; /* the loop was stopped there */
    assert_int_equal(slow_cycles_read(&status, list), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_slowest_first_and_empty_ones_not_at_all),
        cmocka_unit_test(an_entry_under_way_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
