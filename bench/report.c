#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

/* The budgets of README.md: upper limits on row[object][member][value] of one kind of row. */
struct budget {
    const char *part;                    /* array of the report */
    const char *kind;                    /* cache state, timer mode, or content of the cycle */
    const char *object, *member, *value; /* a ratio's median, or microseconds */
    double limit;
    double from, below; /* matrix bytes, or rate: from <= it < below */
};

enum { LARGE_B = 100000, REPORTED_HZ = 20000 };

static const struct budget budgets[] = {
    {"products", "hot", "to_openblas", "p50", "median", 1.05, LARGE_B, INFINITY},
    {"products", "hot", "to_bound", "p50", "median", 1.25, LARGE_B, INFINITY},
    {"products", "hot", "to_bound", "p50", "median", 1.6, 0, LARGE_B},
    {"products", "flushed", "to_openblas", "p50", "median", 0.7, 0, INFINITY},
    {"products", "flushed", "to_bound", "p50", "median", 1.3, 0, INFINITY},
    {"wake", "hybrid", "to_cyclictest", "p50", "median", 0.1, 0, REPORTED_HZ},
    {"wake", "hybrid", "to_cyclictest", "p99", "median", 1.0, 0, 10000},
    {"wake", "hybrid", "to_cyclictest", "p99", "median", 1.2, 10000, REPORTED_HZ},
    {"cycle", "empty", "phases", "cycle", "p50_us", 0.6, 0, INFINITY},
    {"cycle", "frames", "phases", "cycle", "p50_us", 3.0, 0, INFINITY},
    {"exchange", "both", "cycle_to_alone", "p99", "median", 1.5, 0, INFINITY},
};
enum { N_BUDGET = sizeof(budgets) / sizeof(budgets[0]) };

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "-";
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* object[a][b], or NULL. */
static const json_t *inner(const json_t *object, const char *a, const char *b)
{
    return json_object_get(json_object_get(object, a), b);
}

/* ---- tables
 * ------------------------------------------------------------------------------------ */

static void print_time(const json_t *row, const char *group, const char *name)
{
    const json_t *time = group ? inner(row, group, name) : json_object_get(row, name);

    if (json_is_object(time))
        printf(" %8.2f %8.2f", number(time, "p50_us"), number(time, "p99_us"));
    else
        printf(" %8s %8s", "-", "-");
}

static void print_ratio(const json_t *row, const char *ratio, const char *percentile)
{
    const json_t *value = inner(row, ratio, percentile);

    if (json_is_object(value))
        printf(" %6.2f", number(value, "median"));
    else
        printf(" %6s", "-");
}

static void print_matvec(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf("\nMatrix-vector product, us: median over rounds of p50 and p99\n"
           "%-9s %-7s %-7s %6s %17s %17s %17s %17s %17s %17s %14s %14s\n",
           "size", "storage", "cache", "kB", "read (bound)", "panel", "panel, 2 rhs",
           "OpenBLAS faster", "AVX2", "portable", "to OpenBLAS", "to bound");
    json_array_foreach(rows, i, row)
    {
        char size[32];

        snprintf(size, sizeof(size), "%.0fx%.0f", number(row, "n_row"), number(row, "n_col"));
        printf("%-9s %-7s %-7s %6.0f", size, text(row, "storage"), text(row, "cache"),
               number(row, "matrix_b") / 1000);
        print_time(row, "times", "read");
        print_time(row, "times", "panel");
        print_time(row, "times", "panel_two");
        print_time(row, "times", text(row, "openblas_faster"));
        print_time(row, "times", "panel_avx2");
        print_time(row, "times", "panel_portable");
        print_ratio(row, "to_openblas", "p50");
        print_ratio(row, "to_openblas", "p99");
        print_ratio(row, "to_bound", "p50");
        print_ratio(row, "to_bound", "p99");
        printf("\n");
    }
}

static void print_wake(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf("\nWake-up lateness, us: median over runs of p50 and p99\n"
           "%6s %-7s %17s %17s %8s %14s\n",
           "Hz", "mode", "own", "cyclictest", "skipped", "to cyclictest");
    json_array_foreach(rows, i, row)
    {
        printf("%6.0f %-7s", number(row, "rate_hz"), text(row, "mode"));
        print_time(row, NULL, "own");
        print_time(row, NULL, "cyclictest");
        printf(" %8.1e", number(row, "skipped_fraction"));
        print_ratio(row, "to_cyclictest", "p50");
        print_ratio(row, "to_cyclictest", "p99");
        printf("  %s\n", strcmp(text(row, "cyclictest_refusal"), "-") == 0
                             ? ""
                             : text(row, "cyclictest_refusal"));
    }
}

