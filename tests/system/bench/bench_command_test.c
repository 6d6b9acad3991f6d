/* orbitctl bench as its user has it: one command, its file, its plots, its refusals. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <jansson.h>

#include "tests/support/temp_files.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

static char output[32768];

static int bench(const char *words)
{
    char command[2048];
    FILE *pipe;
    size_t n;
    int status;

    snprintf(command, sizeof command, "%s bench %s 2>&1", ORBITCTL, words);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void must_say(const char *text)
{
    if (!strstr(output, text))
        fail_msg("not said: '%s', but: %s", text, output);
}

static void check_svg(const char *name)
{
    static char svg[200000];
    FILE *file = fopen(temp_path(name), "re");
    size_t n;

    if (!file)
        fail_msg("no plot %s", name);
    n = fread(svg, 1, sizeof svg - 1, file);
    fclose(file);
    svg[n] = '\0';
    assert_true(n > 2000 && n < sizeof svg - 1);
    assert_memory_equal(svg, "<?xml", 5);
    assert_non_null(strstr(svg, "<svg "));
    assert_string_equal(svg + n - 7, "</svg>\n");
    assert_null(strstr(svg, "nan"));
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void one_command_measures_judges_and_draws(void **state)
{
    char words[1024];
    json_t *report, *row;
    size_t i;

    (void) state;
    snprintf(words, sizeof words,
             "matvec --quick --rounds 1 --priority 0 --json %s --plot %s/plots",
             temp_path("report.json"), temp_files_folder());
    assert_int_equal(bench(words), DONE);
    must_say("Host: ");
    must_say("788x560");
    must_say("Verdicts");
    must_say("1 plots in ");
    check_svg("plots/products.svg");
    report = json_load_file(temp_path("report.json"), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "matvec")), 12);
    json_array_foreach(json_object_get(report, "matvec"), i, row)
    {
        assert_true(number(row, "hot_vs_bound") > 0.05 && number(row, "hot_vs_bound") < 50);
        assert_true(number(row, "hot_vs_openblas") > 0.02);
    }
    json_decref(report);
}

/* Two rates of two modes, and a cycle: drawn without measuring. */
static const char kept[] =
    "{\"utc\": \"2026-01-01T00:00:00Z\", \"host\": {\"cpu\": \"a CPU\", \"n_cpu\": 4},"
    "\"wake\": ["
    "{\"rate_hz\": 1000, \"mode\": \"sleep\", \"own\": {\"p50_us\": 13, \"p99_us\": 20},"
    " \"cyclictest\": null},"
    "{\"rate_hz\": 10000, \"mode\": \"hybrid\", \"own\": {\"p50_us\": 0, \"p99_us\": 0.03}},"
    "{\"rate_hz\": 10000, \"mode\": \"sleep\", \"own\": {\"p50_us\": 12, \"p99_us\": 24},"
    " \"cyclictest\": {\"p50_us\": 12, \"p99_us\": 25}}],"
    "\"cycle\": [{\"phases\": {\"ingest\": {\"p50_us\": 1}, \"cycle\": {\"p50_us\": 2}}}],"
    "\"disturb\": {\"bare\": [{\"compute_p99_us\": 12}, {\"compute_p99_us\": 14}],"
    " \"loaded\": [{\"compute_p99_us\": 13}]}}";

static void a_report_that_was_kept_is_drawn_again(void **state)
{
    char words[1024];

    (void) state;
    temp_file("kept.json", kept);
    snprintf(words, sizeof words, "--from %s --plot %s/again", temp_path("kept.json"),
             temp_files_folder());
    assert_int_equal(bench(words), DONE);
    must_say("3 plots in ");
    check_svg("again/wakeup.svg");
    check_svg("again/cycle.svg");
    check_svg("again/disturb.svg");
}

static void what_cannot_be_drawn_is_said(void **state)
{
    char words[1024];

    (void) state;
    temp_file("empty.json",
              "{\"wake\": [{\"rate_hz\": \"often\", \"own\": []}], \"cycle\": 7}");
    snprintf(words, sizeof words, "--from %s --plot %s/none", temp_path("empty.json"),
             temp_files_folder());
    assert_int_equal(bench(words), FAILED);
    must_say("nothing to draw");
    temp_file("broken.json", "{\"wake\": [");
    snprintf(words, sizeof words, "--from %s --plot %s/none", temp_path("broken.json"),
             temp_files_folder());
    assert_int_equal(bench(words), FAILED);
    must_say("broken.json:1:");
}

static void wrong_words_are_refused_before_anything_is_measured(void **state)
{
    (void) state;
    assert_int_equal(bench("nonsense"), USAGE);
    must_say("there is no such part");
    assert_int_equal(bench("--only"), USAGE);
    assert_int_equal(bench("--pairs 0"), USAGE);
    assert_int_equal(bench("--quick extra"), USAGE);
    assert_int_equal(bench("--json"), USAGE);
    assert_int_equal(bench("--from report.json"), USAGE);
    must_say("--plot");
    assert_int_equal(bench("--quick --plot /dev/null/plots"), FAILED);
    assert_int_equal(bench("--quick --plot /dev/null"), FAILED);
    must_say("is not a folder");
    assert_int_equal(bench("--quick --json /dev/null/report.json"), FAILED);
    must_say("--json: /dev/null/report.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_command_measures_judges_and_draws),
        cmocka_unit_test(a_report_that_was_kept_is_drawn_again),
        cmocka_unit_test(what_cannot_be_drawn_is_said),
        cmocka_unit_test(wrong_words_are_refused_before_anything_is_measured),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
