/* Feed-forward files: what is read, and what is refused with its line. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/manager/ff_file.h"
#include "tests/support/temp_files.h"

static struct devices devices;
static struct cfg cfg;
static struct ff_tables tables;
static double *value;
static uint64_t width;

static int set_up(void **state)
{
    uint64_t n_col;

    (void) state;
    memset(&cfg, 0, sizeof cfg);
    cfg.feedforward_inputs.count = 2;
    strcpy(cfg.feedforward_inputs.name[0], "ID1:gap");
    strcpy(cfg.feedforward_inputs.name[1], "ID2:gap");
    assert_int_equal(devices_load(&devices, ORBIT_SOURCE_DIR "/lattices/fodo/devices.json"),
                     RC_OK);
    n_col = devices.n_h + devices.n_v + devices.n_rf;
    width = n_col + 2 * devices.n_bpm;
    value = calloc(FF_MAX_TABLE * FF_MAX_POINT * width, sizeof *value);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    free(value);
    devices_free(&devices);
    return 0;
}

static enum rc load(const char *text)
{
    return ff_load(&tables, value, &cfg, &devices, temp_file("tables.txt", text));
}

static void kicks_and_orbits_land_at_their_points(void **state)
{
    uint64_t n_col = devices.n_h + devices.n_v + devices.n_rf;
    char text[512];

    (void) state;
    snprintf(text, sizeof text,
             "# two\n\ntable A ID2:gap\nat 10 # closed\n%s 1e-6\n%s y -2e-6\nat 20.5\n"
             "table B ID1:gap\nat 0\n%s 3e-6\n",
             devices.corrector[1].name, devices.bpm[2].name, devices.corrector[0].name);
    assert_int_equal(load(text), RC_OK);
    assert_int_equal(tables.n_table, 2);
    assert_int_equal(tables.table[0].input, 1);
    assert_int_equal(tables.table[0].n_point, 2);
    assert_close(tables.table[0].at[1], 20.5, 0, 0);
    assert_true(tables.table[0].has_kicks && tables.table[0].has_orbit);
    assert_true(tables.table[1].has_kicks && !tables.table[1].has_orbit);
    assert_close(value[1], 1e-6, 0, 0);
    assert_close(value[n_col + devices.n_bpm + 2], -2e-6, 0, 0);
    assert_close(value[width + 1], 0, 0, 0);
    assert_close(value[FF_MAX_POINT * width], 3e-6, 0, 0);
}

static void faults_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text, *told;
    } bad[] = {
        {"at 3\n", ":1: a point before the first table"},
        {"table A ID1:gap\nHS 1e-6\n", ":2: a value before the first point"},
        {"table A ID3:gap\n", ":1: ID3:gap is not one of feedforward.inputs"},
        {"table A ID1:gap\nat 3\nat 3\n", ":3: positions must ascend"},
        {"table A ID1:gap\nat three\n", ":2: a position is expected"},
        {"table A ID1:gap\nat 1\nNOBODY 1e-6\n", ":3: there is no corrector NOBODY"},
        {"table A ID1:gap\nat 1\nNOBODY x 1e-6\n", ":3: there is no BPM NOBODY"},
        {"table A ID1:gap\nat 1\nRF nan\n", ":3: a number within"},
        {"table A ID1:gap\n", "the last table has no points"},
        {"table A\n", ":1: 'table NAME INPUT' is expected"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(load(bad[i].text), RC_INPUT);
        if (!strstr(err_text(), bad[i].told))
            fail_msg("'%s' does not say '%s'", err_text(), bad[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kicks_and_orbits_land_at_their_points, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(faults_are_told_with_their_line, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("rt/manager/ff_file", tests, NULL, NULL);
}
