#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/cyclictest.h"
#include "bench/samples.h"
#include "rt/base/clock.h"
#include "rt/sys/host.h"
#include "rt/sys/timer.h"

enum { MAX_PAIR = 99, N_MODE = 3, SPIN_FROM_HZ = 50000, WARM_CYCLES = 20 };

/* The first two have budgets; and the configuration's default spin. */
static const int rates_hz[] = {1000, 10000, 50000, 100000};
enum { N_RATE = sizeof(rates_hz) / sizeof(rates_hz[0]), SPIN_NS = 100000 };

static const double spin_s = 0.4;

static const char *const mode_names[N_MODE] = {
    [TIMER_SLEEP] = "sleep", [TIMER_HYBRID] = "hybrid", [TIMER_SPIN] = "spin"};

/* One run of the own timer in a thread of its own. */
struct wake_run {
    const struct bench_options *options;
    int64_t period_ns;
    enum timer_mode mode;
    double *late_ns; /* [n_cycle] */
    size_t n_cycle;  /* at most; as many as were made, when it is over */
    struct host_grant grant;
    int64_t skipped;
    struct percentiles late;
};

struct pairs {
    struct percentiles own[N_MODE][MAX_PAIR], cyclictest[MAX_PAIR];
    int64_t skipped[N_MODE];
    size_t made[N_MODE]; /* wake-ups, all pairs together */
    size_t n_cycle, n_pair;
    bool have_cyclictest;
    int priority; /* granted */
    char refusal[256];
};

/* Like the loop: absolute grid, a late wake-up skips to the next point and never bursts.
 * Lateness is of the wake-ups that were made, as cyclictest counts it. */
static void *wake_thread(void *argument)
{
    struct wake_run *run = argument;
    struct timer timer = timer_make(run->mode, SPIN_NS, run->period_ns);
    int64_t deadline_ns, now_ns, end_ns;
    size_t n = 0;

    host_enter_loop(&run->grant, &(struct host_wish){.core = run->options->core,
                                                     .priority = run->options->priority});
    deadline_ns = clock_mono_ns() + 10 * run->period_ns;
    for (int i = 0; i < WARM_CYCLES; i++, deadline_ns += run->period_ns)
        (void) timer_wait_ns(&timer, deadline_ns);
    end_ns = deadline_ns + (int64_t) run->n_cycle * run->period_ns;
    while (n == 0 || (n < run->n_cycle && deadline_ns < end_ns)) {
        now_ns = timer_wait_ns(&timer, deadline_ns);
        run->late_ns[n++] = (double) (now_ns - deadline_ns);
        int64_t skip = (now_ns - deadline_ns) / run->period_ns;

        run->skipped += skip;
        deadline_ns += (skip + 1) * run->period_ns;
    }
    run->n_cycle = n;
    return NULL;
}

static enum rc run_own(struct wake_run *run)
{
    pthread_t thread;

    for (size_t i = 0; i < run->n_cycle; i++)
        run->late_ns[i] = 0; /* no page fault in the loop */
    if (pthread_create(&thread, NULL, wake_thread, run) != 0)
        return err_set(RC_SYS, "thread of a benchmark: not created");
    pthread_join(thread, NULL);
    run->late = samples_percentiles(run->late_ns, run->n_cycle);
    return RC_OK;
}

/* A thread that never sleeps is measured only where sleeping is too slow, and not for long:
 * throttling would stop it for 50 ms of each second. */
static bool is_measured(enum timer_mode mode, int rate_hz)
{
    return mode != TIMER_SPIN || rate_hz >= SPIN_FROM_HZ;
}

static size_t cycles_of(enum timer_mode mode, int rate_hz, size_t wanted)
{
    size_t most = (size_t) (spin_s * rate_hz);

    return mode == TIMER_SPIN && wanted > most ? most : wanted;
}

static enum rc play_pair(const struct bench_options *options, int rate_hz, double *late_ns,
                         struct pairs *pairs)
{
    size_t i = pairs->n_pair;
    enum rc rc = RC_OK;

