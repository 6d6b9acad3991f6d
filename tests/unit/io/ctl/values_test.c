/* Quantities as text and JSON. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/values.h"

static const struct orbit_dims dims = {.n_bpm = 2, .n_h = 1, .n_v = 1, .n_rf = 0};
static _Alignas(8) char snapshot[65536];
static struct status_block status;
static struct points_source source;
static struct values values;

static void put_orbit(double x0, double x1)
{
    double *y = (double *) (void *) (snapshot + snapshot_offset_b(&dims, VEC_Y));

    y[0] = x0;
    y[1] = x1;
}

static int setup(void **state)
{
    struct snapshot_head *head = (struct snapshot_head *) (void *) snapshot;

    (void) state;
    head->cycle = 1234567;
    head->t_utc_ns = 5000000000;
    head->rms_x_m = 1.5e-3;
    head->rms_y_m = (double) NAN;
    status.state = STATE_CLOSED;
    source = (struct points_source){.dims = dims, .snapshot = snapshot, .status = &status};
    put_orbit(1e-6, -3e-6);
    return 0;
}

static void find(char *name)
{
    assert_int_equal(values_find(&values, 1, &name), RC_OK);
}

static const char *printed(enum rc *rc)
{
    static char text[512];
    FILE *out = fmemopen(text, sizeof text, "w");

    *rc = value_print(out, values.point[0], &source);
    fclose(out);
    return text;
}

static void a_scalar_is_name_value_unit(void **state)
{
    enum rc rc;
    char name[] = "RMS:X";

    (void) state;
    find(name);
    assert_string_equal(printed(&rc), "RMS:X 1500.000 um\n");
    assert_int_equal(rc, RC_OK);
}

static void a_vector_is_an_element_a_line(void **state)
{
    enum rc rc;
    char name[] = "ORBIT:X";

    (void) state;
    find(name);
    assert_string_equal(printed(&rc), "ORBIT:X[0] 1.00 um\nORBIT:X[1] -3.00 um\n");
}

static void a_choice_is_its_word(void **state)
{
    enum rc rc;
    char name[] = "STATE";

    (void) state;
    find(name);
    assert_string_equal(printed(&rc), "STATE CLOSED\n");
}

static void what_is_not_published_is_told(void **state)
{
    enum rc rc;
    char name[] = "TIME:WAKE:P50";

    (void) state;
    find(name);
    (void) printed(&rc);
    assert_int_equal(rc, RC_GONE);
}

static void unknown_names_are_all_told(void **state)
{
    char *names[] = {(char[]){"NONSENSE"}, (char[]){"RMS:X"}, (char[]){"RMS:Z"}};

    (void) state;
    assert_int_equal(values_find(&values, 3, names), RC_INPUT);
    assert_non_null(strstr(err_text(), "NONSENSE"));
    assert_non_null(strstr(err_text(), "RMS:Z"));
    assert_null(strstr(err_text(), "RMS:X"));
}

static void json_has_numbers_words_arrays_and_null_for_nan(void **state)
{
    char *names[] = {(char[]){"RMS:X"}, (char[]){"RMS:Y"}, (char[]){"STATE"},
                     (char[]){"ORBIT:X"}};
    json_t *root, *all;

    (void) state;
    assert_int_equal(values_find(&values, 4, names), RC_OK);
    root = values_json(&values, &source);
    all = json_object_get(root, "values");
    assert_int_equal(json_integer_value(json_object_get(root, "cycle")), 1234567);
    assert_close(json_number_value(json_object_get(json_object_get(all, "RMS:X"), "value")),
                 1500, 1e-12, 0);
    assert_true(json_is_null(json_object_get(json_object_get(all, "RMS:Y"), "value")));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(all, "STATE"), "value")), "CLOSED");
    assert_int_equal(json_array_size(json_object_get(json_object_get(all, "ORBIT:X"), "value")),
                     2);
    json_decref(root);
}

static void a_cell_of_a_vector_is_rms_and_largest(void **state)
{
    char text[128], name[] = "ORBIT:X";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void) state;
    find(name);
    value_print_short(out, values.point[0], &source);
    fclose(out);
    assert_string_equal(text, "rms 2.24 max 3.00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scalar_is_name_value_unit),
        cmocka_unit_test(a_vector_is_an_element_a_line),
        cmocka_unit_test(a_choice_is_its_word),
        cmocka_unit_test(what_is_not_published_is_told),
        cmocka_unit_test(unknown_names_are_all_told),
        cmocka_unit_test(json_has_numbers_words_arrays_and_null_for_nan),
        cmocka_unit_test(a_cell_of_a_vector_is_rms_and_largest),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
