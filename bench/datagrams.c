/* From the datagram with positions to the one with set points: the closed loop in the mode
 * external, and a thread that only answers, over sockets of the same kind on the same core. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/cycle_rig.h"
#include "bench/datagrams_peer.h"
#include "bench/samples.h"
#include "rt/base/clock.h"
#include "rt/base/hist.h"
#include "rt/hal/udp_actuator.h"
#include "rt/hal/udp_input.h"
#include "rt/sys/host.h"

enum { ANSWER_HZ = 50, MOST_ROUND = 1000000 };

static const struct orbit_dims dims = {123, 48, 64, 1};
static const int rates[] = {1000, 10000, 50000};
enum { N_RATE = sizeof rates / sizeof rates[0] };

/* How it went over all rounds of one rate and contestant. */
struct score {
    struct percentiles round[99];
    uint64_t sent, answered, lost, dropped;
    double compute_p50_us;
};

struct run {
    const struct bench_options *options;
    int rate_hz;
    struct datagrams_peer peer;
    struct cycle_rig rig;
    struct udp_socket echo;
    atomic_bool stop;
    struct host_grant grant;
    double *sample_ns; /* [MOST_ROUND] */
};

/* ---- contestants ---- */

static struct udp_address loopback(uint16_t port)
{
    return (struct udp_address){.host = INADDR_LOOPBACK, .port = port};
}

static enum rc open_input(struct run *run)
{
    struct stream_bpm bpm[256];
    struct udp_input_setup setup = {.stream = {.format = BPM_LIBERA_GROUPING,
                                               .counter_step = 1,
                                               .source_id = RIG_BPM,
                                               .n_bpm = dims.n_bpm,
                                               .n_stream_bpm = dims.n_bpm,
                                               .bpm = bpm},
                                    .listen = loopback(0)};
    enum rc rc;

    for (uint32_t i = 0; i < dims.n_bpm; i++)
        bpm[i] = (struct stream_bpm){.bpm = i, .id = i, .transform = {.xx = 1e-9, .yy = 1e-9}};
    rc = udp_input_create(&run->rig.hal.udp[RIG_BPM], &setup);
    if (rc == RC_OK)
        run->peer.bpm_port = udp_input_port(run->rig.hal.udp[RIG_BPM]);
    return rc;
}

static enum rc open_supplies(struct run *run)
{
    struct udp_supply_setup supply[256];
    struct udp_device_setup device = {.format = SUPPLY_ORBITD,
                                      .send = loopback(run->peer.port),
                                      .listen = loopback(0),
                                      .device = PEER_DEVICE,
                                      .timeout_ns = NS_PER_S,
                                      .write = true};
    struct udp_actuator_setup setup = {.source_id = RIG_ACTUATOR,
                                       .n_col = dims_n_col(&dims),
                                       .n_kick = dims.n_h + dims.n_v,
                                       .n_device = 1,
                                       .n_supply = dims.n_h + dims.n_v,
                                       .device = &device,
                                       .supply = supply,
                                       .status = run->rig.status};
    enum rc rc;

    for (uint64_t i = 0; i < setup.n_supply; i++)
        supply[i] =
            (struct udp_supply_setup){.column = i, .supply = (uint16_t) i, .rad_per_a = 1e-3};
    rc = udp_actuator_create(&run->rig.hal.supplies, &setup);
    run->rig.hal.supplies_source = RIG_ACTUATOR;
    if (rc == RC_OK)
        run->peer.answer_port = udp_actuator_port(run->rig.hal.supplies, 0);
    return rc;
}

static void *run_loop(void *argument)
{
    struct run *run = argument;

    host_enter_loop(&run->grant, &(struct host_wish){.core = run->options->core,
                                                     .priority = run->options->priority});
    loop_run(run->rig.loop, &run->stop);
    return NULL;
}

