#include "tests/support/test.h"

#include "rt/base/rc.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static void the_text_is_made_once_and_context_goes_in_front(void **state)
{
    (void) state;
    assert_int_equal(err_set(RC_INPUT, "line %d is wrong", 7), RC_INPUT);
    assert_int_equal(err_add(RC_INPUT, "file %s", "a.yaml"), RC_INPUT);
    assert_string_equal(err_text(), "file a.yaml: line 7 is wrong");
}

static void a_system_failure_carries_the_reason(void **state)
{
    (void) state;
    errno = ENOENT;
    assert_int_equal(err_sys("open %s", "x"), RC_SYS);
    assert_string_equal(err_text(), "open x: No such file or directory");
}

static void a_long_text_is_cut_and_terminated(void **state)
{
    char longer[5000];

    (void) state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(err_set(RC_INPUT, "%s", longer), RC_INPUT);
    assert_int_equal(err_add(RC_INPUT, "%s", longer), RC_INPUT);
    errno = EIO;
    assert_int_equal(err_sys("%s", longer), RC_SYS);
    assert_true(strlen(err_text()) < sizeof longer - 1);
}

static void *set_other(void *unused)
{
    return err_set(RC_SYS, "of the other thread") == RC_SYS ? unused : NULL;
}

static void each_thread_has_its_own_text(void **state)
{
    pthread_t thread;

    (void) state;
    assert_int_equal(err_set(RC_STATE, "mine"), RC_STATE);
    assert_int_equal(pthread_create(&thread, NULL, set_other, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(err_text(), "mine");
}

static void every_code_has_a_name_and_no_other_number(void **state)
{
    (void) state;
    assert_string_equal(rc_name(RC_OK), "ok");
    assert_string_equal(rc_name(RC_GONE), "gone");
    for (int code = RC_GONE; code <= RC_OK; code++)
        assert_string_not_equal(rc_name((enum rc) code), "unknown");
    assert_string_equal(rc_name((enum rc)(RC_GONE - 1)), "unknown");
    assert_string_equal(rc_name((enum rc) 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_made_once_and_context_goes_in_front),
        cmocka_unit_test(a_system_failure_carries_the_reason),
        cmocka_unit_test(a_long_text_is_cut_and_terminated),
        cmocka_unit_test(each_thread_has_its_own_text),
        cmocka_unit_test(every_code_has_a_name_and_no_other_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
