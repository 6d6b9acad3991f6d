#include "tests/support/test.h"

#include <string.h>

#include "bench/ring/roster.h"

static const char *const name[] = {"BPM01", "BPM02", "7", "BPM04"};

static void parse(const char *text, bool mask[4])
{
    assert_int_equal(roster_parse(text, name, 4, mask), RC_OK);
}

static void devices_are_told_by_name_or_index(void **state)
{
    bool mask[4] = {false};

    (void) state;
    parse("BPM02, 3", mask);
    assert_false(mask[0]);
    assert_true(mask[1]);
    assert_false(mask[2]);
    assert_true(mask[3]);
}

static void a_name_made_of_digits_wins_over_an_index(void **state)
{
    bool mask[4] = {false};

    (void) state;
    parse("7", mask);
    assert_true(mask[2]);
}

static void an_empty_text_and_none_clear_the_list(void **state)
{
    bool mask[4] = {true, true, true, true};

    (void) state;
    parse("", mask);
    for (int i = 0; i < 4; i++)
        assert_false(mask[i]);
    parse("0", mask);
    parse("none", mask);
    assert_false(mask[0]);
}

static void an_unknown_entry_is_named_and_changes_nothing(void **state)
{
    static const char *const wrong[] = {"BPM01 BPM99", "4", "-1", "1x", "BPM0"};
    bool mask[4] = {false, true, false, false};

    (void) state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(roster_parse(wrong[i], name, 4, mask), RC_INPUT);
        assert_false(mask[0]);
        assert_true(mask[1]);
    }
    assert_int_equal(roster_parse("BPM01 BPM99", name, 4, mask), RC_INPUT);
    assert_non_null(strstr(err_text(), "BPM99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_told_by_name_or_index),
        cmocka_unit_test(a_name_made_of_digits_wins_over_an_index),
        cmocka_unit_test(an_empty_text_and_none_clear_the_list),
        cmocka_unit_test(an_unknown_entry_is_named_and_changes_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
