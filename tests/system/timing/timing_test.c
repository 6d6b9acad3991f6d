/* A running orbitd whose gateway is the test: cycles started by its frames, the timer when they
 * stop, a reset of the timing, and what the host must grant before the loop may spin. */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/shm/client.h"
#include "rt/shm/slow_cycle.h"
#include "tests/support/process.h"
#include "tests/support/temp_files.h"
#include "tests/support/thread_watch.h"

enum { RATE_HZ = 50, PATIENCE_S = 30 };

static struct rig {
    pid_t orbitd;
    struct client *client, *source;
    pthread_t feeder;
    atomic_bool stop, silent;
    uint64_t seen; /* a counter's value to get beyond */
} rig;

static const char *write_config(const char *name, const char *loop, const char *reference)
{
    char text[1024];

    snprintf(text, sizeof text,
             "instance: timing\nruntime_dir: %s\n"
             "ring: {lattice: %s/lattices/fodo/lattice.json, devices: "
             "%s/lattices/fodo/devices.json,\n"
             "       reference: '%s/%s'}\n"
             "loop: {rate_hz: %d, priority: 0, %s}\n"
             "record: {size_mib: 1}\n",
             temp_files_folder(), ORBIT_SOURCE_DIR, ORBIT_SOURCE_DIR, temp_files_folder(),
             reference, RATE_HZ, loop);
    return temp_file(name, text);
}

/* ---- the gateway ---- */

static void publish(uint64_t frame_seq, double *value, int64_t *t_ns, const uint64_t *quality)
{
    int64_t now_ns = clock_mono_ns();
    struct frame_head head = {.frame_seq = frame_seq,
                              .t_sample_ns = now_ns,
                              .t_received_ns = now_ns,
                              .n_value = client_n_value(rig.source),
                              .scalar = {0.3, 1.0}};

    for (uint64_t i = 0; i < head.n_value; i++)
        t_ns[i] = now_ns;
    assert_true(client_publish_frame(rig.source, &head, value, value, t_ns, quality));
}

static void *feed(void *unused)
{
    uint64_t n = client_n_value(rig.source), frame_seq = 0;
    double *value = calloc(n, sizeof *value);
    int64_t *t_ns = calloc(n, sizeof *t_ns), at_ns = clock_mono_ns();
    uint64_t *quality = calloc(n, sizeof *quality);

    while (!atomic_load(&rig.stop)) {
        struct timespec wake = clock_timespec(at_ns += NS_PER_S / RATE_HZ);

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        if (!atomic_load(&rig.silent))
            publish(++frame_seq, value, t_ns, quality);
    }
    free(value);
    free(t_ns);
    free(quality);
    return unused;
}

/* ---- conditions to wait for ---- */

static const struct status_block *status(void)
{
    return client_status(rig.client);
}

static bool attached(void *unused)
{
    (void) unused;
    client_close(rig.client);
    return client_open(&rig.client, temp_path("timing.sock"), ROLE_OBSERVER, "test", 0) ==
           RC_OK;
}

static bool timer_is(void *mode)
{
    return status_load(&status()->timer) == *(enum timer_mode *) mode;
}

static bool cycles_beyond_seen(void *unused)
{
    (void) unused;
    return status_load(&status()->counter[COUNTER_CYCLES]) > rig.seen;
}

static bool why_names_the_timer(void *unused)
{
    struct text_block text;

    (void) unused;
    return client_read_text(rig.client, &text) && strstr(text.why, "cycles start by the timer");
}

/* The last frame and the cycle started by it are the newest of both. */
static bool frames_start_cycles(void *unused)
{
    struct snapshot_head *head = calloc(1, snapshot_size_b(client_dims(rig.client)));
    bool on_time;

    (void) unused;
    on_time = client_read_snapshot(rig.client, head) && head->new_frame &&
              head->frame_age_ns < NS_PER_S / RATE_HZ / 2;
    free(head);
    return on_time;
}

static void must_wait(bool (*done)(void *), void *context, const char *what)
{
    char output[4000];

    if (process_wait(done, context, PATIENCE_S))
        return;
    snprintf(output, sizeof output, "tail -n 20 %s", temp_path("log"));
    process_capture(output, output, sizeof output);
    fail_msg("waited %d s for: %s; it said: %s", PATIENCE_S, what, output);
}

static void must_be(enum timer_mode mode, const char *what)
{
    must_wait(timer_is, &mode, what);
}