    if (pairs->have_cyclictest)
        pairs->have_cyclictest =
            cyclictest_run(options, rate_hz, pairs->n_cycle, &pairs->cyclictest[i]) == RC_OK;
    for (int mode = 0; rc == RC_OK && mode < N_MODE; mode++) {
        if (!is_measured((enum timer_mode) mode, rate_hz))
            continue;
        struct wake_run run = {.options = options,
                               .period_ns = 1000000000 / rate_hz,
                               .mode = (enum timer_mode) mode,
                               .late_ns = late_ns,
                               .n_cycle =
                                   cycles_of((enum timer_mode) mode, rate_hz, pairs->n_cycle)};

        rc = run_own(&run);
        pairs->own[mode][i] = run.late;
        pairs->skipped[mode] += run.skipped;
        pairs->made[mode] += run.n_cycle;
        pairs->priority = run.grant.priority;
    }
    pairs->n_pair++;
    return rc;
}

static json_t *mode_json(const struct pairs *pairs, int rate_hz, int mode)
{
    size_t n = pairs->n_pair;
    double points = (double) pairs->made[mode] + (double) pairs->skipped[mode];
    json_t *row = json_pack("{s:i, s:s, s:I, s:I, s:i, s:f, s:o}", "rate_hz", rate_hz, "mode",
                            mode_names[mode], "pairs", (json_int_t) n, "cycles_per_run",
                            (json_int_t) pairs->n_cycle, "priority", pairs->priority,
                            "skipped_fraction", (double) pairs->skipped[mode] / points, "own",
                            percentiles_json(pairs->own[mode], n));

    if (pairs->have_cyclictest) {
        json_object_set_new(row, "cyclictest", percentiles_json(pairs->cyclictest, n));
        json_object_set_new(row, "to_cyclictest",
                            percentiles_ratio_json(pairs->own[mode], pairs->cyclictest, n));
    } else {
        json_object_set_new(row, "cyclictest", json_null());
        json_object_set_new(row, "to_cyclictest", json_null());
        json_object_set_new(row, "cyclictest_refusal", json_string(pairs->refusal));
    }
    return row;
}

static enum rc measure_rate(const struct bench_options *options, int rate_hz, json_t *result)
{
    struct pairs pairs = {.have_cyclictest = true};
    double *late_ns;
    enum rc rc = RC_OK;

    pairs.n_cycle = (size_t) (options->seconds * rate_hz);
    late_ns = calloc(pairs.n_cycle + 1, sizeof(*late_ns));
    if (!late_ns)
        return err_set(RC_NOMEM, "%zu wake-ups", pairs.n_cycle);
    for (int i = 0; rc == RC_OK && i < options->pairs; i++) {
        rc = play_pair(options, rate_hz, late_ns, &pairs);
        if (rc == RC_OK && !pairs.have_cyclictest && !pairs.refusal[0])
            snprintf(pairs.refusal, sizeof(pairs.refusal), "%s", err_text());
    }
    for (int mode = 0; rc == RC_OK && mode < N_MODE; mode++)
        if (is_measured((enum timer_mode) mode, rate_hz))
            json_array_append_new(result, mode_json(&pairs, rate_hz, mode));
    free(late_ns);
    return rc;
}

enum rc bench_wake(const struct bench_options *options, json_t **result)
{
    struct host_grant grant = {0};
    enum rc rc = RC_OK;

    if (options->pairs > MAX_PAIR)
        return err_set(RC_RANGE, "pairs: %d, at most %d", options->pairs, MAX_PAIR);
    *result = json_array();
    host_lock_memory(&grant);
    for (int i = 0; rc == RC_OK && i < N_RATE; i++)
        rc = measure_rate(options, rates_hz[i], *result);
    return rc;
}

static json_t *percentile_ratio(const json_t *row, const char *percentile)
{
    const json_t *ratio = json_object_get(json_object_get(row, "to_cyclictest"), percentile);
    json_t *median = json_object_get(ratio, "median");

    return median ? json_incref(median) : json_null();
}

json_t *bench_wake_summary(const json_t *rows)
{
    json_t *summary = json_array(), *row;
    size_t i;

    json_array_foreach(rows, i, row) json_array_append_new(
        summary, json_pack("{s:O, s:O, s:o, s:o}", "rate_hz", json_object_get(row, "rate_hz"),
                           "mode", json_object_get(row, "mode"), "p50_vs_cyclictest",
                           percentile_ratio(row, "p50"), "p99_vs_cyclictest",
                           percentile_ratio(row, "p99")));
    return summary;
}
