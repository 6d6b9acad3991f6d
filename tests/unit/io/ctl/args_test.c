/* Options and operands. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <string.h>

#include "io/ctl/args.h"

static char *words[8];
static struct args args;

static void give(int count, ...)
{
    va_list list;

    va_start(list, count);
    for (int i = 0; i < count; i++)
        words[i] = va_arg(list, char *);
    va_end(list);
    args = (struct args){.count = count, .item = words};
}

static void options_are_taken_from_anywhere(void **state)
{
    const char *path = NULL;
    double rate = 1;

    (void) state;
    give(6, "--json", "RMS:X", "--rate", "5", "RMS:Y", "--config=f.yaml");
    assert_true(args_take_flag(&args, "--json"));
    assert_false(args_take_flag(&args, "--json"));
    assert_int_equal(args_take_number(&args, "--rate", 0.1, 10, &rate), RC_OK);
    assert_int_equal(args_take_text(&args, "--config", &path), RC_OK);
    assert_close(rate, 5, 0, 0);
    assert_string_equal(path, "f.yaml");
    assert_int_equal(args.count, 2);
    assert_string_equal(args.item[0], "RMS:X");
    assert_string_equal(args.item[1], "RMS:Y");
    assert_int_equal(args_finish(&args, 1, -1), RC_OK);
}

static void an_option_that_only_begins_alike_is_another(void **state)
{
    const char *path = NULL;

    (void) state;
    give(2, "--configuration", "x");
    assert_int_equal(args_take_text(&args, "--config", &path), RC_OK);
    assert_null(path);
    assert_int_equal(args_finish(&args, 0, -1), RC_INPUT);
    assert_non_null(strstr(err_text(), "--configuration"));
}

static void wrong_values_are_refused_with_the_limit(void **state)
{
    double rate = 7;

    (void) state;
    give(2, "--rate", "fast");
    assert_int_equal(args_take_number(&args, "--rate", 0.1, 10, &rate), RC_INPUT);
    give(2, "--rate", "11");
    assert_int_equal(args_take_number(&args, "--rate", 0.1, 10, &rate), RC_RANGE);
    assert_non_null(strstr(err_text(), "0.1 to 10"));
    give(2, "--rate", "nan");
    assert_int_equal(args_take_number(&args, "--rate", 0.1, 10, &rate), RC_INPUT);
    give(1, "--rate");
    assert_int_equal(args_take_number(&args, "--rate", 0.1, 10, &rate), RC_INPUT);
    assert_close(rate, 7, 0, 0);
}

static void too_many_and_too_few_operands_are_told(void **state)
{
    (void) state;
    give(2, "a", "b");
    assert_int_equal(args_finish(&args, 0, 1), RC_INPUT);
    assert_non_null(strstr(err_text(), "b"));
    assert_int_equal(args_finish(&args, 3, 3), RC_INPUT);
    assert_int_equal(args_finish(&args, 2, 2), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken_from_anywhere),
        cmocka_unit_test(an_option_that_only_begins_alike_is_another),
        cmocka_unit_test(wrong_values_are_refused_with_the_limit),
        cmocka_unit_test(too_many_and_too_few_operands_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
