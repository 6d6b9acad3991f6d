/* What the service manager hears, and that only a loop that runs feeds the watchdog. */
#include "tests/support/test.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rt/sys/notify.h"

static int listener;

/* A name of the abstract space: nothing to remove, whatever happens. */
static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];

    (void) state;
    snprintf(name, sizeof name, "@orbitd-notify-test-%d", (int) getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "10000000", 1);
    unsetenv("WATCHDOG_PID");
    return bind(listener, (const struct sockaddr *) &address,
                (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(name)));
}

static int tear_down(void **state)
{
    (void) state;
    close(listener);
    return 0;
}

static void assert_heard(const char *wanted)
{
    char text[1024];
    ssize_t n = recv(listener, text, sizeof text - 1, 0);

    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, wanted);
}

static void assert_silence(void)
{
    char byte;

    assert_int_equal(recv(listener, &byte, 1, 0), -1);
}

static void ready_and_stopping_are_told(void **state)
{
    struct notify notify;

    (void) state;
    notify_open(&notify);
    notify_ready(&notify, "real-time");
    assert_heard("READY=1\nSTATUS=real-time");
    notify_stopping(&notify);
    assert_heard("STOPPING=1");
    notify_close(&notify);
}

static void the_watchdog_is_fed_twice_as_often_as_needed_while_cycles_pass(void **state)
{
    struct notify notify;

    (void) state;
    notify_open(&notify);
    notify_feed(&notify, 1, 100000000000);
    assert_heard("WATCHDOG=1");
    notify_feed(&notify, 2, 104999999999);
    assert_silence();
    notify_feed(&notify, 3, 105000000000);
    assert_heard("WATCHDOG=1");
    notify_close(&notify);
}

static void a_loop_that_stands_still_is_not_fed(void **state)
{
    struct notify notify;

    (void) state;
    notify_open(&notify);
    notify_feed(&notify, 0, 100000000000);
    assert_silence();
    notify_feed(&notify, 7, 100000000000);
    assert_heard("WATCHDOG=1");
    notify_feed(&notify, 7, 200000000000);
    assert_silence();
    notify_close(&notify);
}

static void a_watchdog_of_another_process_is_not_fed(void **state)
{
    struct notify notify;

    (void) state;
    setenv("WATCHDOG_PID", "1", 1);
    notify_open(&notify);
    notify_feed(&notify, 1, 100000000000);
    assert_silence();
    notify_close(&notify);
}

static void without_a_service_manager_nothing_happens(void **state)
{
    struct notify notify;

    (void) state;
    unsetenv("NOTIFY_SOCKET");
    notify_open(&notify);
    notify_ready(&notify, "real-time");
    notify_feed(&notify, 1, 100000000000);
    notify_stopping(&notify);
    assert_silence();
    assert_int_equal(notify.fd, -1);
    notify_close(&notify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ready_and_stopping_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_watchdog_is_fed_twice_as_often_as_needed_while_cycles_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loop_that_stands_still_is_not_fed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_watchdog_of_another_process_is_not_fed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_service_manager_nothing_happens, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
