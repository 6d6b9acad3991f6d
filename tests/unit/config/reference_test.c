#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/reference.h"

static struct bpm_device bpm[3] = {{.name = "A"}, {.name = "B"}, {.name = "C"}};
static const struct devices devices = {.n_bpm = 3, .bpm = bpm};
static double reference_m[6];
static char path[64];

static enum rc load(const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    return reference_load(reference_m, &devices, path);
}

static int make_path(void **state)
{
    int file;

    (void) state;
    snprintf(path, sizeof path, "/tmp/orbit-reference-XXXXXX");
    file = mkstemp(path);
    return file < 0 || close(file) != 0;
}

static int remove_path(void **state)
{
    (void) state;
    return unlink(path);
}

static void positions_are_read_x_then_y(void **state)
{
    (void) state;
    assert_int_equal(load("# by alignment\n\nC 1e-3 -2e-3 # kept\n\tA\t0.5e-6 0\r\n"), RC_OK);
    assert_close(reference_m[0], 0.5e-6, 1e-15, 0);
    assert_close(reference_m[2], 1e-3, 1e-15, 0);
    assert_close(reference_m[5], -2e-3, 1e-15, 0);
    assert_close(reference_m[1], 0, 0, 0);
    assert_close(reference_m[4], 0, 0, 0);
}

static void a_comment_may_be_longer_than_any_buffer(void **state)
{
    char text[5000];

    (void) state;
    memset(text, 'A', sizeof text);
    text[0] = '#';
    snprintf(text + 4000, 1000, "\nB 1e-3 0\n");
    assert_int_equal(load(text), RC_OK);
    assert_close(reference_m[1], 1e-3, 1e-15, 0);
}

static void a_faulty_line_is_named(void **state)
{
    static const struct {
        const char *text, *fault;
    } table[] = {
        {"A 0 0\nX 0 0\n", "2: there is no BPM 'X'"},
        {"A 0 0\nA 0 0\n", "2: A is there twice"},
        {"A 0\n", "1: 'BPM x_m y_m' is expected"},
        {"A 0 0 0\n", "1: 'BPM x_m y_m' is expected"},
        {"A nan 0\n", "1: A: a number in m is expected, not 'nan'"},
        {"A 0 0x1\n", "1: A: a number in m is expected, not '0x1'"},
        {"A 0 1mm\n", "1: A: a number in m is expected, not '1mm'"},
        {"# a\n\nA 0.2 0\n", "3: A: 0.2 m is beyond 0.1 m"},
        {"A 1e999 0\n", "1: A: 1e999 m is beyond 0.1 m"},
    };
    char want[160];

    (void) state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(load(table[i].text), RC_INPUT);
        snprintf(want, sizeof want, "%s:%s", path, table[i].fault);
        assert_string_equal(err_text(), want);
    }
}

static void what_cannot_be_read_is_not_a_zero_orbit(void **state)
{
    (void) state;
    assert_int_equal(reference_load(reference_m, &devices, "/nowhere/r.txt"), RC_SYS);
    assert_string_equal(err_text(),
                        "reference orbit /nowhere/r.txt: No such file or directory");
    assert_int_equal(reference_load(reference_m, &devices, "/"), RC_SYS);
    assert_string_equal(err_text(), "reference orbit /: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_read_x_then_y),
        cmocka_unit_test(a_comment_may_be_longer_than_any_buffer),
        cmocka_unit_test(a_faulty_line_is_named),
        cmocka_unit_test(what_cannot_be_read_is_not_a_zero_orbit),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
