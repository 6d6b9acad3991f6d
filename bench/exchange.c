/* Snapshots and parameter sets exchanged with the running loop under load: what the loop's
 * cycle pays for readers and for sets that come all the time, and what these get. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/cycle_rig.h"
#include "bench/samples.h"
#include "rt/base/clock.h"
#include "rt/base/hist.h"
#include "rt/sys/host.h"

enum { N_READER = 4, MOST_ROUND = 99, MOST_SWAP = 20000, N_PHASE = 3 };
static const int64_t swap_period_ns = 5000000, swap_timeout_ns = 1000000000;
static const struct timespec read_pause = {.tv_nsec = 100000};
static const enum phase watched[N_PHASE] = {PHASE_PUBLISH, PHASE_CORRECT, PHASE_CYCLE};
static const char *const phase_names[N_PHASE] = {"publish", "correct", "cycle"};

enum condition_of_test { ALONE, READERS, SWAPS, BOTH, CONDITIONS };
static const char *const condition_names[CONDITIONS] = {"alone", "readers", "swaps", "both"};

/* Sums over all rounds of a condition. */
struct tally {
    struct percentiles phase[N_PHASE][MOST_ROUND]; /* ns */
    double seconds, reads, records, lost, swaps, refused;
    double swap_ns[MOST_SWAP]; /* from publishing to the loop's use */
    size_t n_swap_ns;
};

struct exchange {
    const struct bench_options *options;
    struct cycle_rig rig;
    struct host_grant grant;
    atomic_bool stop; /* the loop */
    atomic_bool done; /* readers and swaps of this window */
    _Atomic uint64_t reads, records, lost;
    struct tally tally[CONDITIONS], *now;
};

static void *loop_thread(void *argument)
{
    struct exchange *self = argument;

    host_enter_loop(&self->grant, &(struct host_wish){.core = self->options->core,
                                                      .priority = self->options->priority});
    loop_run(self->rig.loop, &self->stop);
    return NULL;
}

/* Newest snapshot and next record, some thousand times a second. */
static void *reader_thread(void *argument)
{
    struct exchange *self = argument;
    struct slot_reader snapshots, records;
    uint64_t snapshot_b = snapshot_size_b(&self->rig.setup.dims);
    uint64_t record_b = record_size_b(&self->rig.setup.dims), next = 0, lost = 0;
    void *buffer = malloc(snapshot_b > record_b ? snapshot_b : record_b);
    bool ok =
        buffer &&
        slot_reader_attach(&snapshots, &self->rig.snapshot_segment, snapshot_b) == RC_OK &&
        slot_reader_attach(&records, &self->rig.record_segment, record_b) == RC_OK;

    while (ok && !atomic_load(&self->done)) {
        if (slot_reader_read_newest(&snapshots, buffer) > 0)
            atomic_fetch_add(&self->reads, 1);
        if (slot_reader_read_next(&records, &next, buffer, &lost))
            atomic_fetch_add(&self->records, 1);
        nanosleep(&read_pause, NULL);
    }
    atomic_fetch_add(&self->lost, lost);
    free(buffer);
    return NULL;
}

static void note_swap(struct exchange *self, uint64_t revision, int64_t from_ns)
{
    struct tally *tally = self->now;

    tally->swaps++;
    while (__atomic_load_n(&self->rig.status->revision, __ATOMIC_ACQUIRE) < revision)
        if (clock_mono_ns() - from_ns > swap_timeout_ns)
            return;
    if (tally->n_swap_ns < MOST_SWAP)
        tally->swap_ns[tally->n_swap_ns++] = (double) (clock_mono_ns() - from_ns);
}