/* Waits as the loop does: asleep to 0.6 periods, then polling. */
static void *run_echo(void *argument)
{
    static const uint8_t answer[56 + 8 * 112];
    struct run *run = argument;
    const struct udp_address to = loopback(run->peer.port);
    int64_t period_ns = NS_PER_S / run->rate_hz;

    host_enter_loop(&run->grant, &(struct host_wish){.core = run->options->core,
                                                     .priority = run->options->priority});
    while (!atomic_load(&run->stop)) {
        int n = udp_socket_receive(&run->echo);

        if (n == 0)
            continue;
        (void) udp_socket_new_drops(&run->echo, n);
        (void) udp_socket_send(&run->echo, &to, answer, sizeof answer);
        timer_sleep_until(clock_mono_ns() + period_ns * 3 / 5);
    }
    return NULL;
}

/* ---- the machine ---- */

static void sleep_until(int64_t at_ns)
{
    struct timespec wake = clock_timespec(at_ns);

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
}

/* One period; the time until set points came, or a negative one. */
static double play_period(struct run *run, int64_t at_ns, bool answer)
{
    int64_t period_ns = NS_PER_S / run->rate_hz, sent_ns;
    bool came;

    sleep_until(at_ns);
    if (answer)
        datagrams_peer_answer(&run->peer);
    /* What came too late must not be taken for the next answer. */
    while (datagrams_peer_await(&run->peer, 0))
        ;
    sent_ns = clock_mono_ns();
    datagrams_peer_send(&run->peer);
    came = datagrams_peer_await(&run->peer, at_ns + period_ns);
    return came ? (double) (clock_mono_ns() - sent_ns) : -1;
}

/* Plays until `seconds` are over, and scores unless score is NULL. */
static void play(struct run *run, double seconds, struct score *score, int round)
{
    int64_t period_ns = NS_PER_S / run->rate_hz, at_ns = clock_mono_ns() + period_ns;
    int64_t end_ns = at_ns + (int64_t) (seconds * 1e9);
    size_t n = 0, every = (size_t) (run->rate_hz / ANSWER_HZ);

    for (uint64_t k = 0; at_ns < end_ns; k++) {
        double took_ns = play_period(run, at_ns, k % every == 0);

        if (took_ns >= 0 && n < MOST_ROUND)
            run->sample_ns[n++] = took_ns;
        if (score)
            score->sent++;
        at_ns += period_ns;
        if (at_ns < clock_mono_ns())
            at_ns = clock_mono_ns() + period_ns;
    }
    if (!score)
        return;
    score->answered += n;
    score->round[round] =
        n ? samples_percentiles(run->sample_ns, n) : (struct percentiles){0, 0, 0, 0};
}

/* Plays on until the loop has done it; false: it refuses. */
static bool ask(struct run *run, enum request request)
{
    int64_t end_ns = clock_mono_ns() + 10 * NS_PER_S;

    while (clock_mono_ns() < end_ns) {
        uint64_t ticket = loop_request(run->rig.loop, request), unmet;
        enum answer answer = ANSWER_UNMET;

        play(run, 0.1, NULL, 0);
        if (loop_answer(run->rig.loop, ticket, &answer, &unmet) && answer == ANSWER_DONE)
            return true;
    }
    return false;
}

/* ---- rounds ---- */

static enum rc measure_echo(struct run *run, struct score *score, int round)
{
    const struct udp_address any = loopback(0);
    pthread_t thread;
    enum rc rc = udp_socket_open(&run->echo, &any);

    if (rc != RC_OK)
        return rc;
    run->peer.bpm_port = run->peer.answer_port = run->echo.port;
    atomic_store(&run->stop, false);
    if (pthread_create(&thread, NULL, run_echo, run) != 0)
        return err_set(RC_SYS, "thread of a benchmark: not created");
    play(run, run->options->seconds, score, round);
    atomic_store(&run->stop, true);
    pthread_join(thread, NULL);
    udp_socket_close(&run->echo);
    return RC_OK;
}

static void read_counters(const struct run *run, struct score *score)
{
    const uint64_t *counter = bpm_stream_counters(udp_input_stream(run->rig.hal.udp[RIG_BPM]));
    struct hist copy;

    score->lost += counter[SOURCE_LOST];
    score->dropped += counter[SOURCE_DROPPED];
    hist_copy(&copy, &run->rig.status->phase[PHASE_CYCLE]);
    score->compute_p50_us = (double) hist_percentile(&copy, 50) / 1000;
}

