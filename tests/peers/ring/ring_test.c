/* orbit-ring as a process, seen by caget, caput and camonitor of EPICS Base: the small ring's
 * PVs, settings, faults, lost beam, the account of writes, reference and endpoints, and a clean
 * end. */
#include "tests/support/test.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "tests/support/process.h"

enum { RATE_HZ = 200, LINE_SIZE = 512 };

static struct rig {
    char folder[64], config[96], log[96];
    int port;
    pid_t ring;
} rig;

/* ---- the clients of EPICS Base ---- */

static int client(const char *program, const char *arguments, char *output, size_t size)
{
    char line[4 * LINE_SIZE];

    snprintf(
        line, sizeof line,
        "EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_ADDR_LIST=127.0.0.1:%d %s/%s %s 2>%s/client.log",
        rig.port, getenv("EPICS_BIN"), program, arguments, rig.folder);
    return process_capture(line, output, size);
}

static void get_text(const char *arguments, char *output, size_t size)
{
    char line[LINE_SIZE + 16];

    snprintf(line, sizeof line, "-t -w 5 %s", arguments);
    if (client("caget", line, output, size) != 0)
        fail_msg("caget %s: %s", arguments, output);
}

static double get(const char *pv)
{
    char output[LINE_SIZE];

    get_text(pv, output, sizeof output);
    return strtod(output, NULL);
}

/* Element `index` of an array. */
static double get_element(const char *pv, int index)
{
    char arguments[LINE_SIZE], output[64 * 32], *at = output;
    double value = 0;

    snprintf(arguments, sizeof arguments, "-g 12 -# %d %s", index + 1, pv);
    get_text(arguments, output, sizeof output);
    strtod(at, &at);
    for (int i = 0; i <= index; i++)
        value = strtod(at, &at);
    return value;
}

static void put(const char *pv, const char *value)
{
    char arguments[LINE_SIZE], output[LINE_SIZE];

    snprintf(arguments, sizeof arguments, "-t -c -w 5 %s %s", pv, value);
    if (client("caput", arguments, output, sizeof output) != 0)
        fail_msg("caput %s %s: %s", pv, value, output);
}

/* ---- conditions ---- */

static bool serves(void *unused)
{
    char output[LINE_SIZE];

    (void) unused;
    return client("caget", "-t -w 1 SIM:SAMPLES", output, sizeof output) == 0 &&
           strtod(output, NULL) > 0;
}

struct wish {
    const char *pv;
    int element; /* -1: a scalar */
    double value, tolerance;
};

static bool fulfilled(void *context)
{
    const struct wish *w = context;
    double now = w->element < 0 ? get(w->pv) : get_element(w->pv, w->element);

    return isnan(w->value) ? isnan(now) : fabs(now - w->value) <= w->tolerance;
}

static void must_become(const char *pv, int element, double value, double tolerance)
{
    struct wish wish = {pv, element, value, tolerance};

    if (!process_wait(fulfilled, &wish, 20))
        fail_msg("%s[%d] does not become %g +- %g, is %g", pv, element, value, tolerance,
                 element < 0 ? get(pv) : get_element(pv, element));
}

static bool samples_reach(void *context)
{
    return get("SIM:SAMPLES") >= *(double *) context;
}

/* Lets 0.3 s of the ring's own time pass: delay, ramp, pole and the slow PVs' period are over.
 */
static void settle(void)
{
    double samples = get("SIM:SAMPLES") + 0.3 * RATE_HZ;

    assert_true(process_wait(samples_reach, &samples, 20));
}

/* ---- set up ---- */

static void write_config(void)
{
    FILE *file = fopen(rig.config, "we");

    assert_non_null(file);
    fprintf(file,
            "instance: ring\nruntime_dir: %s\nstate_dir: %s\n"
            "ring: {lattice: %s/lattices/fodo/lattice.json,\n"
            "       devices: %s/lattices/fodo/devices.json}\n"
            "epics: {current_pv: 'RING:current'}\n"
            "virtual: {rate_hz: %d, ca_port: %d, bpm_noise_m: 0, line_50hz_m: 0, drift_m: 0}\n",
            rig.folder, rig.folder, ORBIT_SOURCE_DIR, ORBIT_SOURCE_DIR, RATE_HZ, rig.port);
    fclose(file);
}

