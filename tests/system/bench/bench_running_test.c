/* The parts of orbitctl bench that watch a running set: what they report, and that nothing is
 * left behind. Figures are not judged here. */
#include "tests/support/test.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>

#include "tests/support/temp_files.h"

static char output[32768];

static int bench(const char *words)
{
    char command[2048];
    FILE *pipe;
    size_t n;
    int status;

    snprintf(command, sizeof command, "TMPDIR=%s %s bench %s 2>&1", temp_files_folder(),
             ORBITCTL, words);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static json_t *report_of(const char *words)
{
    char all[2048];
    json_t *report;

    snprintf(all, sizeof all, "%s --json %s", words, temp_path("report.json"));
    if (bench(all) != 0)
        fail_msg("bench %s: %s", words, output);
    report = json_load_file(temp_path("report.json"), 0, NULL);
    assert_non_null(report);
    return report;
}

static double number(const json_t *object, const char *key)
{
    if (!json_is_number(json_object_get(object, key)))
        fail_msg("no number %s", key);
    return json_number_value(json_object_get(object, key));
}

static void check_windows(const json_t *windows)
{
    size_t i;
    json_t *window;

    assert_int_equal(json_array_size(windows), 2);
    json_array_foreach(windows, i, window)
    {
        assert_true(number(window, "cycles") > 10);
        assert_true(number(window, "missed_fraction") >= 0 &&
                    number(window, "missed_fraction") < 1);
        assert_true(number(window, "compute_p50_us") > 0);
        assert_true(number(window, "compute_p99_us") >= number(window, "compute_p50_us"));
        assert_true(number(window, "voluntary_switches_per_cycle") > 0.1);
        assert_true(number(window, "faults") >= 0);
    }
}

/* Counted one by one, or the reason why not; per cycle there is one for the timer. */
static void check_calls(const json_t *calls)
{
    if (json_is_string(calls))
        return;
    assert_true(number(calls, "clock_nanosleep") > 0.5 && number(calls, "clock_nanosleep") < 3);
    assert_true(number(calls, "futex") >= 0);
}

static void assert_nothing_left(void)
{
    DIR *folder = opendir(temp_files_folder());
    char path[300], comm[64];
    FILE *file;

    for (struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, "orbit-bench-", 12) == 0)
            fail_msg("left behind: the folder %s", entry->d_name);
    closedir(folder);
    folder = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (!file)
            continue;
        if (fgets(comm, sizeof comm, file) && strcmp(comm, "orbit-load\n") == 0)
            fail_msg("left behind: process %s, %s", entry->d_name, comm);
        fclose(file);
    }
    closedir(folder);
}

static void a_loop_is_watched_bare_and_loaded(void **state)
{
    static const char *const loads[] = {"ca", "archive", "fork"};
    json_t *report =
        report_of("disturb --quick --rounds 2 --seconds 1 --priority 0 --load ca,archive,fork");
    const json_t *result = json_object_get(report, "disturb");
    const json_t *events = json_object_get(result, "events_per_s");

    (void) state;
    check_windows(json_object_get(result, "bare"));
    check_windows(json_object_get(result, "loaded"));
    assert_int_equal(json_object_size(events), 3);
    for (int i = 0; i < 3; i++)
        assert_true(number(events, loads[i]) > 1);
    check_calls(json_object_get(result, "system_calls_bare"));
    check_calls(json_object_get(result, "system_calls_loaded"));
    assert_int_equal(json_array_size(json_object_get(report, "budgets")), 4);
    assert_non_null(strstr(output, "not judged: no SCHED_FIFO"));
    json_decref(report);
    assert_nothing_left();
}

/* Here figures are judged that have nothing to do with speed. */
static void
after_kills_and_stops_nothing_is_written_late_and_the_loop_closes_again(void **state)
{
    json_t *report = report_of("storm --quick --rounds 5 --seed 3 --priority 0"), *blow;
    const json_t *result = json_object_get(report, "storm");
    size_t i;

    (void) state;
    assert_true(number(result, "seed") == 3);
    assert_non_null(strstr(output, "storm: seed 3\n"));
    assert_int_equal(json_array_size(json_object_get(result, "blows")), 5);
    json_array_foreach(json_object_get(result, "blows"), i, blow)
    {
        const json_t *late = json_object_get(blow, "writes_after_expiry");

        assert_true(json_is_true(json_object_get(blow, "recovered")));
        assert_true(number(blow, "recovery_s") < 60);
        assert_true(number(blow, "quiet_cycles") > 0);
        assert_true(json_is_null(late) || json_number_value(late) == 0);
    }
    json_decref(report);
    assert_nothing_left();
}

static void an_unknown_load_is_refused(void **state)
{
    (void) state;
    assert_int_equal(bench("disturb --load ca,earthquake"), 2);
    assert_non_null(strstr(output, "earthquake"));
    assert_int_equal(bench("disturb --load ca,"), 2);
    assert_int_equal(bench("disturb --load ,ca"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_is_watched_bare_and_loaded),
        cmocka_unit_test(
            after_kills_and_stops_nothing_is_written_late_and_the_loop_closes_again),
        cmocka_unit_test(an_unknown_load_is_refused),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
