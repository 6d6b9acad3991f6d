/* Table and verdicts of the part "model". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

/* What README.md promises: `key` of every row of that kind is at least or at most the limit. */
static const struct promise {
    const char *what, *integrator, *key; /* integrator NULL: any */
    bool at_least;
    double limit;
} promises[] = {{"update", "exact", "faster", true, 1000},
                {"update-rf", "exact", "faster", true, 1000},
                {"orbit", NULL, "faster", true, 20},
                {"inverse", NULL, "faster", true, 0.9},
                {"mask", NULL, "faster", true, 20},
                {"elements", NULL, "largest_deviation", false, 0.2}};
enum { N_PROMISE = sizeof(promises) / sizeof(promises[0]) };

static const char *text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));

    return value ? value : "-";
}

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

/* A number, or the median of one. NaN: not there. */
static double middle(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    if (json_is_object(value))
        value = json_object_get(value, "median");
    return json_is_number(value) ? json_number_value(value) : (double) NAN;
}

static void row_name(const json_t *row, char *name, size_t size)
{
    if (json_object_get(row, "method"))
        snprintf(name, size, "%s %s %.0fx%.0f", text(row, "what"), text(row, "method"),
                 number(row, "n_row"), number(row, "n_col"));
    else if (strcmp(text(row, "what"), "elements") == 0)
        snprintf(name, size, "update against number of elements");
    else
        snprintf(name, size, "%s %s %s", text(row, "what"), text(row, "ring"),
                 text(row, "integrator"));
}

static void print_row(const json_t *row)
{
    char name[64];

    if (strcmp(text(row, "what"), "elements") == 0 || strcmp(text(row, "what"), "memory") == 0)
        return;
    row_name(row, name, sizeof(name));
    printf("%-28s %8.0f %4.0fx%-4.0f %10.1f", name, number(row, "n_element"),
           number(row, "n_row"), number(row, "n_col"), middle(row, "own_us"));
    if (json_is_object(json_object_get(row, "faster")))
        printf(" %12.0f %9.1f (%.1f to %.1f)", middle(row, "yardstick_us"),
               middle(row, "faster"), number(json_object_get(row, "faster"), "low"),
               number(json_object_get(row, "faster"), "high"));
    else
        printf(" %12s %9s", "-", "-");
    if (json_object_get(row, "norm_difference"))
        printf("  |R| differs by %.1e", number(row, "norm_difference"));
    if (json_object_get(row, "largest_difference_m"))
        printf("  orbits differ by %.1e m", number(row, "largest_difference_m"));
    printf("\n");
}

static void print_growth(const json_t *row)
{
    size_t i;
    json_t *size;

    if (strcmp(text(row, "what"), "elements") != 0)
        return;
    printf("\nUpdate (exact) of n elements, 24 BPMs, 24 H, 24 V: %.1f us + %.4f us n; largest "
           "deviation %.0f %%\n%8s %10s %10s %10s\n",
           number(row, "base_us"), number(row, "us_per_element"),
           100 * number(row, "largest_deviation"), "n", "us", "fit", "kB");
    json_array_foreach(json_object_get(row, "sizes"), i, size)
    {
        printf("%8.0f %10.1f %10.1f %10.0f\n", number(size, "n_element"), number(size, "us"),
               number(size, "fit_us"), number(size, "memory_b") / 1000);
    }
}

static void print_memory(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf("\nMemory of a ring with its optics and matrix:");
    json_array_foreach(rows, i, row) if (strcmp(text(row, "what"), "memory") == 0)
        printf(" %s %.2f MB (%.0f elements);", text(row, "ring"), number(row, "memory_b") / 1e6,
               number(row, "n_element"));
    printf("\n");
}

void bench_print_model(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf("\nModel: own work and yardstick (pyAT; inverse: dgesdd; mask: a new inverse), us\n"
           "%-28s %8s %9s %10s %12s %9s\n",
           "work", "elements", "matrix", "own", "yardstick", "faster");
    json_array_foreach(rows, i, row) print_row(row);
    json_array_foreach(rows, i, row) print_growth(row);
    print_memory(rows);
}

static const char *judge(const struct promise *promise, double value, bool quick)
{
    if (quick)
        return "not judged: quick run";
    if (isnan(value))
        return "not judged: no yardstick";
    return (promise->at_least ? value >= promise->limit : value <= promise->limit) ? "met"
                                                                                   : "missed";
}

static void add_verdict(json_t *verdicts, const struct promise *promise, const json_t *row,
                        bool quick)
{
    double value = middle(row, promise->key);
    const char *word = judge(promise, value, quick);
    char name[64];

    row_name(row, name, sizeof(name));
    printf("%-34s %-18s %10.4g  %s %g  %s\n", name, promise->key, value,
           promise->at_least ? "at least" : "at most", promise->limit, word);
    json_array_append_new(verdicts,
                          json_pack("{s:s, s:s, s:o, s:s, s:f, s:s}", "what", name, "object",
                                    promise->key, "measured",
                                    isnan(value) ? json_null() : json_real(value), "kind",
                                    promise->at_least ? "at least" : "at most", "limit",
                                    promise->limit, "verdict", word));
}

static bool is_about(const struct promise *promise, const json_t *row)
{
    return strcmp(text(row, "what"), promise->what) == 0 &&
           (!promise->integrator || strcmp(text(row, "integrator"), promise->integrator) == 0);
}

void bench_judge_model(json_t *verdicts, const json_t *rows, bool quick)
{
    size_t i;
    json_t *row;

    for (size_t p = 0; p < N_PROMISE; p++)
        json_array_foreach(rows, i, row) if (is_about(&promises[p], row))
            add_verdict(verdicts, &promises[p], row, quick);
}
