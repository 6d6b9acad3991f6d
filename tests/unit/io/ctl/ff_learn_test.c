/* Tables learned from samples: the function that made them comes back, less its value at the
 * top. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/ff_learn.h"

enum { N_COL = 2, POINTS = 6 };

/* Linear between the points 10, 12, ... 20. */
static double kick(double at)
{
    static const double value[POINTS] = {5e-6, 3e-6, 4e-6, 1e-6, 0.5e-6, 2e-6};
    double place = (at - 10.0) / 2.0;
    unsigned point = place < POINTS - 1 ? (unsigned) place : POINTS - 2;

    return value[point] + (place - point) * (value[point + 1] - value[point]);
}

static void a_piecewise_linear_function_comes_back(void **state)
{
    struct ff_learn learn;

    (void) state;
    assert_int_equal(ff_learn_create(&learn, POINTS, N_COL, 10.0, 20.0), RC_OK);
    for (unsigned k = 0; k <= 5000; k++) {
        double at = 15.0 + 5.0 * sin(0.01 * k), noise = 1e-8 * ((k * 7919) % 11 - 5.0);
        const double u[N_COL] = {kick(at) + noise, 3e-6};

        ff_learn_add(&learn, at, u);
    }
    assert_int_equal(ff_learn_solve(&learn), RC_OK);
    for (unsigned p = 0; p < POINTS; p++) {
        assert_close(ff_learn_position(&learn, p), 10.0 + 2.0 * p, 1e-12, 0);
        assert_close(learn.sum[p * N_COL], kick(10.0 + 2.0 * p) - kick(20.0), 0, 1e-8);
        assert_close(learn.sum[p * N_COL + 1], 0, 0, 1e-15);
    }
    ff_learn_destroy(&learn);
}

static void columns_that_stand_still_are_left_out_of_the_file(void **state)
{
    static const char name[N_COL][ORBIT_NAME_SIZE] = {"HS1", "HS2"};
    struct ff_learn learn;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void) state;
    assert_int_equal(ff_learn_create(&learn, 2, N_COL, 0.0, 1.0), RC_OK);
    for (unsigned k = 0; k <= 10; k++)
        ff_learn_add(&learn, 0.1 * k, (const double[N_COL]){1e-6 * k, 7e-6});
    assert_int_equal(ff_learn_solve(&learn), RC_OK);
    ff_learn_print(&learn, out, "A", "ID1:gap", name, 1e-9);
    fclose(out);
    assert_string_equal(text,
                        "# from 11 records\ntable A ID1:gap\nat 0\nHS1 -1e-05\nat 1\nHS1 0\n");
    free(text);
    ff_learn_destroy(&learn);
}

static void what_cannot_be_learned_is_told(void **state)
{
    const double u[N_COL] = {0};
    struct ff_learn learn;

    (void) state;
    assert_int_equal(ff_learn_create(&learn, 1, N_COL, 0.0, 1.0), RC_RANGE);
    assert_int_equal(ff_learn_create(&learn, 3, N_COL, 1.0, 1.0), RC_RANGE);
    assert_int_equal(ff_learn_create(&learn, 5, N_COL, 0.0, 4.0), RC_OK);
    ff_learn_add(&learn, 0.2, u);
    ff_learn_add(&learn, 0.8, u);
    ff_learn_add(&learn, 3.2, u);
    ff_learn_add(&learn, 3.7, u);
    assert_int_equal(ff_learn_solve(&learn), RC_INPUT);
    assert_non_null(strstr(err_text(), "near 2"));
    ff_learn_destroy(&learn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piecewise_linear_function_comes_back),
        cmocka_unit_test(columns_that_stand_still_are_left_out_of_the_file),
        cmocka_unit_test(what_cannot_be_learned_is_told),
    };

    return cmocka_run_group_tests_name("io/ctl/ff_learn", tests, NULL, NULL);
}
