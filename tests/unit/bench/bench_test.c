#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "bench/samples.h"

/* The report of one quick run, shared by the tests that read it. */
static json_t *report;

static int run_bench(const char *arguments)
{
    char command[1024];
    int status;

    snprintf(command, sizeof(command), "%s %s >/dev/null 2>&1", ORBIT_BENCH_PROGRAM, arguments);
    status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_report(void **state)
{
    char path[] = "/tmp/orbit-bench-XXXXXX", arguments[192];
    int fd = mkstemp(path);

    (void) state;
    if (fd < 0)
        return -1;
    close(fd);
    snprintf(
        arguments, sizeof(arguments),
        "--only matvec,wake,cycle,law,exchange,model --quick --priority 0 --rounds 2 --pairs 2 "
        "--seconds 0.02 --json %s",
        path);
    if (run_bench(arguments) == 0)
        report = json_load_file(path, 0, NULL);
    unlink(path);
    return report ? 0 : -1;
}

static int close_report(void **state)
{
    (void) state;
    json_decref(report);
    return 0;
}

static double number(const json_t *object, const char *key)
{
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

static void check_times(const json_t *times)
{
    assert_true(number(times, "p50_us") <= number(times, "p99_us"));
    assert_true(number(times, "p99_us") <= number(times, "p99_9_us"));
    assert_true(number(times, "p99_9_us") <= number(times, "max_us"));
}

static void check_ratio(const json_t *ratio)
{
    static const char *const percentiles[] = {"p50", "p99"};

    for (int i = 0; i < 2; i++) {
        const json_t *p = json_object_get(ratio, percentiles[i]);

        assert_true(number(p, "low") <= number(p, "median"));
        assert_true(number(p, "median") <= number(p, "high"));
    }
}

static void the_report_describes_the_host_and_the_build(void **state)
{
    static const char *const texts[] = {"cpu",      "kernel",        "kernel_version",
                                        "compiler", "openblas_core", "matvec_variant"};
    const json_t *host = json_object_get(report, "host");

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_true(json_string_length(json_object_get(host, texts[i])) > 0);
    assert_true(number(host, "n_cpu") >= 1);
    assert_true(json_is_boolean(json_object_get(host, "preempt_rt")));
    assert_non_null(json_object_get(host, "isolated_cpus"));
    assert_non_null(json_object_get(host, "rt_runtime_us"));
}

static void every_product_has_its_bound_its_yardstick_and_their_ratios(void **state)
{
    const json_t *rows = json_object_get(report, "products");
    size_t i;
    json_t *row;

    (void) state;
    assert_true(json_array_size(rows) >= 6 * 2);
    json_array_foreach(rows, i, row)
    {
        json_t *times = json_object_get(row, "times"), *time;
        const char *name;

        assert_true(json_object_size(times) >= 5);
        json_object_foreach(times, name, time) check_times(time);
        check_ratio(json_object_get(row, "to_openblas"));
        check_ratio(json_object_get(row, "to_bound"));
    }
}

/* As long as the matrix is found at all, reading it costs about as much as the product. */
static void check_share(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    if (!json_is_null(value))
        assert_true(number(row, key) > 0.01 && number(row, key) < 100);
}

static void the_summary_has_every_machine_in_both_storages(void **state)
{
    static const char *const shares[] = {"hot_vs_bound", "hot_vs_openblas", "cold_vs_bound",
                                         "cold_vs_openblas"};
    const json_t *rows = json_object_get(report, "matvec");
    double most_cols = 0;
    size_t i;
    json_t *row;

    (void) state;
    assert_int_equal(json_array_size(rows), 6 * 2);
    json_array_foreach(rows, i, row)
    {
        const char *type = json_string_value(json_object_get(row, "type"));

        assert_int_equal(json_object_size(row), 7);
        assert_true(number(row, "rows") >= 64);
        most_cols = fmax(most_cols, number(row, "cols"));
        assert_string_equal(type, i % 2 ? "float64" : "float32");
        for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++)
            check_share(row, shares[k]);
    }
    assert_true(most_cols == 560);
}

static void the_summary_of_waking_up_has_every_rate_and_mode(void **state)
{
    const json_t *rows = json_object_get(report, "wakeup");
    size_t i;
    json_t *row;

    (void) state;
    assert_int_equal(json_array_size(rows), json_array_size(json_object_get(report, "wake")));
    json_array_foreach(rows, i, row)
    {
        assert_int_equal(json_object_size(row), 4);
        assert_true(number(row, "rate_hz") >= 1000);
        assert_true(json_string_length(json_object_get(row, "mode")) > 0);
        assert_non_null(json_object_get(row, "p50_vs_cyclictest"));
        assert_non_null(json_object_get(row, "p99_vs_cyclictest"));
    }
}

static void every_rate_and_mode_has_its_lateness(void **state)
{
    const json_t *rows = json_object_get(report, "wake");
    size_t i;
    json_t *row;

    (void) state;
    assert_true(json_array_size(rows) >= 4 * 2);
    json_array_foreach(rows, i, row)
    {
        check_times(json_object_get(row, "own"));
        assert_true(number(row, "skipped_fraction") >= 0);
        if (json_is_null(json_object_get(row, "cyclictest")))
            assert_true(json_is_string(json_object_get(row, "cyclictest_refusal")));
        else
            check_ratio(json_object_get(row, "to_cyclictest"));
    }
}

static void every_law_is_measured_beside_its_product(void **state)
{
    const json_t *rows = json_object_get(report, "laws");
    size_t i;
    json_t *row;

    (void) state;
    assert_int_equal(json_array_size(rows), 15);
    json_array_foreach(rows, i, row)
    {
        check_times(json_object_get(row, "product"));
        check_times(json_object_get(row, "step"));
        assert_true(number(row, "step_to_product") > 0);
    }
}

static void a_cycle_with_matrices_took_its_frames_and_stepped_the_law(void **state)
{
    const json_t *rows = json_object_get(report, "cycle");
    size_t i;
    json_t *row;

    (void) state;
    assert_true(json_array_size(rows) >= 14);
    json_array_foreach(rows, i, row)
    {
        const char *what = json_string_value(json_object_get(row, "what"));

        check_times(json_object_get(json_object_get(row, "phases"), "cycle"));
        assert_true(number(row, "cycles") > 0);
        assert_true((number(row, "frames") > 0) == (strcmp(what, "empty") != 0));
        assert_true((number(row, "law_steps") > 0) ==
                    (strcmp(what, "empty") != 0 && strcmp(what, "frames") != 0));
    }
}

static void the_exchange_is_measured_alone_and_beside_readers_and_swaps(void **state)
{
    const json_t *rows = json_object_get(report, "exchange");
    size_t i;
    json_t *row;

    (void) state;
    assert_int_equal(json_array_size(rows), 4);
    json_array_foreach(rows, i, row)
    {
        bool reads = i == 1 || i == 3, swaps = i >= 2; /* alone, readers, swaps, both */

        check_times(json_object_get(row, "publish"));
        check_times(json_object_get(row, "cycle"));
        assert_true((number(row, "reads_per_s") > 0) == reads);
        assert_true((number(row, "swaps_per_s") + number(row, "swaps_refused") > 0) == swaps);
        assert_true(number(row, "records_lost") >= 0);
        if (json_is_object(json_object_get(row, "swap")))
            check_times(json_object_get(row, "swap"));
    }
}

static void check_middle(const json_t *spread)
{
    assert_true(number(spread, "low") > 0);
    assert_true(number(spread, "low") <= number(spread, "median"));
    assert_true(number(spread, "median") <= number(spread, "high"));
}

/* The address sanitizer has an allocator of its own, which mallinfo2() does not see. */
static void check_memory(double memory_b)
{
#ifdef __SANITIZE_ADDRESS__
    assert_true(memory_b >= 0.0);
#else
    assert_true(memory_b > 1e5);
#endif
}

static void the_model_is_timed_on_rings_inverses_and_numbers_of_elements(void **state)
{
    const json_t *rows = json_object_get(report, "model");
    unsigned updates = 0, inverses = 0, masks = 0, growths = 0, memories = 0;
    size_t i;
    json_t *row;

    (void) state;
    json_array_foreach(rows, i, row)
    {
        const char *what = json_string_value(json_object_get(row, "what"));

        updates += strncmp(what, "update", 6) == 0;
        inverses += strcmp(what, "inverse") == 0;
        masks += strcmp(what, "mask") == 0;
        growths += strcmp(what, "elements") == 0;
        memories += strcmp(what, "memory") == 0;
        if (strcmp(what, "elements") == 0)
            continue;
        if (strcmp(what, "memory") != 0)
            check_middle(json_object_get(row, "own_us"));
        if (json_object_get(row, "method"))
            check_middle(json_object_get(row, "faster"));
        else
            check_memory(number(row, "memory_b"));
    }
    assert_true(updates >= 3 && inverses == 4 && masks == 2 && growths == 1 && memories == 5);
}

/* The row of that kind; NULL: there is none. */
static const json_t *row_about(const json_t *rows, const char *what)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row) if (strcmp(json_string_value(json_object_get(row, "what")),
                                                what) == 0) return row;
    return NULL;
}