static void must_go_on(uint64_t cycles)
{
    rig.seen = status_load(&status()->counter[COUNTER_CYCLES]) + cycles;
    must_wait(cycles_beyond_seen, NULL, "cycles to go on");
}

/* ---- set up ---- */

static int set_up(void **state)
{
    const char *argv[] = {"orbitd", "--config", NULL, NULL};

    if (temp_files_setup(state) != 0)
        return -1;
    argv[2] = write_config("timing.yaml", "timer: external, spin_us: 0", "reference.txt");
    (void) temp_file("reference.txt", "# all zero\n");
    rig.orbitd = process_start("orbitd", argv, temp_path("log"));
    must_wait(attached, NULL, "the socket of orbitd");
    assert_int_equal(client_open(&rig.source, temp_path("timing.sock"), ROLE_SOURCE, "bpm", 0),
                     RC_OK);
    return pthread_create(&rig.feeder, NULL, feed, NULL);
}

static int tear_down(void **state)
{
    int status;

    atomic_store(&rig.stop, true);
    pthread_join(rig.feeder, NULL);
    client_close(rig.source);
    client_close(rig.client);
    status = process_stop(rig.orbitd);
    return temp_files_teardown(state) || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* ---- tests, in this order on one orbitd ---- */

static void frames_start_the_cycles(void **state)
{
    (void) state;
    must_be(TIMER_EXTERNAL, "the timer to follow the frames");
    must_wait(frames_start_cycles, NULL, "a cycle that began with its frame");
}

static void without_frames_the_timer_goes_on_and_why_tells(void **state)
{
    (void) state;
    atomic_store(&rig.silent, true);
    must_be(TIMER_FALLBACK, "the timer to stand in");
    must_wait(why_names_the_timer, NULL, "WHY to tell it");
    must_go_on(2 * RATE_HZ);
    assert_int_equal(status_load(&status()->timer), TIMER_FALLBACK);
}

static void frames_bring_it_back(void **state)
{
    (void) state;
    atomic_store(&rig.silent, false);
    must_be(TIMER_EXTERNAL, "the timer to follow the frames again");
}

static void reset_of_the_timing_stops_nothing(void **state)
{
    struct slow_cycle worst[ORBIT_WORST_CYCLES];
    char reply[ORBIT_TEXT_SIZE];
    struct hist before, after;
    unsigned n;

    (void) state;
    must_go_on(RATE_HZ);
    client_copy_phase(rig.client, PHASE_CYCLE, &before);
    assert_int_equal(client_command(rig.client, "reset timing", 10000, reply, sizeof reply),
                     RC_OK);
    client_copy_phase(rig.client, PHASE_CYCLE, &after);
    assert_true(after.count < before.count);
    must_go_on(10);
    n = slow_cycles_read(status(), worst);
    assert_true(n > 0);
    for (unsigned i = 0; i < n; i++)
        assert_true(worst[i].cycle > status_load(&status()->timing_reset_cycle));
}

static const char *orbitctl(const char *words)
{
    static char output[20000];
    char line[512];

    snprintf(line, sizeof line, "%s/orbitctl --config %s %s", getenv("ORBITD_BIN"),
             temp_path("timing.yaml"), words);
    assert_int_equal(process_capture(line, output, sizeof output), 0);
    return output;
}

static bool journal_tells(void *words)
{
    char line[512], output[100];

    snprintf(line, sizeof line, "grep -q '%s' %s", (const char *) words, temp_path("log"));
    return process_capture(line, output, sizeof output) == 0;
}

static void events_are_told_by_the_journal_and_by_orbitctl(void **state)
{
    static const char *const told[] = {"the loop starts, period 20000 us, timer external",
                                       "source bpm delivers, generation",
                                       "source bpm delivers nothing fresh, last frame",
                                       "cycles start by fallback, was external",
                                       "cycles start by external, was fallback",
                                       "timing reset"};
    char words[100];

    (void) state;
    for (unsigned i = 0; i < sizeof told / sizeof told[0]; i++) {
        snprintf(words, sizeof words, "%s", told[i]);
        must_wait(journal_tells, words, told[i]);
        assert_non_null(strstr(orbitctl("events"), told[i]));
    }
    assert_non_null(
        strstr(orbitctl("events --json --follow --count 1"), "{\"number\":1,\"utc\":\"20"));
    assert_non_null(strstr(orbitctl("timing"), ", 50 Hz; since the reset at cycle"));
    /* A busy host may make the feeder late at any moment. */
    assert_non_null(strpbrk(orbitctl("get TIMER"), "EF"));
}

/* Counted by the kernel: no fault, and no switch but that of the sleep. */
static void cycles_cause_no_fault_and_one_switch_each(void **state)
{
    pid_t loop = thread_find(rig.orbitd, "orbitd-loop");
    struct thread_counts before, after;
    uint64_t cycles;

    (void) state;
    assert_true(loop > 0);
    must_go_on(RATE_HZ);
    cycles = status_load(&status()->counter[COUNTER_CYCLES]);
    assert_int_equal(thread_read_counts(rig.orbitd, loop, &before), 0);
    must_go_on(2 * RATE_HZ);
    assert_int_equal(thread_read_counts(rig.orbitd, loop, &after), 0);
    cycles = status_load(&status()->counter[COUNTER_CYCLES]) - cycles;
    assert_int_equal(after.minor_faults - before.minor_faults, 0);
    assert_int_equal(after.major_faults - before.major_faults, 0);
    assert_true(after.voluntary_switches - before.voluntary_switches <= cycles + 1);
}

/* The clock is read without one; nobody swaps parameters, so nobody is woken either. */
static void cycles_make_no_system_call_but_the_sleep(void **state)
{
    pid_t loop = thread_find(rig.orbitd, "orbitd-loop");
    unsigned count[SYSCALL_NUMBERS] = {0};

    (void) state;
    if (thread_count_syscalls(loop, RATE_HZ, count) != 0)
        skip();
    assert_int_equal(count[SYS_futex], 0);
    /* The first one may be the sleep that the tracer interrupted. */
    assert_true(count[SYS_clock_nanosleep] + count[SYS_restart_syscall] == RATE_HZ);
    assert_true(count[SYS_restart_syscall] <= 1);
}

static void a_reload_tells_what_it_changed(void **state)
{
    (void) state;
    assert_string_equal(orbitctl("reload"), "applied: nothing has changed\n");
    (void) write_config("timing.yaml", "timer: external, spin_us: 10, late_limit: 30",
                        "reference.txt");
    assert_string_equal(orbitctl("reload"),
                        "applied: loop.late_limit; needs a restart: loop.spin_us\n");
    (void) write_config("timing.yaml", "timer: external, spin_us: 0, late_limit: 30",
                        "reference.txt");
    (void) temp_file("reference.txt", "BPM01 1e-6 2e-6\n");
    assert_string_equal(orbitctl("reload"), "applied: reference orbit\n");
}

static void told_to_stop_while_it_waits_for_the_reference_it_ends_well(void **state)
{
    const char *argv[] = {"orbitd", "--config", NULL, NULL};
    char log[256], words[] = "waiting for the reference orbit";
    pid_t waiting;
    int status;

    (void) state;
    argv[2] = write_config("waiting.yaml", "timer: sleep", "missing.txt");
    snprintf(log, sizeof log, "%s", temp_path("log"));
    waiting = process_start("orbitd", argv, log);
    must_wait(journal_tells, words, "it to wait");
    status = process_stop(waiting);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void spinning_on_a_shared_processor_is_refused_with_its_reasons(void **state)
{
    const char *argv[] = {"orbitd", "--config", NULL, NULL};
    char line[512], output[2000];
    int status;

    (void) state;
    if (process_capture("grep -q . /sys/devices/system/cpu/isolated", output, 10) == 0)
        skip();
    argv[2] = write_config("spin.yaml", "timer: spin", "reference.txt");
    assert_true(waitpid(process_start("orbitd", argv, temp_path("spin.log")), &status, 0) > 0);
    assert_int_equal(WEXITSTATUS(status), 1);
    snprintf(line, sizeof line, "cat %s", temp_path("spin.log"));
    process_capture(line, output, sizeof output);
    assert_non_null(strstr(output, "loop.timer spin is refused"));
    assert_non_null(strstr(output, "not isolated: boot with isolcpus"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_start_the_cycles),
        cmocka_unit_test(without_frames_the_timer_goes_on_and_why_tells),
        cmocka_unit_test(frames_bring_it_back),
        cmocka_unit_test(reset_of_the_timing_stops_nothing),
        cmocka_unit_test(events_are_told_by_the_journal_and_by_orbitctl),
        cmocka_unit_test(cycles_cause_no_fault_and_one_switch_each),
        cmocka_unit_test(cycles_make_no_system_call_but_the_sleep),
        cmocka_unit_test(a_reload_tells_what_it_changed),
        cmocka_unit_test(told_to_stop_while_it_waits_for_the_reference_it_ends_well),
        cmocka_unit_test(spinning_on_a_shared_processor_is_refused_with_its_reasons),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
