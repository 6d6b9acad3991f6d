#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/problem.h"
#include "bench/samples.h"
#include "bench/stream.h"
#include "bench/tick.h"
#include "rt/sys/host.h"

enum { MAX_ROUND = 99, WARM_CALLS = 20, LEAST_CALLS = 25, COLD_SHARE = 4, EVICT_L2S = 3 };

/* For the calls of one contestant in one round: large matrices are called less often. */
static const int64_t round_ns = 100000000, quick_round_ns = 6000000;

enum cache_state { CACHE_HOT, CACHE_L3, CACHE_FLUSHED, CACHE_COUNT };
static const char *const cache_names[CACHE_COUNT] = {"hot", "l3", "flushed"};

/* Monitors x correctors of fast corrections at six light sources (README.md names the origin),
 * and what the loop of BESSY II multiplies by; these a quick run leaves out. */
static const struct {
    size_t n_row, n_col;
    const char *what;
    bool quick;
} sizes[] = {{64, 108, "BESSY II", true},
             {172, 173, "Diamond", true},
             {160, 160, "Sirius", true},
             {320, 288, "ESRF-EBS", true},
             {560, 560, "APS-U", true},
             {788, 560, "PETRA IV", true},
             {123, 112, "BESSY II, one plane", false},
             {246, 113, "BESSY II, R", false},
             {112, 246, "BESSY II, K", false},
             {48, 123, "BESSY II, K horizontal", false},
             {64, 123, "BESSY II, K vertical", false}};
enum { N_SIZE = sizeof(sizes) / sizeof(sizes[0]) };

struct run {
    const struct bench_options *options;
    double tick_ns, tick_cost;
    void *evict;
    size_t evict_b;
    double *ns; /* [calls] */
    json_t *result;
    enum rc rc;
};

struct field {
    struct problem problem;
    struct percentiles round[CONTEST_COUNT][MAX_ROUND];
};

static bool cool(const struct run *run, const struct problem *p, enum contestant k,
                 enum cache_state state)
{
    if (state == CACHE_L3)
        stream_read(run->evict, run->evict_b);
    return state != CACHE_FLUSHED || problem_flush(p, k);
}

/* A FIFO thread that never sleeps is throttled for 50 ms: rest as long as it worked, at most 20
 * ms. */
static void rest(int64_t since_ns)
{
    int64_t worked_ns = clock_mono_ns() - since_ns;
    struct timespec pause = {.tv_nsec = worked_ns < 20000000 ? worked_ns : 20000000};

    nanosleep(&pause, NULL);
}

static struct percentiles measure(const struct run *run, struct problem *p, enum contestant k,
                                  enum cache_state state)
{
    int calls = state == CACHE_HOT ? run->options->calls : run->options->calls / COLD_SHARE;
    int64_t most_ns = run->options->quick ? quick_round_ns : round_ns;
    int64_t start_ns = clock_mono_ns(), burst_ns = start_ns;
    int i;

    for (i = -WARM_CALLS; i < calls; i++) {
        int64_t from, to;

        if (i >= LEAST_CALLS && clock_mono_ns() - start_ns > most_ns)
            break;

        cool(run, p, k, state);
        from = tick_now();
        problem_call(p, k);
        to = tick_now();
        if (i >= 0)
            run->ns[i] = ((double) (to - from) - run->tick_cost) * run->tick_ns;
        if (clock_mono_ns() - burst_ns > 20000000) {
            rest(burst_ns);
            burst_ns = clock_mono_ns();
            problem_call(p, k);
        }
    }
    rest(burst_ns);
    return samples_percentiles(run->ns, (size_t) i);
}

static void play_rounds(const struct run *run, struct field *field, enum cache_state state)
{
    for (int round = 0; round < run->options->rounds; round++)
        for (int k = 0; k < CONTEST_COUNT; k++)
            if (field->problem.matrix[k])
                field->round[k][round] =
                    measure(run, &field->problem, (enum contestant) k, state);
}

/* The orientation of OpenBLAS with the lower median: A could be stored either way. */
static enum contestant better_blas(const struct field *field, size_t n)
{
    double row[MAX_ROUND], col[MAX_ROUND];

    for (size_t i = 0; i < n; i++) {
        row[i] = field->round[CONTEST_BLAS_ROW][i].p50;
        col[i] = field->round[CONTEST_BLAS_COL][i].p50;
    }
    return samples_median(row, n) < samples_median(col, n) ? CONTEST_BLAS_ROW
                                                           : CONTEST_BLAS_COL;
}

static json_t *field_json(const struct field *field, enum cache_state state, size_t n)
{
    const struct problem *p = &field->problem;
    enum contestant blas = better_blas(field, n);
    const struct percentiles *panel = field->round[CONTEST_PANEL];
    json_t *times = json_object();

    for (int k = 0; k < CONTEST_COUNT; k++)
        if (p->matrix[k])
            json_object_set_new(times, contestant_name((enum contestant) k),
                                percentiles_json(field->round[k], n));
    return json_pack("{s:I, s:I, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o}", "n_row",
                     (json_int_t) p->n_row, "n_col", (json_int_t) p->n_col, "storage",
                     p->storage == MATVEC_F32 ? "float32" : "float64", "matrix_b",
                     (json_int_t) p->matrix_b[CONTEST_READ], "cache", cache_names[state],
                     "openblas_faster", contestant_name(blas), "times", times, "to_openblas",
                     percentiles_ratio_json(panel, field->round[blas], n), "to_bound",
                     percentiles_ratio_json(panel, field->round[CONTEST_READ], n), "two_to_one",
                     percentiles_ratio_json(field->round[CONTEST_PANEL2], panel, n));
}