static void the_fit_of_growth_has_the_sizes_that_were_measured(void **state)
{
    const json_t *rows = json_object_get(report, "model");
    const json_t *growth = row_about(rows, "elements");
    const json_t *sizes = json_object_get(growth, "sizes");
    double base = number(growth, "base_us"), slope = number(growth, "us_per_element");
    double worst = 0;
    size_t i;
    json_t *size;

    (void) state;
    assert_true(number(json_array_get(sizes, 0), "n_element") < 150);
    assert_true(number(json_array_get(sizes, json_array_size(sizes) - 1), "n_element") > 6900);
    json_array_foreach(sizes, i, size)
    {
        double fit = base + slope * number(size, "n_element");

        assert_close(number(size, "fit_us"), fit, 1e-4, 1e-4);
        worst = fmax(worst, fabs(number(size, "us") / fit - 1));
    }
    assert_close(number(growth, "largest_deviation"), worst, 1e-3, 1e-3);
}

static void every_verdict_is_met_missed_or_says_why_not(void **state)
{
    const json_t *verdicts = json_object_get(report, "budgets");
    size_t i;
    json_t *verdict;

    (void) state;
    assert_true(json_array_size(verdicts) > 20);
    json_array_foreach(verdicts, i, verdict)
    {
        const char *word = json_string_value(json_object_get(verdict, "verdict"));

        assert_true(strcmp(word, "met") == 0 || strcmp(word, "missed") == 0 ||
                    strncmp(word, "not judged: ", 12) == 0);
    }
}

