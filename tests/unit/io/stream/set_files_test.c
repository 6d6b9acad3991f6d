/* Which files of parameter sets go, and which stay. */
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/stream/set_files.h"
#include "rt/base/clock.h"
#include "tests/support/temp_files.h"

enum { HOUR_S = 3600 };

static int64_t now_ns;

static void make_set(const char *name, int64_t age_s)
{
    const struct timespec time = {.tv_sec = now_ns / NS_PER_S - age_s};
    char path[64];

    snprintf(path, sizeof path, "sets/%s.set", name);
    assert_int_equal(
        utimensat(AT_FDCWD, temp_file(path, name), (struct timespec[2]){time, time}, 0), 0);
}

/* Names that do not sort by time: the time alone counts. */
static int make_sets(void **state)
{
    int rc = temp_files_setup(state);

    now_ns = clock_utc_ns();
    mkdir(temp_path("sets"), 0700);
    make_set("d", 5 * HOUR_S);
    make_set("b", 3 * HOUR_S);
    make_set("c", 2 * HOUR_S);
    make_set("a", HOUR_S / 2);
    return rc;
}

static int there(const char *name)
{
    return access(temp_path(name), F_OK) == 0;
}

static void sets_out_of_use_for_an_hour_go(void **state)
{
    (void) state;
    assert_int_equal(set_files_trim(temp_files_folder(), now_ns), 2);
    assert_false(there("sets/d.set")); /* until b came, 3 h ago */
    assert_false(there("sets/b.set"));
    assert_true(there("sets/c.set")); /* until half an hour ago */
    assert_true(there("sets/a.set"));
    assert_int_equal(set_files_trim(temp_files_folder(), now_ns), 0);
}

static void the_newest_stays_however_old(void **state)
{
    (void) state;
    assert_int_equal(set_files_trim(temp_files_folder(), now_ns + 1000 * HOUR_S * NS_PER_S), 3);
    assert_true(there("sets/a.set"));
}

static void what_the_oldest_segment_may_use_stays(void **state)
{
    (void) state;
    mkdir(temp_path("continuous"), 0700);
    temp_file("continuous/00000000000000000007.seg", "");
    assert_int_equal(set_files_trim(temp_files_folder(), now_ns + 1000 * HOUR_S * NS_PER_S), 2);
    assert_true(there("sets/c.set"));
    assert_true(there("sets/a.set"));
}

static void other_files_stay(void **state)
{
    (void) state;
    temp_file("sets/notes.txt", "");
    assert_int_equal(set_files_trim(temp_files_folder(), now_ns + 1000 * HOUR_S * NS_PER_S), 3);
    assert_true(there("sets/notes.txt"));
}

static void without_a_folder_nothing_happens(void **state)
{
    (void) state;
    assert_int_equal(set_files_trim(temp_path("nowhere"), now_ns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sets_out_of_use_for_an_hour_go, make_sets,
                                        temp_files_teardown),
        cmocka_unit_test_setup_teardown(the_newest_stays_however_old, make_sets,
                                        temp_files_teardown),
        cmocka_unit_test_setup_teardown(what_the_oldest_segment_may_use_stays, make_sets,
                                        temp_files_teardown),
        cmocka_unit_test_setup_teardown(other_files_stay, make_sets, temp_files_teardown),
        cmocka_unit_test_setup_teardown(without_a_folder_nothing_happens, make_sets,
                                        temp_files_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