static void print_cycle(const json_t *rows)
{
    static const char *const phases[] = {"ingest", "correct", "predict", "publish", "cycle"};
    size_t i;
    json_t *row;

    printf("\nOne cycle of the loop, us: p50 and p99 of each phase\n"
           "%-7s %-9s %-7s %6s %9s %17s %17s %17s %17s %17s\n",
           "content", "size", "storage", "Hz", "law steps", "ingest", "correct", "predict",
           "publish", "whole cycle");
    json_array_foreach(rows, i, row)
    {
        char size[32];

        snprintf(size, sizeof(size), "%.0fx%.0f", number(row, "n_row"), number(row, "n_col"));
        printf("%-7s %-9s %-7s %6.0f %9.0f", text(row, "what"), size, text(row, "storage"),
               number(row, "rate_hz"), number(row, "law_steps"));
        for (size_t k = 0; k < sizeof(phases) / sizeof(phases[0]); k++)
            print_time(row, "phases", phases[k]);
        printf("\n");
    }
}

static void print_laws(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf("\nA step of the law, us: p50 and p99, and to the product with its matrix\n"
           "%-9s %7s %-17s %17s %17s %8s\n",
           "machine", "columns", "law", "product", "step", "ratio");
    json_array_foreach(rows, i, row)
    {
        printf("%-9s %7.0f %-17s", text(row, "machine"), number(row, "n_col"),
               text(row, "law"));
        print_time(row, NULL, "product");
        print_time(row, NULL, "step");
        printf(" %8.2f\n", number(row, "step_to_product"));
    }
}

/* ---- verdicts
 * ---------------------------------------------------------------------------------- */

/* What tells the rows of a part apart, and what a budget's range is about. */
static const char *row_kind(const json_t *row)
{
    const char *cache = text(row, "cache"), *mode = text(row, "mode");

    return strcmp(cache, "-") != 0 ? cache : strcmp(mode, "-") != 0 ? mode : text(row, "what");
}

static bool applies(const struct budget *budget, const json_t *row)
{
    double at = number(row, strcmp(budget->part, "products") == 0 ? "matrix_b" : "rate_hz");

    return strcmp(row_kind(row), budget->kind) == 0 && at >= budget->from && at < budget->below;
}

static void row_name(const struct budget *budget, const json_t *row, char *name, size_t size)
{
    if (strcmp(budget->part, "products") == 0)
        snprintf(name, size, "matvec %.0fx%.0f %s %s", number(row, "n_row"),
                 number(row, "n_col"), text(row, "storage"), text(row, "cache"));
    else
        snprintf(name, size, "%s %.0f Hz %s", budget->part, number(row, "rate_hz"),
                 row_kind(row));
}

/* Where other load kept the feeding thread off its processor, most cycles had nothing to do. */
static bool is_starved(const json_t *row)
{
    return strcmp(text(row, "what"), "empty") != 0 &&
           number(row, "frames") < 0.8 * number(row, "cycles");
}

/* Budgets of the product are for AVX-512, the others for a thread that got its priority. */
static const char *not_judged(const json_t *report, const struct budget *budget,
                              const json_t *row)
{
    if (!json_is_object(inner(row, budget->object, budget->member)))
        return "not judged: no yardstick";
    if (strcmp(budget->part, "cycle") == 0 && is_starved(row))
        return "not judged: frames in less than 80 % of the cycles";
    if (strcmp(budget->part, "products") != 0)
        return number(row, "priority") > 0 ? NULL : "not judged: no SCHED_FIFO";
    return strcmp(text(json_object_get(report, "host"), "matvec_variant"), "avx512") == 0
               ? NULL
               : "not judged: no AVX-512";
}

static void print_verdict(const json_t *verdict, const json_t *measured)
{
    char range[48] = "";

    if (json_object_get(measured, "low"))
        snprintf(range, sizeof(range), "(%.3f to %.3f)", number(measured, "low"),
                 number(measured, "high"));
    printf("%-34s %-11s %-5s %-6s %8.3f %-18s limit %5.2f  %s\n", text(verdict, "what"),
           text(verdict, "object"), text(verdict, "member"), text(verdict, "value"),
           number(verdict, "measured"), range, number(verdict, "limit"),
           text(verdict, "verdict"));
}