static int set_up(void **state)
{
    const char *const argv[] = {"orbit-ring", "--config", rig.config, NULL};

    (void) state;
    strcpy(rig.folder, "/tmp/orbitd-ring-XXXXXX");
    if (!mkdtemp(rig.folder))
        return -1;
    snprintf(rig.config, sizeof rig.config, "%s/ring.yaml", rig.folder);
    snprintf(rig.log, sizeof rig.log, "%s/log", rig.folder);
    rig.port = process_free_port();
    write_config();
    rig.ring = process_start("orbit-ring", argv, rig.log);
    return process_wait(serves, NULL, 30) ? 0 : -1;
}

static int tear_down(void **state)
{
    char line[128], output[64];

    (void) state;
    if (rig.ring > 0)
        process_stop(rig.ring);
    snprintf(line, sizeof line, "rm -rf %s", rig.folder);
    return process_capture(line, output, sizeof output);
}

/* ---- tests, in this order: the last one ends the process ---- */

/* From the time stamps, so that a slow client does not matter: 400 steps of 5 ms take 2 s, and
 * longer by the samples that were left out on a busy host. */
static void the_orbit_comes_at_its_rate_with_times_that_increase(void **state)
{
    char line[2 * LINE_SIZE], output[LINE_SIZE];
    double span_s = 0;
    long backward = -1;

    (void) state;
    /* camonitor ignores SIGPIPE: it is told to end when there is enough. */
    snprintf(
        line, sizeof line,
        "-# 1 FODO:rdPos > %s/monitor & n=0; "
        "while [ $n -lt 200 ] && [ $(cat %s/monitor 2>/dev/null | wc -l) -lt 402 ]; do sleep "
        "0.1; "
        "n=$((n + 1)); done; kill $!; awk 'NR > 1 && NR <= 402 { split($3, t, \":\"); "
        "now = t[1] * 3600 + t[2] * 60 + t[3]; if (NR > 2) { step = now - last; "
        "if (step < -43200) step += 86400; if (step <= 0) bad++; span += step } last = now } "
        "END { print span, bad + 0 }' %s/monitor",
        rig.folder, rig.folder, rig.folder);
    client("camonitor", line, output, sizeof output);
    assert_int_equal(sscanf(output, "%lf %ld", &span_s, &backward), 2);
    assert_int_equal(backward, 0);
    assert_true(span_s > 1.95 && span_s < 8);
    must_become("SIM:RATE", -1, RATE_HZ, 0.3 * RATE_HZ);
}

static void a_set_point_moves_readback_and_beam_and_is_counted(void **state)
{
    double before = get_element("SIM:TRUE:X", 3), writes = get("SIM:WRITES"), moved;

    (void) state;
    put("H01:set", "0.05");
    must_become("H01:rdbk", -1, 0.05, 1e-3);
    must_become("SIM:WRITES", -1, writes + 1, 0);
    assert_true(get("SIM:LASTWRITE:MONO") > 0);
    assert_close(get("-g 17 SIM:LASTWRITE:UTC"), (double) clock_utc_ns(), 0, 60e9);
    settle();
    moved = get_element("SIM:TRUE:X", 3) - before;
    assert_true(fabs(moved) > 5);
    put("SIM:FAULT:POLARITY", "0");
    must_become("SIM:TRUE:X", 3, before - moved, 0.1 * fabs(moved));
    put("SIM:FAULT:POLARITY", "none");
    must_become("SIM:TRUE:X", 3, before + moved, 0.1 * fabs(moved));
    put("SIM:RESET:KICKS", "1");
    must_become("SIM:TRUE:X", 3, before, 0.01 * fabs(moved));
    must_become("H01:set", -1, 0, 0);
    assert_close(get("SIM:WRITES"), writes + 1, 0, 0);
}

static void the_rf_moves_the_beam_through_dispersion_and_back(void **state)
{
    double before = get("SIM:RMS:X"), rf = get("-g 12 RF:freq");
    char value[64];

    (void) state;
    snprintf(value, sizeof value, "%.6f", rf * (1 + 1e-5));
    put("RF:freq", value);
    settle();
    assert_true(fabs(get("SIM:RMS:X") - before) > 1);
    put("SIM:RESET:KICKS", "1");
    must_become("SIM:RMS:X", -1, before, 0.01);
}

