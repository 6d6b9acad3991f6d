/* Lists of processors, and which one a loop takes. */
#include "tests/support/test.h"

#include <string.h>

#include "rt/base/cores.h"

static cpu_set_t set_of(const char *list)
{
    cpu_set_t set;

    assert_true(cores_parse(list, &set));
    return set;
}

static void lists_of_the_kernel_are_understood(void **state)
{
    cpu_set_t set = set_of("0,2-5\n");

    (void) state;
    assert_int_equal(CPU_COUNT(&set), 5);
    assert_true(cores_has(&set, 0) && cores_has(&set, 2) && cores_has(&set, 5));
    assert_false(cores_has(&set, 1) || cores_has(&set, 6));
    set = set_of("");
    assert_int_equal(CPU_COUNT(&set), 0);
}

static void what_is_no_list_is_refused(void **state)
{
    static const char *const bad[] = {"(null)", "1-",    "-3",  "5-2",
                                      "1;2",    "99999", "1,x", "3 4"};
    cpu_set_t set;

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (cores_parse(bad[i], &set))
            fail_msg("'%s' was taken for a list", bad[i]);
}

static void numbers_outside_are_never_in_a_set(void **state)
{
    cpu_set_t set = set_of("0-1023");

    (void) state;
    assert_true(cores_has(&set, 1023));
    assert_false(cores_has(&set, -1));
    assert_false(cores_has(&set, 1024));
}

static void a_printed_list_is_the_shortest_and_never_overruns(void **state)
{
    cpu_set_t set = set_of("0,2,3,4,7");
    char list[16];

    (void) state;
    cores_print(&set, list, sizeof list);
    assert_string_equal(list, "0,2-4,7");
    cores_print(&set, list, 6);
    assert_string_equal(list, "0,2-4");
    cores_print(&set, list, 5);
    assert_string_equal(list, "0");
    CPU_ZERO(&set);
    cores_print(&set, list, sizeof list);
    assert_string_equal(list, "");
}

static void left_to_itself_a_loop_takes_the_last_isolated_processor(void **state)
{
    struct cores cores = {
        .online = set_of("0-3"), .isolated = set_of("1-2,9"), .inherited = set_of("0,3")};

    (void) state;
    assert_int_equal(cores_choose(&cores, -1), 2); /* 9 is isolated but not online */
    CPU_ZERO(&cores.isolated);
    assert_int_equal(cores_choose(&cores, -1), 3);
    CPU_ZERO(&cores.inherited);
    assert_int_equal(cores_choose(&cores, -1), -1);
}

static void what_was_asked_for_is_taken(void **state)
{
    const struct cores cores = {
        .online = set_of("0-3"), .isolated = set_of("2"), .inherited = set_of("0-1,3")};

    (void) state;
    assert_int_equal(cores_choose(&cores, 0), 0);
    assert_int_equal(cores_choose(&cores, 700), 700); /* refused where it is asked for */
}

static void this_host_has_a_processor_online(void **state)
{
    struct cores cores;

    (void) state;
    cores_read(&cores);
    assert_true(CPU_COUNT(&cores.online) >= 1);
    assert_true(CPU_COUNT(&cores.inherited) >= 1);
    assert_true(cores_has(&cores.online, cores_choose(&cores, -1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_the_kernel_are_understood),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(numbers_outside_are_never_in_a_set),
        cmocka_unit_test(a_printed_list_is_the_shortest_and_never_overruns),
        cmocka_unit_test(left_to_itself_a_loop_takes_the_last_isolated_processor),
        cmocka_unit_test(what_was_asked_for_is_taken),
        cmocka_unit_test(this_host_has_a_processor_online),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
