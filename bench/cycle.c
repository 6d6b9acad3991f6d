#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/cycle_rig.h"
#include "rt/base/clock.h"
#include "rt/base/hist.h"
#include "rt/sys/host.h"

enum { LEAST_CYCLES = 10 };
static const int64_t MOST_WAIT_NS = 20000000000;

static const struct cycle_setup setups[] = {
    {"empty", {1, 1, 1, 0}, 1000, false, false, MATVEC_F64, false, false, RIG_PI, false},
    {"empty", {1, 1, 1, 0}, 10000, false, false, MATVEC_F64, false, false, RIG_PI, false},
    {"frames", {123, 48, 64, 1}, 1000, true, false, MATVEC_F64, false, false, RIG_PI, false},
    {"frames", {123, 48, 64, 1}, 10000, true, false, MATVEC_F64, false, false, RIG_PI, false},
    {"law", {123, 48, 64, 1}, 1000, true, true, MATVEC_F64, false, false, RIG_PI, false},
    {"law", {123, 48, 64, 1}, 10000, true, true, MATVEC_F64, false, false, RIG_PI, false},
    {"law", {123, 48, 64, 1}, 1000, true, true, MATVEC_F32, false, false, RIG_PI, false},
    {"law", {123, 48, 64, 1}, 10000, true, true, MATVEC_F32, false, false, RIG_PI, false},
    {"law, estimate",
     {123, 48, 64, 1},
     10000,
     true,
     true,
     MATVEC_F32,
     true,
     false,
     RIG_PI,
     false},
    {"law, virtual",
     {123, 48, 64, 1},
     10000,
     true,
     true,
     MATVEC_F32,
     false,
     true,
     RIG_PI,
     false},
    {"everything", {123, 48, 64, 1}, 1000, true, true, MATVEC_F32, true, true, RIG_PI, false},
    {"everything", {123, 48, 64, 1}, 10000, true, true, MATVEC_F32, true, true, RIG_PI, false},
    {"law", {173, 172, 172, 1}, 10000, true, true, MATVEC_F32, false, false, RIG_PI, false},
    {"law", {320, 288, 288, 1}, 10000, true, true, MATVEC_F32, false, false, RIG_PI, false},
    {"law", {394, 280, 280, 1}, 10000, true, true, MATVEC_F32, false, false, RIG_PI, false},
    {"everything",
     {173, 172, 172, 1},
     10000,
     true,
     true,
     MATVEC_F32,
     true,
     true,
     RIG_PI,
     false},
    {"imc", {123, 48, 64, 1}, 10000, true, true, MATVEC_F32, false, false, RIG_IMC, false},
    {"imc, own matrix",
     {123, 48, 64, 1},
     10000,
     true,
     true,
     MATVEC_F32,
     false,
     false,
     RIG_IMC_OWN_MATRIX,
     false},
    {"imc, all",
     {123, 48, 64, 1},
     10000,
     true,
     true,
     MATVEC_F32,
     false,
     false,
     RIG_IMC_ALL,
     false},
};
enum { N_SETUP = sizeof(setups) / sizeof(setups[0]) };

struct cycle_run {
    const struct bench_options *options;
    struct cycle_rig rig;
    atomic_bool stop;
    struct host_grant grant;
    struct rusage before, after; /* of the loop's thread */
};

static void *loop_thread(void *argument)
{
    struct cycle_run *run = argument;

    host_enter_loop(&run->grant, &(struct host_wish){.core = run->options->core,
                                                     .priority = run->options->priority});
    getrusage(RUSAGE_THREAD, &run->before);
    loop_run(run->rig.loop, &run->stop);
    getrusage(RUSAGE_THREAD, &run->after);
    return NULL;
}

/* A short run on a busy machine goes on until every counter that is reported has moved. */
static bool enough(const struct cycle_run *run)
{
    const uint64_t *counter = run->rig.status->counter;
    const struct cycle_setup *setup = &run->rig.setup;

    return __atomic_load_n(&counter[COUNTER_CYCLES], __ATOMIC_RELAXED) >= LEAST_CYCLES &&
           (!setup->frames || __atomic_load_n(&counter[COUNTER_FRAMES], __ATOMIC_RELAXED)) &&
           (!setup->matrices || __atomic_load_n(&counter[COUNTER_LAW_STEPS], __ATOMIC_RELAXED));
}

