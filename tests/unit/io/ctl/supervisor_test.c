/* Children of `orbitctl run`, played by shell scripts. */
#include "tests/support/test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/ctl/supervisor.h"
#include "rt/base/clock.h"
#include "tests/support/temp_files.h"

static struct child children[2];

static struct child make_child(const char *name, const char *script)
{
    struct child child = {.name = name, .config_path = temp_files_folder(), .out = -1};

    snprintf(child.path, sizeof child.path, "%s", temp_file(name, script));
    assert_int_equal(chmod(child.path, 0700), 0);
    return child;
}

/* What the scripts wrote into a file of the folder that they get as --config. */
static const char *written(const char *name)
{
    static char text[512];
    FILE *file = fopen(temp_path(name), "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;

    text[n] = '\0';
    if (file)
        fclose(file);
    return text;
}

static void remove_all(void)
{
    static const char *const names[] = {"log", "pid", "pidfirst", "pidsecond", "a", "b"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(temp_path(names[i]));
}

static void back_off_doubles_and_is_forgotten_after_a_good_life(void **state)
{
    int64_t wait_ns = 0, sum_ns = 0;

    (void) state;
    for (int i = 0; i < 10; i++) {
        wait_ns = child_next_backoff_ns(0, wait_ns);
        assert_true(wait_ns <= CHILD_BACKOFF_MOST_NS);
        sum_ns += i < 3 ? wait_ns : 0;
    }
    assert_int_equal(sum_ns, 7 * CHILD_BACKOFF_FIRST_NS);
    assert_int_equal(wait_ns, CHILD_BACKOFF_MOST_NS);
    assert_int_equal(child_next_backoff_ns(CHILD_LIVED_NS, wait_ns), CHILD_BACKOFF_FIRST_NS);
}

/* Long enough for any machine: the scripts themselves ask for the end. */
static const double safety_s = 60;

static void a_dead_child_is_restarted_and_its_config_handed_over(void **state)
{
    (void) state;
    remove_all();
    children[0] = make_child("a", "#!/bin/sh\necho \"$1\" >> \"$2/log\"\n"
                                  "[ $(wc -l < \"$2/log\") -lt 3 ] || kill -TERM $PPID\n"
                                  "exit 3\n");
    assert_int_equal(supervisor_run(children, 1, safety_s), RC_OK);
    assert_string_equal(written("log"), "--config\n--config\n--config\n");
    assert_int_equal(children[0].restarts, 2);
    assert_int_equal(children[0].pid, 0);
}

/* Each is ready when its file is there; the second one then asks for the end. */
static void children_stop_in_reverse_order(void **state)
{
    static const char script[] = "#!/bin/sh\n"
                                 "trap 'echo %s >> \"$2/log\"; exit 0' TERM\n"
                                 "touch \"$2/pid%s\"\n"
                                 "%s\n"
                                 "while :; do sleep 0.02; done\n";
    static const char ask[] = "while [ ! -e \"$2/pidfirst\" ]; do sleep 0.02; done\n"
                              "kill -TERM $PPID";
    char text[512];

    (void) state;
    remove_all();
    snprintf(text, sizeof text, script, "first", "first", "");
    children[0] = make_child("a", text);
    snprintf(text, sizeof text, script, "second", "second", ask);
    children[1] = make_child("b", text);
    assert_int_equal(supervisor_run(children, 2, safety_s), RC_OK);
    assert_string_equal(written("log"), "second\nfirst\n");
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* A grandchild that detached itself, as a caRepeater does, ends with the set. */
static void what_children_leave_behind_ends_too(void **state)
{
    pid_t left;

    (void) state;
    remove_all();
    children[0] =
        make_child("a", "#!/bin/sh\n"
                        "(setsid sleep 1000 > /dev/null 2>&1 & echo $! > \"$2/pid\")\n"
                        "kill -TERM $PPID\n"
                        "exec sleep 1000\n");
    assert_int_equal(supervisor_run(children, 1, safety_s), RC_OK);
    left = (pid_t) strtol(written("pid"), NULL, 10);
    assert_true(left > 0);
    assert_true(is_gone(left));
}

static void a_child_that_was_there_before_is_left_alone(void **state)
{
    pid_t other = fork();

    (void) state;
    if (other == 0) {
        pause();
        _exit(0);
    }
    remove_all();
    children[0] = make_child("a", "#!/bin/sh\nexec sleep 1000\n");
    assert_int_equal(supervisor_run(children, 1, 0.1), RC_OK);
    assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
}

static void a_child_that_does_not_stop_is_killed(void **state)
{
    int64_t from_ns;

    (void) state;
    remove_all();
    children[0] = make_child("a", "#!/bin/sh\ntrap '' TERM\nkill -TERM $PPID\n"
                                  "while :; do sleep 0.05; done\n");
    from_ns = clock_mono_ns();
    assert_int_equal(supervisor_run(children, 1, safety_s), RC_OK);
    assert_true(clock_mono_ns() - from_ns >= 3 * NS_PER_S);
    assert_int_equal(children[0].pid, 0);
}

static void a_program_that_cannot_be_executed_is_tried_again(void **state)
{
    (void) state;
    remove_all();
    children[0] = make_child("a", "#!/nonexistent/interpreter\n");
    assert_int_equal(supervisor_run(children, 1, 2), RC_OK);
    assert_true(children[0].restarts >= 1);
}

/* The set dies with its parent, however that ends. */
static void children_die_with_a_killed_parent(void **state)
{
    pid_t parent, child = 0;
    int64_t until_ns;

    (void) state;
    remove_all();
    children[0] = make_child("a", "#!/bin/sh\necho $$ > \"$2/log\"\nexec sleep 1000\n");
    parent = fork();
    if (parent == 0) {
        (void) !supervisor_run(children, 1, 0);
        _exit(0);
    }
    until_ns = clock_mono_ns() + 5 * NS_PER_S;
    while (child <= 0 && clock_mono_ns() < until_ns)
        child = (pid_t) strtol(written("log"), NULL, 10);
    assert_true(child > 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    until_ns = clock_mono_ns() + 5 * NS_PER_S;
    for (bool gone = false; !gone; usleep(1000)) {
        char path[64], line[256] = "";
        FILE *file;

        snprintf(path, sizeof path, "/proc/%d/stat", (int) child);
        file = fopen(path, "re");
        gone = !file || !fgets(line, sizeof line, file) || strstr(line, ") Z");
        if (file)
            fclose(file);
        if (clock_mono_ns() > until_ns)
            fail_msg("pid %d lives on", (int) child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_off_doubles_and_is_forgotten_after_a_good_life),
        cmocka_unit_test(a_dead_child_is_restarted_and_its_config_handed_over),
        cmocka_unit_test(children_stop_in_reverse_order),
        cmocka_unit_test(what_children_leave_behind_ends_too),
        cmocka_unit_test(a_child_that_was_there_before_is_left_alone),
        cmocka_unit_test(a_child_that_does_not_stop_is_killed),
        cmocka_unit_test(a_program_that_cannot_be_executed_is_tried_again),
        cmocka_unit_test(children_die_with_a_killed_parent),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
