/* Kills and stops the real processes around a closed loop, and the loop itself. The cycle
 * counter is watched all the time through the record ring: it never repeats, goes back, or
 * stands still for a second, and every jump is a counted skip. */
#include "tests/support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/shm/client.h"
#include "tests/support/process.h"

static struct rig {
    char folder[64], config[128], socket[128], log[128];
    int ring_port;
    pid_t run; /* orbitctl run */
    struct client *client;
} rig;

/* ---- watching the counter ---- */

static struct watch {
    pthread_t thread;
    struct client *client;
    atomic_bool stop;
    uint64_t records, lost, jumps;      /* jumps: not explained by counted skips */
    int64_t longest_ns, oldest_good_ns; /* age of the oldest frame that counted as good */
} watch;

enum { BPM_MAX_AGE_MS = 500 };

/* Row 0 stands for all: its quality lies behind the orbit. */
static bool orbit_is_good(const struct record_head *record)
{
    const uint64_t *words = (const uint64_t *) (const void *) (record + 1);

    return words[dims_n_row(client_dims(watch.client))] == QUALITY_GOOD;
}

static void *watch_cycles(void *unused)
{
    struct record_head *record = malloc(record_size_b(client_dims(watch.client)));
    uint64_t next = 0, last_cycle = 0;
    int64_t last_ns = clock_mono_ns();

    while (!atomic_load(&watch.stop)) {
        uint64_t lost = 0;
        struct timespec pause = {.tv_nsec = 2000000};

        if (!client_read_record(watch.client, &next, record, &lost)) {
            nanosleep(&pause, NULL);
            continue;
        }
        watch.lost += lost;
        if (last_cycle && !lost && record->cycle != last_cycle + 1 + record->skipped)
            watch.jumps++;
        if (last_cycle && record->cycle <= last_cycle)
            watch.jumps++;
        if (watch.records && record->t_mono_ns - last_ns > watch.longest_ns)
            watch.longest_ns = record->t_mono_ns - last_ns;
        if (orbit_is_good(record) &&
            record->t_mono_ns - record->frame_t_sample_ns > watch.oldest_good_ns)
            watch.oldest_good_ns = record->t_mono_ns - record->frame_t_sample_ns;
        last_ns = record->t_mono_ns;
        last_cycle = record->cycle;
        watch.records++;
    }
    free(record);
    return unused;
}

static void start_watch(void)
{
    watch = (struct watch){0};
    assert_int_equal(client_open(&watch.client, rig.socket, ROLE_OBSERVER, "watch", 0), RC_OK);
    assert_int_equal(pthread_create(&watch.thread, NULL, watch_cycles, NULL), 0);
}

static void end_watch(void)
{
    atomic_store(&watch.stop, true);
    pthread_join(watch.thread, NULL);
    client_close(watch.client);
    assert_true(watch.records > 10);
    assert_int_equal(watch.lost, 0);
    assert_int_equal(watch.jumps, 0);
    assert_true(watch.longest_ns < 1000000000);
    assert_true(watch.oldest_good_ns <= BPM_MAX_AGE_MS * 1000000LL);
}

/* ---- conditions to wait for ---- */

static bool attached(void *unused)
{
    (void) unused;
    client_close(rig.client);
    return client_open(&rig.client, rig.socket, ROLE_OBSERVER, "test", 0) == RC_OK;
}

static uint64_t state_now(void)
{
    return status_load(&client_status(rig.client)->state);
}

static bool state_is(void *wanted)
{
    return state_now() == *(enum loop_state *) wanted;
}

static bool ready_to_arm(void *unused)
{
    (void) unused;
    return (status_load(&client_status(rig.client)->unmet) & ~(1ULL << COND_ARM_ACK)) == 0;
}

static bool ready_to_close(void *unused)
{
    (void) unused;
    return status_load(&client_status(rig.client)->unmet) == 0;
}

static void show_log(void)
{
    char command[256], output[6000];

    snprintf(command, sizeof command, "tail -n 40 %s", rig.log);
    process_capture(command, output, sizeof output);
    print_error("%s\n", output);
}

static void wait_state(enum loop_state wanted, double timeout_s)
{
    struct text_block text = {0};

    if (process_wait(state_is, &wanted, timeout_s))
        return;
    client_read_text(rig.client, &text);
    show_log();
    fail_msg("state is %d, not %d; why: %s", (int) state_now(), (int) wanted, text.why);
}

static void must_wait(bool (*done)(void *), void *context, double timeout_s, const char *what)
{
    struct text_block text = {0};

    if (process_wait(done, context, timeout_s))
        return;
    if (rig.client)
        client_read_text(rig.client, &text);
    show_log();
    fail_msg("waited %.0f s for: %s; why: %s", timeout_s, what, text.why);
}

static bool passed(void *until_ns)
{
    return clock_mono_ns() > *(int64_t *) until_ns;
}

