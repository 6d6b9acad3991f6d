/* Changed files are noticed once. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "model/engine/watch.h"
#include "tests/support/temp_files.h"

static void a_change_is_told_once(void **state)
{
    struct watch watch = {.n = 0};

    (void) state;
    watch_add(&watch, temp_file("a", "one"));
    watch_add(&watch, "");
    assert_int_equal(watch.n, 1);
    assert_false(watch_changed(&watch));
    temp_file("a", "two, longer");
    assert_true(watch_changed(&watch));
    assert_false(watch_changed(&watch));
}

static void a_replaced_a_removed_and_a_new_file_are_changes(void **state)
{
    struct watch watch = {.n = 0};

    (void) state;
    watch_add(&watch, temp_file("a", "same"));
    watch_add(&watch, temp_path("b"));
    assert_false(watch_changed(&watch));
    temp_file("next", "same");
    assert_int_equal(rename(temp_path("next"), temp_path("a")), 0);
    assert_true(watch_changed(&watch));
    temp_file("b", "new");
    assert_true(watch_changed(&watch));
    unlink(temp_path("a"));
    assert_true(watch_changed(&watch));
    assert_false(watch_changed(&watch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_once),
        cmocka_unit_test(a_replaced_a_removed_and_a_new_file_are_changes),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
