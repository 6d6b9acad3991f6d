#include "tests/support/test.h"

#include <string.h>

#include "model/engine/external.h"
#include "tests/support/temp_files.h"

static void refuse(const char *text, const char *words)
{
    struct external_matrix matrix;

    assert_int_equal(external_matrix_load(&matrix, temp_file("m.csv", text)), RC_INPUT);
    if (!strstr(err_text(), words))
        fail_msg("'%s' does not say '%s'", err_text(), words);
    assert_null(matrix.value);
}

static void numbers_names_and_remarks_are_told_apart(void **state)
{
    const char *text = "# mm/A\nHS1,HS2,HS3\n1,2.5,-3\n\n 4 , 5e0 ,6\n";
    struct external_matrix matrix;

    (void) state;
    assert_int_equal(external_matrix_load(&matrix, temp_file("m.csv", text)), RC_OK);
    assert_int_equal(matrix.n_row, 2);
    assert_int_equal(matrix.n_col, 3);
    assert_close(matrix.value[1], 2.5, 1e-15, 0);
    assert_close(matrix.value[5], 6, 1e-15, 0);
    external_matrix_free(&matrix);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    (void) state;
    refuse("1,2\n3\n", "m.csv:2: has another number of cells");
    refuse("1,2\n3,nan\n", "m.csv:2: cell 2 is not a finite number");
    refuse("1,2\n3,1e999\n", "cell 2");
    refuse("1,2\n3,x\n", "cell 2");
    refuse("1;2\n", "cell 1");
    refuse("1,2,\n", "cell 3");
    refuse("", "no numbers");
    refuse("names,only\n", "no numbers");
}

static void dead_correctors_and_bpms_are_named(void **state)
{
    (void) state;
    refuse("1,0\n2,0\n", "column 2 is all zeros");
    refuse("1,2\n0,0\n", "row 2 is all zeros");
}

static void a_file_that_is_not_there_is_told(void **state)
{
    struct external_matrix matrix;

    (void) state;
    assert_int_equal(external_matrix_load(&matrix, temp_path("none.csv")), RC_SYS);
    assert_non_null(strstr(err_text(), "none.csv"));
}

static void millimetres_per_ampere_become_metres_per_radian(void **state)
{
    struct corrector_device corrector[3] = {
        {.rad_per_a = -1e-3}, {.rad_per_a = 2e-3}, {.rad_per_a = 5e-4}};
    struct devices devices = {.n_h = 2, .n_v = 1, .corrector = corrector};
    struct external_matrix matrix;

    (void) state;
    assert_int_equal(external_matrix_load(&matrix, temp_file("m.csv", "1,2\n3,4\n")), RC_OK);
    assert_int_equal(external_matrix_to_rad(&matrix, &devices, false, "m.csv"), RC_INPUT);
    assert_non_null(strstr(err_text(), "2 columns, but there are 1 V"));
    assert_int_equal(external_matrix_to_rad(&matrix, &devices, true, "m.csv"), RC_OK);
    assert_close(matrix.value[0], -1, 1e-15, 0);
    assert_close(matrix.value[3], 2, 1e-15, 0);
    external_matrix_free(&matrix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_names_and_remarks_are_told_apart),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(dead_correctors_and_bpms_are_named),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
        cmocka_unit_test(millimetres_per_ampere_become_metres_per_radian),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