/* A whole new set every 5 ms, and how long the loop takes to use it. */
static void *swap_thread(void *argument)
{
    struct exchange *self = argument;
    const struct timespec pause = {.tv_nsec = swap_period_ns};

    while (!atomic_load(&self->done)) {
        struct params *params = params_begin(self->rig.params);
        int64_t from_ns = clock_mono_ns();

        if (params) {
            params_publish(self->rig.params, params);
            note_swap(self, params_revision(self->rig.params), from_ns);
        } else {
            self->now->refused++;
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- windows ------------------------------------------------------------------------- */

static void feed_for(struct exchange *self, double seconds)
{
    int64_t at_ns = clock_mono_ns(), end_ns = at_ns + (int64_t) (seconds * 1e9);

    while (at_ns < end_ns)
        at_ns = cycle_rig_beat(&self->rig, at_ns);
}

static struct percentiles interval(const struct exchange *self, int k, const struct hist *from)
{
    struct hist now;

    hist_copy(&now, &self->rig.status->phase[watched[k]]);
    hist_subtract(&now, from);
    return (struct percentiles){.p50 = (double) hist_percentile(&now, 50),
                                .p99 = (double) hist_percentile(&now, 99),
                                .p999 = (double) hist_percentile(&now, 99.9),
                                .max = (double) now.max};
}

static enum rc start_helpers(struct exchange *self, enum condition_of_test condition,
                             pthread_t *thread, int *n)
{
    int readers = condition == READERS || condition == BOTH ? N_READER : 0;
    bool swaps = condition == SWAPS || condition == BOTH;

    atomic_store(&self->done, false);
    atomic_store(&self->reads, 0);
    atomic_store(&self->records, 0);
    atomic_store(&self->lost, 0);
    for (*n = 0; *n < readers + swaps; (*n)++)
        if (pthread_create(&thread[*n], NULL, *n < readers ? reader_thread : swap_thread, self))
            return err_set(RC_SYS, "thread of a benchmark: not created");
    return RC_OK;
}

static enum rc play_window(struct exchange *self, enum condition_of_test condition, int round)
{
    static struct hist from[N_PHASE];
    pthread_t thread[N_READER + 1];
    int n;
    enum rc rc;

    self->now = &self->tally[condition];
    rc = start_helpers(self, condition, thread, &n);
    feed_for(self, 0.05);
    for (int k = 0; k < N_PHASE; k++)
        hist_copy(&from[k], &self->rig.status->phase[watched[k]]);
    feed_for(self, self->options->exchange_seconds);
    for (int k = 0; k < N_PHASE; k++)
        self->now->phase[k][round] = interval(self, k, &from[k]);
    atomic_store(&self->done, true);
    while (n-- > 0)
        pthread_join(thread[n], NULL);
    self->now->seconds += self->options->exchange_seconds + 0.05;
    self->now->reads += (double) atomic_load(&self->reads);
    self->now->records += (double) atomic_load(&self->records);
    self->now->lost += (double) atomic_load(&self->lost);
    return rc;
}

/* ---- result -------------------------------------------------------------------------- */

static json_t *condition_json(struct exchange *self, int condition)
{
    struct tally *tally = &self->tally[condition];
    size_t rounds = (size_t) self->options->rounds;
    json_t *row = json_pack(
        "{s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "what", condition_names[condition],
        "rate_hz", self->rig.setup.rate_hz, "priority", self->grant.priority, "reads_per_s",
        tally->reads / tally->seconds, "records_per_s", tally->records / tally->seconds,
        "records_lost", tally->lost, "swaps_per_s", tally->swaps / tally->seconds,
        "swaps_refused", tally->refused);

    for (int k = 0; k < N_PHASE; k++)
        json_object_set_new(row, phase_names[k], percentiles_json(tally->phase[k], rounds));
    json_object_set_new(row, "cycle_to_alone",
                        percentiles_ratio_json(tally->phase[N_PHASE - 1],
                                               self->tally[ALONE].phase[N_PHASE - 1], rounds));
    if (tally->n_swap_ns > 0) {
        struct percentiles swap = samples_percentiles(tally->swap_ns, tally->n_swap_ns);

        json_object_set_new(row, "swap", percentiles_json(&swap, 1));
    } else {
        json_object_set_new(row, "swap", json_null());
    }
    return row;
}

static enum rc play(struct exchange *self, json_t *result)
{
    enum rc rc = RC_OK;

    for (int round = 0; round < self->options->rounds; round++)
        for (int c = 0; c < CONDITIONS && rc == RC_OK; c++)
            rc = play_window(self, (enum condition_of_test) c, round);
    for (int c = 0; c < CONDITIONS && rc == RC_OK; c++)
        json_array_append_new(result, condition_json(self, c));
    return rc;
}

enum rc bench_exchange(const struct bench_options *options, json_t **result)
{
    static const struct cycle_setup setup = {.what = "law",
                                             .dims = {123, 48, 64, 1},
                                             .rate_hz = 1000,
                                             .frames = true,
                                             .matrices = true,
                                             .storage = MATVEC_F32};
    static struct exchange self;
    struct host_grant grant = {0};
    pthread_t thread;
    enum rc rc;

    self = (struct exchange){.options = options};
    *result = json_array();
    if (options->rounds > MOST_ROUND)
        return err_set(RC_RANGE, "rounds: %d, at most %d", options->rounds, MOST_ROUND);
    host_lock_memory(&grant);
    rc = cycle_rig_open(&self.rig, &setup);
    if (rc == RC_OK && pthread_create(&thread, NULL, loop_thread, &self) != 0)
        rc = err_set(RC_SYS, "thread of a benchmark: not created");
    else if (rc == RC_OK) {
        rc = play(&self, *result);
        atomic_store(&self.stop, true);
        pthread_join(thread, NULL);
    }
    cycle_rig_close(&self.rig);
    return rc;
}
