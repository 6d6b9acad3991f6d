#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/endpoints.h"

static char folder[64], path[128];

static int set_up(void **state)
{
    (void) state;
    snprintf(folder, sizeof folder, "/tmp/orbit-endpoints-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/a.endpoints.json", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(path);
    unlink(lock);
    return rmdir(folder);
}

static void write_port(const char *program, long long port)
{
    struct endpoint_field field[] = {{.name = "ca_port", .number = port},
                                     {.name = "prefix", .text = "A:"}};
    assert_int_equal(endpoints_write(path, program, field, 2), RC_OK);
}

static void what_was_written_is_read_until_it_is_taken_away(void **state)
{
    (void) state;
    long long port = 0, pid = 0;
    char text[8];
    assert_false(endpoints_number(path, "one", "ca_port", &port));
    write_port("one", 5);
    write_port("two", 6);
    write_port("one", 7);
    assert_true(endpoints_number(path, "one", "ca_port", &port));
    assert_int_equal(port, 7);
    assert_true(endpoints_number(path, "two", "pid", &pid));
    assert_int_equal(pid, getpid());
    assert_true(endpoints_text(path, "two", "prefix", text, sizeof text));
    assert_string_equal(text, "A:");
    assert_false(endpoints_number(path, "two", "prefix", &port));
    assert_false(endpoints_number(path, "two", "other", &port));
    endpoints_remove(path, "one");
    assert_false(endpoints_number(path, "one", "ca_port", &port));
    assert_true(endpoints_number(path, "two", "ca_port", &port));
}

static void an_entry_of_a_dead_process_counts_as_absent(void **state)
{
    (void) state;
    long long port;
    pid_t child = fork();
    if (child == 0) {
        struct endpoint_field field = {.name = "ca_port", .number = 9};
        _exit(endpoints_write(path, "dead", &field, 1) == RC_OK ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(endpoints_number(path, "dead", "ca_port", &port));
    endpoints_remove(path, "dead"); /* not ours: stays in the file, harmless */
    write_port("one", 5);
    assert_true(endpoints_number(path, "one", "ca_port", &port));
}

static void a_damaged_file_is_replaced(void **state)
{
    (void) state;
    long long port;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{ \"one\": ", file);
    fclose(file);
    assert_false(endpoints_number(path, "one", "ca_port", &port));
    write_port("one", 5);
    assert_true(endpoints_number(path, "one", "ca_port", &port));
}

static void programs_that_write_at_once_lose_nothing(void **state)
{
    (void) state;
    enum { WRITERS = 8, ROUNDS = 25 };
    long long port;
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0) {
            char name[16];
            struct endpoint_field field = {.name = "ca_port", .number = i};
            snprintf(name, sizeof name, "program%d", i);
            for (int k = 0; k < ROUNDS; k++) {
                if (endpoints_write(path, name, &field, 1) != RC_OK ||
                    !endpoints_number(path, name, "ca_port", &port) || port != i) {
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    char text[4096] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    for (int i = 0; i < WRITERS; i++) {
        char name[20];
        snprintf(name, sizeof name, "\"program%d\"", i);
        assert_non_null(strstr(text, name));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read_until_it_is_taken_away),
        TEST(an_entry_of_a_dead_process_counts_as_absent),
        TEST(a_damaged_file_is_replaced),
        TEST(programs_that_write_at_once_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