static void wrong_options_end_with_status_2(void **state)
{
    (void) state;
    assert_int_equal(run_bench("--only nonsense"), 2);
    assert_int_equal(run_bench("--only matvec,nonsense"), 2);
    assert_int_equal(run_bench("--only matvec,"), 2);
    assert_int_equal(run_bench("--only matve"), 2);
    assert_int_equal(run_bench("--pairs 0"), 2);
    assert_int_equal(run_bench("--seconds 1x"), 2);
    assert_int_equal(run_bench("--unknown"), 2);
    assert_int_equal(run_bench("--json"), 2);
    assert_int_equal(run_bench("stray"), 2);
}

static void percentiles_come_from_the_sorted_samples(void **state)
{
    double ns[1000];
    struct percentiles p;

    (void) state;
    for (int i = 0; i < 1000; i++)
        ns[i] = (i * 7) % 1000;
    p = samples_percentiles(ns, 1000);
    assert_true(p.p50 == 500 && p.p99 == 990 && p.p999 == 999 && p.max == 999);
}

static void a_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle(void **state)
{
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};

    (void) state;
    assert_true(samples_median(odd, 3) == 2);
    assert_true(samples_median(even, 4) == 2.5);
}

static void ratios_are_formed_round_by_round(void **state)
{
    const struct percentiles a[] = {
        {.p50 = 1, .p99 = 2}, {.p50 = 8, .p99 = 2}, {.p50 = 3, .p99 = 2}};
    const struct percentiles b[] = {
        {.p50 = 2, .p99 = 1}, {.p50 = 2, .p99 = 0}, {.p50 = 1, .p99 = 4}};
    json_t *ratio = percentiles_ratio_json(a, b, 3);
    const json_t *p50 = json_object_get(ratio, "p50"), *p99 = json_object_get(ratio, "p99");

    (void) state;
    assert_true(number(p50, "low") == 0.5 && number(p50, "median") == 3);
    assert_true(number(p50, "high") == 4);
    assert_true(number(p99, "low") == 0.5 && number(p99, "high") == 2);
    json_decref(ratio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_describes_the_host_and_the_build),
        cmocka_unit_test(every_product_has_its_bound_its_yardstick_and_their_ratios),
        cmocka_unit_test(the_summary_has_every_machine_in_both_storages),
        cmocka_unit_test(every_rate_and_mode_has_its_lateness),
        cmocka_unit_test(the_summary_of_waking_up_has_every_rate_and_mode),
        cmocka_unit_test(every_law_is_measured_beside_its_product),
        cmocka_unit_test(a_cycle_with_matrices_took_its_frames_and_stepped_the_law),
        cmocka_unit_test(the_exchange_is_measured_alone_and_beside_readers_and_swaps),
        cmocka_unit_test(the_model_is_timed_on_rings_inverses_and_numbers_of_elements),
        cmocka_unit_test(the_fit_of_growth_has_the_sizes_that_were_measured),
        cmocka_unit_test(every_verdict_is_met_missed_or_says_why_not),
        cmocka_unit_test(wrong_options_end_with_status_2),
        cmocka_unit_test(percentiles_come_from_the_sorted_samples),
        cmocka_unit_test(a_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle),
        cmocka_unit_test(ratios_are_formed_round_by_round),
    };

    return cmocka_run_group_tests(tests, open_report, close_report);
}