static void feed_until(struct cycle_run *run, int64_t until_ns)
{
    int64_t at_ns = clock_mono_ns();

    while (at_ns < until_ns || (!enough(run) && at_ns < until_ns + MOST_WAIT_NS))
        at_ns = cycle_rig_beat(&run->rig, at_ns);
}

static json_t *phase_json(const struct status_block *status, enum phase phase)
{
    struct hist copy;

    hist_copy(&copy, &status->phase[phase]);
    return json_pack(
        "{s:f, s:f, s:f, s:f}", "p50_us", (double) hist_percentile(&copy, 50) / 1000, "p99_us",
        (double) hist_percentile(&copy, 99) / 1000, "p99_9_us",
        (double) hist_percentile(&copy, 99.9) / 1000, "max_us", (double) copy.max / 1000);
}

/* A cycle may sleep once, and should fault never. */
static json_t *kernel_json(const struct cycle_run *run)
{
    double cycles = (double) run->rig.status->counter[COUNTER_CYCLES];

    return json_pack(
        "{s:I, s:f, s:f}", "minor_faults",
        (json_int_t) (run->after.ru_minflt - run->before.ru_minflt), "switches_per_cycle",
        (double) (run->after.ru_nvcsw - run->before.ru_nvcsw) / cycles, "preemptions_per_cycle",
        (double) (run->after.ru_nivcsw - run->before.ru_nivcsw) / cycles);
}

static json_t *run_json(const struct cycle_run *run)
{
    static const char *const names[PHASE_COUNT] = {
        [PHASE_WAKE] = "wake",       [PHASE_INGEST] = "ingest",   [PHASE_PREDICT] = "predict",
        [PHASE_CORRECT] = "correct", [PHASE_PUBLISH] = "publish", [PHASE_CYCLE] = "cycle"};
    const struct cycle_setup *setup = &run->rig.setup;
    const struct status_block *status = run->rig.status;
    json_t *phases = json_object();

    for (int phase = 0; phase < PHASE_COUNT; phase++)
        json_object_set_new(phases, names[phase], phase_json(status, (enum phase) phase));
    return json_pack("{s:s, s:s, s:i, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:o, s:o}", "what",
                     setup->what, "storage",
                     setup->storage == MATVEC_F32 ? "float32" : "float64", "rate_hz",
                     setup->rate_hz, "n_row", (json_int_t) dims_n_row(&setup->dims), "n_col",
                     (json_int_t) dims_n_col(&setup->dims), "priority", run->grant.priority,
                     "cycles", (json_int_t) status->counter[COUNTER_CYCLES], "skipped",
                     (json_int_t) status->counter[COUNTER_SKIPPED], "frames",
                     (json_int_t) status->counter[COUNTER_FRAMES], "law_steps",
                     (json_int_t) status->counter[COUNTER_LAW_STEPS], "phases", phases,
                     "kernel", kernel_json(run));
}

static enum rc measure_setup(const struct bench_options *options,
                             const struct cycle_setup *setup, json_t *result)
{
    static struct cycle_run run;
    pthread_t thread;
    enum rc rc;

    run = (struct cycle_run){.options = options};
    rc = cycle_rig_open(&run.rig, setup);
    if (rc != RC_OK)
        return rc;
    if (pthread_create(&thread, NULL, loop_thread, &run) != 0) {
        cycle_rig_close(&run.rig);
        return err_set(RC_SYS, "thread of a benchmark: not created");
    }
    feed_until(&run, clock_mono_ns() + (int64_t) (options->seconds * 1e9));
    atomic_store(&run.stop, true);
    pthread_join(thread, NULL);
    json_array_append_new(result, run_json(&run));
    cycle_rig_close(&run.rig);
    return RC_OK;
}

enum rc bench_cycle(const struct bench_options *options, json_t **result)
{
    struct host_grant grant = {0};
    enum rc rc = RC_OK;

    *result = json_array();
    host_lock_memory(&grant);
    for (int i = 0; rc == RC_OK && i < N_SETUP; i++)
        rc = measure_setup(options, &setups[i], *result);
    return rc;
}