static void judge(json_t *verdicts, const json_t *report, const struct budget *budget,
                  const json_t *row)
{
    const json_t *measured = inner(row, budget->object, budget->member);
    double value = number(measured, budget->value);
    const char *word = not_judged(report, budget, row);
    char name[96];

    row_name(budget, row, name, sizeof(name));
    if (!word)
        word = value <= budget->limit ? "met" : "missed";
    json_t *verdict =
        json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:s}", "what", name, "object", budget->object,
                  "member", budget->member, "value", budget->value, "measured", value, "limit",
                  budget->limit, "verdict", word);

    print_verdict(verdict, measured);
    json_array_append_new(verdicts, verdict);
}

static void judge_all(json_t *report)
{
    json_t *verdicts = json_array(), *row;
    size_t i;

    printf("\nVerdicts: median (lowest to highest round)%s\n",
           json_is_true(json_object_get(report, "quick"))
               ? "; a quick run has few rounds: what is near its limit wants a whole one"
               : "");
    for (size_t b = 0; b < N_BUDGET; b++)
        json_array_foreach(json_object_get(report, budgets[b].part), i,
                           row) if (applies(&budgets[b], row))
            judge(verdicts, report, &budgets[b], row);
    if (json_is_array(json_object_get(report, "model")))
        bench_judge_model(verdicts, json_object_get(report, "model"),
                          json_is_true(json_object_get(report, "quick")));
    if (json_is_object(json_object_get(report, "disturb")))
        bench_judge_disturb(verdicts, json_object_get(report, "disturb"));
    if (json_is_object(json_object_get(report, "storm")))
        bench_judge_storm(verdicts, json_object_get(report, "storm"));
    if (json_is_array(json_object_get(report, "datagrams")))
        bench_judge_datagrams(verdicts, json_object_get(report, "datagrams"));
    if (json_is_object(json_object_get(report, "modbus")))
        bench_judge_modbus(verdicts, json_object_get(report, "modbus"));
    json_object_set_new(report, "budgets", verdicts);
}

static void print_host(const json_t *report)
{
    const json_t *host = json_object_get(report, "host");

    printf(
        "Host: %s, %.0f processors%s, Linux %s, %s; clock %s, governor %s, rt_runtime %s us, "
        "isolated: %s\n",
        text(host, "cpu"), number(host, "n_cpu"),
        json_is_true(json_object_get(host, "virtual")) ? " (virtual machine)" : "",
        text(host, "kernel"),
        json_is_true(json_object_get(host, "preempt_rt")) ? "PREEMPT_RT" : "not PREEMPT_RT",
        text(host, "clocksource"), text(host, "governor"), text(host, "rt_runtime_us"),
        text(host, "isolated_cpus")[0] ? text(host, "isolated_cpus") : "none");
    printf("Build: %s, %s; kernel %s; OpenBLAS core %s, 1 thread\n", text(host, "compiler"),
           text(host, "flags"), text(host, "matvec_variant"), text(host, "openblas_core"));
    printf("Other load: load average %s; while measuring, processors %.0f %% busy, %.1f %% "
           "stolen\n",
           text(host, "load_average"),
           100 * number(json_object_get(report, "cpu_time"), "busy"),
           100 * number(json_object_get(report, "cpu_time"), "steal"));
}

void bench_report(json_t *report)
{
    print_host(report);
    if (json_object_get(report, "products"))
        print_matvec(json_object_get(report, "products"));
    if (json_object_get(report, "wake"))
        print_wake(json_object_get(report, "wake"));
    if (json_object_get(report, "cycle"))
        print_cycle(json_object_get(report, "cycle"));
    if (json_object_get(report, "laws"))
        print_laws(json_object_get(report, "laws"));
    if (json_is_array(json_object_get(report, "datagrams")))
        bench_print_datagrams(json_object_get(report, "datagrams"));
    if (json_is_object(json_object_get(report, "modbus")))
        bench_print_modbus(json_object_get(report, "modbus"));
    if (json_object_get(report, "exchange"))
        bench_print_exchange(json_object_get(report, "exchange"));
    if (json_is_array(json_object_get(report, "model")))
        bench_print_model(json_object_get(report, "model"));
    if (json_is_object(json_object_get(report, "disturb")))
        bench_print_disturb(json_object_get(report, "disturb"));
    if (json_is_object(json_object_get(report, "storm")))
        bench_print_storm(json_object_get(report, "storm"));
    judge_all(report);
}
