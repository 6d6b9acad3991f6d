#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/samples.h"

enum { MOST_WINDOWS = 100 };

/* The audit watches a few hundred cycles, whose first and last may be cut. */
static const double calls_tolerance = 0.02;

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static size_t values(const json_t *windows, const char *key, double *value)
{
    size_t n =
        json_array_size(windows) < MOST_WINDOWS ? json_array_size(windows) : MOST_WINDOWS;

    for (size_t i = 0; i < n; i++)
        value[i] = number(json_array_get(windows, i), key);
    return n;
}

static double median(const json_t *windows, const char *key)
{
    double value[MOST_WINDOWS];
    size_t n = values(windows, key, value);

    return n > 0 ? samples_median(value, n) : (double) NAN;
}

static double highest(const json_t *windows, const char *key)
{
    double value[MOST_WINDOWS], most = 0;
    size_t n = values(windows, key, value);

    for (size_t i = 0; i < n; i++)
        most = fmax(most, value[i]);
    return most;
}

/* ---- table --------------------------------------------------------------------------- */

static void print_windows(const json_t *result, const char *name)
{
    const json_t *windows = json_object_get(result, name);

    printf("%-7s %10.2e %10.2e %9.2f %9.2f %9.2f %8.0f %10.3f %10.3f\n", name,
           median(windows, "missed_fraction"), highest(windows, "missed_fraction"),
           median(windows, "compute_p50_us"), median(windows, "compute_p99_us"),
           median(windows, "wake_p99_us"), highest(windows, "faults"),
           median(windows, "voluntary_switches_per_cycle"),
           median(windows, "involuntary_switches_per_cycle"));
}

static void print_calls(const json_t *result, const char *key, const char *name)
{
    json_t *calls = json_object_get(result, key), *value;
    const char *call;

    printf("system calls per cycle, %s:", name);
    if (json_is_string(calls))
        printf(" not counted, %s", json_string_value(calls));
    json_object_foreach(calls, call, value) printf(" %s %.3f", call, json_number_value(value));
    printf("\n");
}

void bench_print_disturb(const json_t *result)
{
    json_t *loads = json_object_get(result, "events_per_s"), *value;
    const char *name;

    printf(
        "\nA running set at %.0f Hz, bare and loaded in turn, %zu times %.1f s each: medians\n"
        "%-7s %10s %10s %9s %9s %9s %8s %10s %10s\n",
        number(result, "rate_hz"), json_array_size(json_object_get(result, "bare")),
        number(result, "window_s"), "", "missed", "highest", "p50 us", "p99 us", "wake p99",
        "faults", "sleeps", "preempted");
    print_windows(result, "bare");
    print_windows(result, "loaded");
    printf("loads, events per s:");
    json_object_foreach(loads, name, value) printf(" %s %.0f", name, json_number_value(value));
    printf("\n");
    print_calls(result, "system_calls_bare", "bare");
    print_calls(result, "system_calls_loaded", "loaded");
}

/* ---- verdicts ------------------------------------------------------------------------ */

static void add(json_t *verdicts, const json_t *result, const char *what, double measured,
                double limit)
{
    const char *word = measured <= limit ? "met" : "missed";

    if (number(result, "priority") <= 0)
        word = "not judged: no SCHED_FIFO";
    else if (json_string_length(json_object_get(result, "foreign_real_time")) > 0)
        word = "not judged: other real-time threads ran on the loop's processor";
    else if (!isfinite(measured))
        word = "not judged: not counted";
    printf("%-34s %37.5g limit %8.4g  %s\n", what, measured, limit, word);
    json_array_append_new(
        verdicts, json_pack("{s:s, s:s, s:o, s:f, s:s}", "what", what, "object", "disturb",
                            "measured", isfinite(measured) ? json_real(measured) : json_null(),
                            "limit", limit, "verdict", word));
}

static double all_calls(const json_t *result, const char *key)
{
    json_t *calls = json_object_get(result, key), *value;
    double sum = 0;
    const char *name;

    if (!json_is_object(calls))
        return (double) NAN;
    json_object_foreach(calls, name, value) sum += json_number_value(value);
    return sum;
}

void bench_judge_disturb(json_t *verdicts, const json_t *result)
{
    const json_t *bare = json_object_get(result, "bare");
    const json_t *loaded = json_object_get(result, "loaded");
    double bare_calls = all_calls(result, "system_calls_bare");

    add(verdicts, result, "disturb missed fraction", median(loaded, "missed_fraction"),
        highest(bare, "missed_fraction"));
    add(verdicts, result, "disturb compute p99, to bare",
        median(loaded, "compute_p99_us") / median(bare, "compute_p99_us"), 1.5);
    add(verdicts, result, "disturb faults of the loop",
        highest(loaded, "faults") - highest(bare, "faults"), 0);
    add(verdicts, result, "disturb system calls per cycle",
        all_calls(result, "system_calls_loaded"),
        isfinite(bare_calls) ? bare_calls + calls_tolerance : 0);
}