static enum rc close_and_play(struct run *run, struct score *score, int round)
{
    pthread_t thread;
    enum rc rc = RC_OK;

    atomic_store(&run->stop, false);
    if (pthread_create(&thread, NULL, run_loop, run) != 0)
        return err_set(RC_SYS, "thread of a benchmark: not created");
    play(run, 0.2, NULL, 0);
    if (!ask(run, REQUEST_ARM) || !ask(run, REQUEST_CLOSE))
        rc = err_set(RC_STATE, "the loop of the benchmark does not close (unmet 0x%llx)",
                     (unsigned long long) run->rig.status->unmet);
    else
        play(run, run->options->seconds, score, round);
    atomic_store(&run->stop, true);
    pthread_join(thread, NULL);
    if (rc == RC_OK)
        read_counters(run, score);
    return rc;
}

static enum rc measure_loop(struct run *run, struct score *score, int round)
{
    const struct cycle_setup setup = {.what = "datagrams",
                                      .dims = dims,
                                      .rate_hz = run->rate_hz,
                                      .frames = true,
                                      .matrices = true,
                                      .storage = MATVEC_F32,
                                      .external = true};
    enum rc rc = cycle_rig_open(&run->rig, &setup);

    if (rc != RC_OK)
        return rc;
    run->peer.cycle = run->peer.counter = 0;
    memset(run->peer.set_a, 0, run->peer.n_supply * sizeof *run->peer.set_a);
    rc = open_input(run);
    if (rc == RC_OK)
        rc = open_supplies(run);
    if (rc == RC_OK)
        rc = close_and_play(run, score, round);
    udp_input_destroy(run->rig.hal.udp[RIG_BPM]);
    udp_actuator_destroy(run->rig.hal.supplies);
    cycle_rig_close(&run->rig);
    return rc;
}

static json_t *score_json(const struct score *score, int rounds)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "sent", (json_int_t) score->sent, "answered",
                     (json_int_t) score->answered, "lost", (json_int_t) score->lost, "dropped",
                     (json_int_t) score->dropped, "us",
                     percentiles_json(score->round, (size_t) rounds));
}

static enum rc measure_rate(struct run *run, json_t *result)
{
    static struct score echo, loop;
    int rounds = run->options->pairs;
    enum rc rc = RC_OK;

    echo = loop = (struct score){.sent = 0};
    for (int round = 0; rc == RC_OK && round < rounds; round++) {
        rc = measure_echo(run, &echo, round);
        if (rc == RC_OK)
            rc = measure_loop(run, &loop, round);
    }
    if (rc == RC_OK)
        json_array_append_new(result,
                              json_pack("{s:i, s:i, s:f, s:o, s:o}", "rate_hz", run->rate_hz,
                                        "priority", run->grant.priority, "compute_p50_us",
                                        loop.compute_p50_us, "echo", score_json(&echo, rounds),
                                        "loop", score_json(&loop, rounds)));
    return rc;
}

/* A machine does not wait for a processor: it has the loop's right on the other one. */
static void be_a_machine(int priority)
{
    struct sched_param param = {.sched_priority = priority};

    (void) pthread_setschedparam(pthread_self(), priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

enum rc bench_datagrams(const struct bench_options *options, json_t **result)
{
    static struct run run;
    enum rc rc;

    *result = json_array();
    run = (struct run){.options = options};
    run.sample_ns = calloc(MOST_ROUND, sizeof *run.sample_ns);
    if (!run.sample_ns)
        return err_set(RC_NOMEM, "samples of a benchmark");
    host_lock_memory(&run.grant);
    be_a_machine(options->priority);
    rc = datagrams_peer_open(&run.peer, dims.n_bpm, dims.n_h + dims.n_v);
    for (int i = 0; rc == RC_OK && i < N_RATE; i++) {
        run.rate_hz = rates[i];
        rc = measure_rate(&run, *result);
    }
    be_a_machine(0);
    datagrams_peer_close(&run.peer);
    free(run.sample_ns);
    return rc;
}
