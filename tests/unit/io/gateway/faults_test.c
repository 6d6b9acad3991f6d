#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/gateway/faults.h"
#include "rt/base/clock.h"

static const char *const words[] = {"good again", "gone", "mad"};

static struct faults *faults;
static char *said;

static int set_up(void **state)
{
    (void) state;
    return faults_create(&faults, "PV ", words, 3) == RC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    faults_destroy(faults);
    free(said);
    said = NULL;
    return 0;
}

static size_t add(const char *name)
{
    size_t index;
    assert_int_equal(faults_add(faults, name, &index), RC_OK);
    return index;
}

static const char *report(double t_s)
{
    size_t size;
    free(said);
    FILE *stream = open_memstream(&said, &size);
    assert_non_null(stream);
    faults_report(faults, (int64_t) (t_s * 1e9), stream);
    fclose(stream);
    return said;
}

static void a_fault_is_told_once_and_so_is_its_end(void **state)
{
    (void) state;
    size_t a = add("A");
    assert_string_equal(report(1), "");
    faults_note(faults, a, 1);
    assert_string_equal(report(1), "PV A: gone\n");
    for (int i = 0; i < 100; i++) {
        faults_note(faults, a, 1);
    }
    assert_string_equal(report(60), "");
    assert_int_equal(faults_count(faults), 1);
    faults_note(faults, a, 0);
    assert_string_equal(report(61), "PV A: good again\n");
    assert_int_equal(faults_count(faults), 0);
}

static void many_things_with_one_fault_are_one_line(void **state)
{
    (void) state;
    char name[8];
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "P%d", i);
        faults_note(faults, add(name), i == 7 ? 2 : 1);
    }
    assert_string_equal(report(1), "PV P0, P1, P2, P3, P4 and 2 more: gone\nPV P7: mad\n");
}

static void what_flaps_is_heard_less_and_less_often(void **state)
{
    (void) state;
    size_t a = add("A");
    int lines = 0;
    for (int i = 0; i < 1200; i++) {
        faults_note(faults, a, (unsigned) (i % 2));
        lines += *report(1 + 0.1 * i) != '\0';
    }
    assert_in_range(lines, 4, 12);
    assert_non_null(strstr(report(500), "changes)"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_fault_is_told_once_and_so_is_its_end),
        TEST(many_things_with_one_fault_are_one_line),
        TEST(what_flaps_is_heard_less_and_less_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