static void bpm_faults_come_and_go_by_name_and_index(void **state)
{
    char output[LINE_SIZE];

    (void) state;
    put("SIM:FAULT:BPM:NAN", "\"BPM02 3\"");
    must_become("FODO:rdPos", 2, (double) NAN, 0);
    must_become("FODO:rdPos", 7, (double) NAN, 0);
    assert_true(isfinite(get_element("FODO:rdPos", 4)));
    put("SIM:FAULT:BPM:SUM", "5");
    must_become("SIM:SUM", 5, 0, 0);
    client("caput", "-t -w 5 SIM:FAULT:BPM:NAN BPM99", output, sizeof output);
    settle();
    get_text("-S SIM:MESSAGE", output, sizeof output);
    assert_non_null(strstr(output, "BPM99"));
    assert_true(isnan(get_element("FODO:rdPos", 2)));
    put("SIM:RESET:FAULTS", "1");
    must_become("SIM:SUM", 5, 1, 0.1);
    assert_true(isfinite(get_element("FODO:rdPos", 2)));
}

static void a_lost_beam_is_alarmed_told_and_injected_again(void **state)
{
    double rms = get("SIM:RMS:X");
    char output[LINE_SIZE];

    (void) state;
    put("SIM:BEAM:LOSE", "1");
    must_become("RING:current", -1, 0, 0);
    get_text("-a -# 1 FODO:rdPos", output, sizeof output);
    assert_non_null(strstr(output, "INVALID"));
    get_text("-S SIM:BEAM:WHY", output, sizeof output);
    assert_non_null(strstr(output, "command"));
    put("SIM:BEAM:CURRENT", "120");
    must_become("RING:current", -1, 120, 1);
    must_become("SIM:RMS:X", -1, rms, 0.01);
    get_text("-a -# 1 FODO:rdPos", output, sizeof output);
    assert_null(strstr(output, "INVALID"));
}

static void an_rf_without_closed_orbit_loses_the_beam_until_it_is_taken_back(void **state)
{
    double rf = get("-g 12 RF:freq");
    char value[64], output[LINE_SIZE];

    (void) state;
    snprintf(value, sizeof value, "%.6f", rf * 1.1);
    put("RF:freq", value);
    must_become("RING:current", -1, 0, 0);
    get_text("-S SIM:BEAM:WHY", output, sizeof output);
    assert_true(strlen(output) > 5);
    put("SIM:RESET:KICKS", "1");
    for (int i = 0; i < 100 && get("RING:current") < 1; i++)
        put("SIM:BEAM:CURRENT", "100");
    must_become("RING:current", -1, 100, 1);
}

static void the_reference_has_a_line_for_each_bpm_and_the_endpoint_is_told(void **state)
{
    char line[LINE_SIZE], output[LINE_SIZE];

    (void) state;
    snprintf(line, sizeof line, "grep -c '^BPM[0-9]* [-0-9.e]* [-0-9.e]*$' %s/reference.txt",
             rig.folder);
    assert_int_equal(process_capture(line, output, sizeof output), 0);
    assert_int_equal(atoi(output), 24);
    snprintf(line, sizeof line, "grep -c '\"ca_port\": %d' %s/ring.endpoints.json", rig.port,
             rig.folder);
    assert_int_equal(process_capture(line, output, sizeof output), 0);
}

static void sigterm_ends_it_cleanly_within_a_second(void **state)
{
    int64_t start_ns = clock_mono_ns();
    char line[LINE_SIZE], output[LINE_SIZE];
    int status;

    (void) state;
    status = process_stop(rig.ring);
    rig.ring = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(clock_mono_ns() - start_ns < 2 * NS_PER_S);
    snprintf(line, sizeof line, "grep -c orbit-ring %s/ring.endpoints.json", rig.folder);
    assert_int_equal(process_capture(line, output, sizeof output), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_orbit_comes_at_its_rate_with_times_that_increase),
        cmocka_unit_test(a_set_point_moves_readback_and_beam_and_is_counted),
        cmocka_unit_test(the_rf_moves_the_beam_through_dispersion_and_back),
        cmocka_unit_test(bpm_faults_come_and_go_by_name_and_index),
        cmocka_unit_test(a_lost_beam_is_alarmed_told_and_injected_again),
        cmocka_unit_test(an_rf_without_closed_orbit_loses_the_beam_until_it_is_taken_back),
        cmocka_unit_test(the_reference_has_a_line_for_each_bpm_and_the_endpoint_is_told),
        cmocka_unit_test(sigterm_ends_it_cleanly_within_a_second)};

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