static enum rc measure_size(struct run *run, size_t size, enum matvec_storage storage)
{
    struct field *field = calloc(1, sizeof(*field));
    enum rc rc;

    if (!field)
        return err_set(RC_NOMEM, "rounds of a benchmark");
    rc = problem_open(&field->problem, sizes[size].n_row, sizes[size].n_col, storage);
    for (int s = 0; rc == RC_OK && s < CACHE_COUNT; s++) {
        enum cache_state state = (enum cache_state) s;

        if (!cool(run, &field->problem, CONTEST_READ, state))
            continue;
        play_rounds(run, field, state);
        json_t *row = field_json(field, state, (size_t) run->options->rounds);

        json_object_set_new(row, "what", json_string(sizes[size].what));
        json_array_append_new(run->result, row);
    }
    if (rc == RC_OK)
        problem_close(&field->problem);
    free(field);
    return rc;
}

static void *measure_all(void *argument)
{
    struct run *run = argument;
    struct host_grant grant = {0};

    host_enter_loop(&grant, &(struct host_wish){.core = run->options->core,
                                                .priority = run->options->priority});
    run->tick_ns = tick_ns();
    run->tick_cost = tick_cost();
    for (size_t size = 0; run->rc == RC_OK && size < N_SIZE; size++)
        for (int s = 0; run->rc == RC_OK && s < MATVEC_STORAGE_COUNT; s++)
            if (sizes[size].quick || !run->options->quick)
                run->rc = measure_size(run, size, (enum matvec_storage) s);
    return NULL;
}

static enum rc run_open(struct run *run)
{
    long l2_b = sysconf(_SC_LEVEL2_CACHE_SIZE);

    run->evict_b = EVICT_L2S * (l2_b > 0 ? (size_t) l2_b : 1 << 20);
    run->evict = aligned_alloc(4096, run->evict_b);
    run->ns = calloc((size_t) run->options->calls, sizeof(*run->ns));
    run->result = json_array();
    if (!run->evict || !run->ns || !run->result)
        return err_set(RC_NOMEM, "memory of a benchmark");
    for (size_t i = 0; i < run->evict_b; i++)
        ((char *) run->evict)[i] = (char) i;
    return RC_OK;
}

enum rc bench_matvec(const struct bench_options *options, json_t **result)
{
    struct run run = {.options = options};
    pthread_t thread;

    if (options->rounds > MAX_ROUND)
        return err_set(RC_RANGE, "rounds: %d, at most %d", options->rounds, MAX_ROUND);
    run.rc = run_open(&run);
    if (run.rc == RC_OK && pthread_create(&thread, NULL, measure_all, &run) == 0)
        pthread_join(thread, NULL);
    else if (run.rc == RC_OK)
        run.rc = err_set(RC_SYS, "thread of a benchmark: not created");
    free(run.evict);
    free(run.ns);
    *result = run.result;
    return run.rc;
}

/* ---- summary ------------------------------------------------------------------------- */

/* Median of the ratio of the p50 in the row of that size, storage and cache state. */
static json_t *median_ratio(const json_t *products, const json_t *like, const char *cache,
                            const char *yardstick)
{
    static const char *const same[] = {"n_row", "n_col", "storage", "what"};
    size_t i;
    json_t *row;

    json_array_foreach(products, i, row)
    {
        bool matches = strcmp(json_string_value(json_object_get(row, "cache")), cache) == 0;

        for (size_t k = 0; k < sizeof(same) / sizeof(same[0]); k++)
            matches = matches &&
                      json_equal(json_object_get(row, same[k]), json_object_get(like, same[k]));
        if (matches)
            return json_incref(json_object_get(
                json_object_get(json_object_get(row, yardstick), "p50"), "median"));
    }
    return json_null();
}

json_t *bench_matvec_summary(const json_t *products)
{
    json_t *summary = json_array(), *row;
    size_t i;

    json_array_foreach(products, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "cache")), cache_names[CACHE_HOT]))
            continue;
        json_array_append_new(
            summary,
            json_pack("{s:O, s:O, s:O, s:o, s:o, s:o, s:o}", "rows",
                      json_object_get(row, "n_row"), "cols", json_object_get(row, "n_col"),
                      "type", json_object_get(row, "storage"), "hot_vs_bound",
                      median_ratio(products, row, "hot", "to_bound"), "hot_vs_openblas",
                      median_ratio(products, row, "hot", "to_openblas"), "cold_vs_bound",
                      median_ratio(products, row, "flushed", "to_bound"), "cold_vs_openblas",
                      median_ratio(products, row, "flushed", "to_openblas")));
    }
    return summary;
}
