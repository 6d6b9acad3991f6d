/* orbitctl itself, against a small orbitd without a loop: words, exit codes, screens. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/shm/slow_cycle.h"
#include "tests/support/exchange_rig.h"
#include "tests/support/temp_files.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, NO_ORBITD = 3 };

static struct rig rig;
static char output[16384];

/* Runs orbitctl; stdout and stderr go to output. Returns the exit code. */
static int orbitctl(const char *words)
{
    char command[1024];
    FILE *pipe;
    size_t n;
    int status;

    snprintf(command, sizeof command, "env -u ORBITD_CONFIG %s %s 2>&1", ORBITCTL, words);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool says(const char *text)
{
    if (strstr(output, text))
        return true;
    print_error("output was: %s\n", output);
    return false;
}

/* For the rig: its socket is FOLDER/INSTANCE.sock here, by a link. */
static int to_rig(const char *words)
{
    char all[512];

    snprintf(all, sizeof all, "%s --config %s", words, temp_path("config.yaml"));
    return orbitctl(all);
}

static int setup(void **state)
{
    char text[1024];

    if (temp_files_setup(state) != 0)
        return -1;
    rig_create(&rig);
    rig_start(&rig);
    snprintf(text, sizeof text,
             "instance: rig\nruntime_dir: %s\nring:\n  lattice: %s/lattices/fodo/lattice.json\n"
             "  devices: %s/lattices/fodo/devices.json\n",
             temp_files_folder(), ORBIT_SOURCE_DIR, ORBIT_SOURCE_DIR);
    temp_file("config.yaml", text);
    return symlink(rig.socket_path, temp_path("rig.sock"));
}

static int teardown(void **state)
{
    rig_stop(&rig);
    rig_destroy(&rig);
    return temp_files_teardown(state);
}

static void a_command_line_reaches_the_manager_and_its_answer_the_operator(void **state)
{
    (void) state;
    rig.verdict = RC_OK;
    rig.answer = "held: set points stay";
    assert_int_equal(to_rig("mode hold"), DONE);
    assert_string_equal(rig.line, "mode hold");
    assert_string_equal(output, "held: set points stay\n");
    assert_int_equal(to_rig("reset"), DONE);
    assert_string_equal(rig.line, "reset");
    assert_int_equal(to_rig("reset timing"), DONE);
    assert_string_equal(rig.line, "reset timing");
    assert_int_equal(to_rig("reload"), DONE);
    assert_string_equal(rig.line, "reload");
}

static void a_refusal_is_code_1_with_its_reason(void **state)
{
    (void) state;
    rig.verdict = RC_STATE;
    rig.answer = "refused: there is no stored beam";
    assert_int_equal(to_rig("mode closed"), FAILED);
    assert_true(says("there is no stored beam"));
}

static void wrong_usage_is_code_2_and_sends_nothing(void **state)
{
    unsigned before = rig.n_command;

    (void) state;
    assert_int_equal(to_rig("mode sideways"), USAGE);
    assert_true(says("off|shadow|arm|closed|hold"));
    assert_int_equal(to_rig("mode"), USAGE);
    assert_int_equal(to_rig("reset now"), USAGE);
    assert_int_equal(to_rig("status --frobnicate"), USAGE);
    assert_int_equal(to_rig("dance"), USAGE);
    assert_int_equal(orbitctl("status"), USAGE);
    assert_int_equal(orbitctl(""), USAGE);
    assert_int_equal(rig.n_command, before);
}

static void no_orbitd_is_code_3(void **state)
{
    (void) state;
    assert_int_equal(orbitctl("ping --instance nobody-has-this-name"), NO_ORBITD);
    assert_true(says("nobody-has-this-name"));
    assert_int_equal(to_rig("endpoints"), NO_ORBITD);
}

static void status_works_before_the_first_cycle(void **state)
{
    (void) state;
    assert_int_equal(to_rig("status"), DONE);
    assert_true(says("instance   rig"));
    assert_true(says("state      OFF"));
    assert_true(says("no cycle"));
    assert_int_equal(to_rig("status --json"), DONE);
    assert_true(says("\"state\": \"OFF\""));
}

static void timing_shows_phases_and_the_worst_cycles(void **state)
{
    struct status_block *status = rig.shared[SEG_STATUS].base;
    struct slow_cycle fast = {
        .cycle = 700, .t_utc_ns = 1000, .phase_ns = {[PHASE_WAKE] = 3000}};
    struct slow_cycle slow = {.cycle = 701, .skipped = 2, .phase_ns = {[PHASE_CYCLE] = 9000}};

    (void) state;
    status->timer = TIMER_FALLBACK;
    hist_record(&status->phase[PHASE_PUBLISH], 1500);
    slow_cycle_write(&status->worst[3], 1, &fast);
    slow_cycle_write(&status->worst[5], 2, &slow);
    assert_int_equal(to_rig("timing"), DONE);
    assert_true(says("timer FALLBACK"));
    assert_true(says("since the start"));
    assert_true(says("1970-01-01T00:00:00.000001"));
    assert_true(strstr(output, "\n701 ") < strstr(output, "\n700 "));
    assert_int_equal(to_rig("timing --json"), DONE);
    assert_true(says("\"cycle\": 701,\n   \"utc\": \"1970-01-01T00:00:00.000000\",\n"
                     "   \"skipped\": 2"));
    assert_true(says("\"publish\": {\n   \"count\": 1,\n   \"p50_us\": 1.5"));
    status->timing_reset_cycle = 699;
    assert_int_equal(to_rig("timing"), DONE);
    assert_true(says("since the reset at cycle 699"));
}

static void quantities_come_once_one_is_published(void **state)
{
    struct text_block text = {.why = "no fresh orbit arrives\nthere is no stored beam"};
    static union {
        struct snapshot_head head;
        char bytes[65536];
    } snapshot;

    (void) state;
    assert_int_equal(to_rig("get RMS:X"), NO_ORBITD);
    snapshot.head.rms_x_m = 12.5e-6;
    snapshot.head.cycle = 42;
    slot_ring_write(&rig.ring[SEG_SNAPSHOT], &snapshot);
    slot_ring_write(&rig.ring[SEG_TEXT], &text);
    if (to_rig("get RMS:X STATE") != DONE)
        fail_msg("%s", output);
    assert_string_equal(output, "RMS:X 12.500 um\nSTATE OFF\n");
    assert_int_equal(to_rig("watch RMS:X --rate 100 --count 2"), DONE);
    assert_string_equal(output, "# cycle  RMS:X/um\n42  12.500\n42  12.500\n");
    assert_int_equal(to_rig("status"), DONE);
    assert_true(
        says("why        no fresh orbit arrives\n           there is no stored beam\n"));
    assert_int_equal(to_rig("get WRONG:NAME"), FAILED);
    assert_true(says("WRONG:NAME"));
}

static void check_names_every_fault_with_file_line_and_key(void **state)
{
    char words[512], text[1024];

    (void) state;
    snprintf(text, sizeof text,
             "instance: x\nbogus: 1\nring:\n  lattice: %s/lattices/fodo/lattice.json\n"
             "  devices: %s/lattices/bessy2/devices.json\nloop:\n  rate_hz: -3\n",
             ORBIT_SOURCE_DIR, ORBIT_SOURCE_DIR);
    snprintf(words, sizeof words, "check %s", temp_file("bad.yaml", text));
    assert_int_equal(orbitctl(words), FAILED);
    assert_true(says("bad.yaml:2:1: bogus"));
    assert_true(says("bad.yaml:7:12: loop.rate_hz"));
    assert_true(says("not in the lattice"));
    snprintf(words, sizeof words, "check %s", temp_path("config.yaml"));
    assert_int_equal(orbitctl(words), DONE);
    assert_true(says("24 BPMs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_reaches_the_manager_and_its_answer_the_operator),
        cmocka_unit_test(a_refusal_is_code_1_with_its_reason),
        cmocka_unit_test(wrong_usage_is_code_2_and_sends_nothing),
        cmocka_unit_test(no_orbitd_is_code_3),
        cmocka_unit_test(status_works_before_the_first_cycle),
        cmocka_unit_test(timing_shows_phases_and_the_worst_cycles),
        cmocka_unit_test(quantities_come_once_one_is_published),
        cmocka_unit_test(check_names_every_fault_with_file_line_and_key),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