static bool why_tells_stale(void *unused)
{
    struct text_block text;

    (void) unused;
    return client_read_text(rig.client, &text) && strstr(text.why, "no fresh orbit");
}

static void command(const char *line)
{
    char reply[ORBIT_TEXT_SIZE] = "";

    if (client_command(rig.client, line, 3000, reply, sizeof reply) != RC_OK)
        fail_msg("%s: %s", line, reply);
}

static void close_loop(void)
{
    must_wait(ready_to_arm, NULL, 60, "everything but arming");
    if (state_now() == STATE_CLOSED)
        return;
    command("mode arm");
    must_wait(ready_to_close, NULL, 30, "acknowledgement");
    command("mode closed");
    wait_state(STATE_CLOSED, 5);
}

/* ---- the machine's own account of writes ---- */

static double sim(const char *pv)
{
    char line[512], output[256];

    snprintf(line, sizeof line,
             "EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_ADDR_LIST=127.0.0.1:%d %s/caget -t -w 5 "
             "SIM:%s 2>/dev/null",
             rig.ring_port, getenv("EPICS_BIN"), pv);
    assert_int_equal(process_capture(line, output, sizeof output), 0);
    return strtod(output, NULL);
}

/* ---- set up ---- */

static void write_config(void)
{
    FILE *file = fopen(rig.config, "we");

    assert_non_null(file);
    fprintf(file,
            "instance: fault\nruntime_dir: %s\n"
            "ring: {lattice: %s/lattices/fodo/lattice.json, devices: "
            "%s/lattices/fodo/devices.json,\n"
            "       reference: 'state:reference.txt'}\n"
            "loop: {rate_hz: 200, timer: sleep, priority: 0}\n"
            "record: {size_mib: 8}\n"
            "source: {bpm_max_age_ms: %d}\n"
            "hold: {max_s: 120}\n"
            "law: {every: 20}\n"
            "check: {required: false}\n"
            "epics: {current_pv: 'RING:current'}\n"
            "virtual: {rate_hz: 200, ca_port: %d}\n"
            "run: {programs: [orbit-ring, orbitd, orbit-model, orbit-epics]}\n",
            rig.folder, ORBIT_SOURCE_DIR, ORBIT_SOURCE_DIR, BPM_MAX_AGE_MS, rig.ring_port);
    fclose(file);
}

static int set_up(void **state)
{
    const char *const argv[] = {"orbitctl", "run", rig.config, NULL};

    (void) state;
    strcpy(rig.folder, "/tmp/orbitd-fault-XXXXXX");
    assert_non_null(mkdtemp(rig.folder));
    snprintf(rig.config, sizeof rig.config, "%s/fault.yaml", rig.folder);
    snprintf(rig.socket, sizeof rig.socket, "%s/fault.sock", rig.folder);
    snprintf(rig.log, sizeof rig.log, "%s/log", rig.folder);
    rig.ring_port = process_free_port();
    write_config();
    rig.run = process_start("orbitctl", argv, rig.log);
    must_wait(attached, NULL, 30, "the socket of orbitd");
    return 0;
}

static int tear_down(void **state)
{
    char line[128], output[64];

    (void) state;
    client_close(rig.client);
    process_stop(rig.run);
    snprintf(line, sizeof line, "rm -rf %s", rig.folder);
    return process_capture(line, output, sizeof output);
}

/* ---- tests, in this order on one running set ---- */

static bool corrected(void *before_um)
{
    const double *before = before_um;

    return sim("RMS:X") < 0.3 * before[0] && sim("RMS:Y") < 0.3 * before[1];
}

static void closes_and_corrects(void **state)
{
    double before_um[2];

    (void) state;
    must_wait(ready_to_arm, NULL, 60, "everything but arming");
    before_um[0] = sim("RMS:X");
    before_um[1] = sim("RMS:Y");
    start_watch();
    close_loop();
    must_wait(corrected, before_um, 30, "rms below a third of before");
    end_watch();
}

static void kill_of_the_gateway_is_hold_and_it_comes_back(void **state)
{
    (void) state;
    close_loop();
    start_watch();
    kill(process_find_child(rig.run, "orbit-epics"), SIGKILL);
    wait_state(STATE_HOLD, 2);
    wait_state(STATE_CLOSED, 60);
    end_watch();
}

static void stop_of_the_gateway_writes_nothing_after_its_lease(void **state)
{
    pid_t epics = process_find_child(rig.run, "orbit-epics");
    double written;
    int64_t quiet_from_ns;

    (void) state;
    close_loop();
    start_watch();
    kill(epics, SIGSTOP);
    wait_state(STATE_HOLD, 5);
    command("mode shadow");
    quiet_from_ns = clock_mono_ns() + 1000000000;
    must_wait(passed, &quiet_from_ns, 10, "every lease to end");
    written = sim("WRITES");
    kill(epics, SIGCONT);
    /* The stopped process still held a block of a lease that ended meanwhile. It lives again
     * when frames come again; by then it would have written it. */
    must_wait(ready_to_arm, NULL, 60, "everything but arming");
    assert_close(sim("WRITES"), written, 0.0, 0.1);
    end_watch();
}

static void stop_of_the_machine_is_stale_and_it_comes_back(void **state)
{
    pid_t ring = process_find_child(rig.run, "orbit-ring");

    (void) state;
    close_loop();
    start_watch();
    kill(ring, SIGSTOP);
    wait_state(STATE_HOLD, 5);
    assert_true(status_load(&client_status(rig.client)->cause) & 1ULL << COND_PACE);
    must_wait(why_tells_stale, NULL, 5, "WHY to tell it");
    kill(ring, SIGCONT);
    wait_state(STATE_CLOSED, 60);
    end_watch();
}

static void kill_of_the_machine_comes_back(void **state)
{
    (void) state;
    close_loop();
    start_watch();
    kill(process_find_child(rig.run, "orbit-ring"), SIGKILL);
    wait_state(STATE_HOLD, 5);
    wait_state(STATE_CLOSED, 90);
    end_watch();
}

static bool new_set_accepted(void *revision)
{
    return status_load(&client_status(rig.client)->revision) > *(uint64_t *) revision;
}

static void kill_of_the_model_changes_nothing(void **state)
{
    uint64_t revision;

    (void) state;
    close_loop();
    start_watch();
    revision = status_load(&client_status(rig.client)->revision);
    kill(process_find_child(rig.run, "orbit-model"), SIGKILL);
    must_wait(new_set_accepted, &revision, 30, "a set from the new orbit-model");
    assert_int_equal(state_now(), STATE_CLOSED);
    end_watch();
}

static bool other_run(void *run_id)
{
    attached(NULL);
    return rig.client && client_run_id(rig.client) != *(uint64_t *) run_id;
}

static void stop_of_the_model_changes_nothing(void **state)
{
    pid_t model = process_find_child(rig.run, "orbit-model");
    int64_t until_ns;

    (void) state;
    close_loop();
    start_watch();
    kill(model, SIGSTOP);
    until_ns = clock_mono_ns() + 2 * NS_PER_S;
    must_wait(passed, &until_ns, 10, "two seconds without the model");
    assert_int_equal(state_now(), STATE_CLOSED);
    kill(model, SIGCONT);
    end_watch();
}

/* End of the newest block's lease; the dead run's memory stays readable. */
static int64_t lease_end_ns(void)
{
    struct setpoint_head *block = malloc(setpoint_size_b(client_dims(rig.client)));
    int64_t end_ns;

    assert_true(client_read_setpoint(rig.client, block));
    end_ns = block->valid_until_ns;
    free(block);
    return end_ns;
}

static void kill_of_orbitd_ends_writing_with_the_lease_and_starts_in_shadow(void **state)
{
    const int64_t put_on_its_way_ns = 200000000;
    int64_t quiet_from_ns;
    uint64_t run_id;
    double written;

    (void) state;
    close_loop();
    run_id = client_run_id(rig.client);
    kill(process_find_child(rig.run, "orbitd"), SIGKILL);
    quiet_from_ns = lease_end_ns() + put_on_its_way_ns;
    must_wait(passed, &quiet_from_ns, 10, "the end of the lease");
    written = sim("WRITES");
    must_wait(other_run, &run_id, 30, "a new run of orbitd");
    assert_int_equal(state_now(), STATE_SHADOW);
    must_wait(ready_to_arm, NULL, 60, "everything but arming");
    assert_int_equal(state_now(), STATE_SHADOW);
    assert_close(sim("WRITES"), written, 0.0, 0.1);
}

static void everything_ends_cleanly(void **state)
{
    int status;

    (void) state;
    client_close(rig.client);
    rig.client = NULL;
    status = process_stop(rig.run);
    rig.run = -1;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_not_equal(access(rig.socket, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_and_corrects),
        cmocka_unit_test(kill_of_the_gateway_is_hold_and_it_comes_back),
        cmocka_unit_test(stop_of_the_gateway_writes_nothing_after_its_lease),
        cmocka_unit_test(stop_of_the_machine_is_stale_and_it_comes_back),
        cmocka_unit_test(kill_of_the_machine_comes_back),
        cmocka_unit_test(kill_of_the_model_changes_nothing),
        cmocka_unit_test(stop_of_the_model_changes_nothing),
        cmocka_unit_test(kill_of_orbitd_ends_writing_with_the_lease_and_starts_in_shadow),
        cmocka_unit_test(everything_ends_cleanly),
    };

    return cmocka_run_group_tests_name("fault/processes", tests, set_up, tear_down);
}
