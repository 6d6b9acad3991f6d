/* Loading and matching: every fault at once. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/engine/inputs.h"
#include "tests/support/temp_files.h"

static struct cfg_faults faults;
static struct inputs inputs;

static enum rc load(const char *lattice, const char *devices, const char *more)
{
    char text[2048];

    snprintf(text, sizeof text, "instance: t\nring:\n  lattice: %s\n  devices: %s\n%s", lattice,
             devices, more);
    faults.count = 0;
    return inputs_load(&inputs, temp_file("config.yaml", text), &faults);
}

static bool has_fault(const char *what)
{
    for (size_t i = 0; i < faults.count; i++)
        if (strstr(faults.text[i], what))
            return true;
    cfg_faults_print(stderr, &faults);
    return false;
}

#define RINGS ORBIT_SOURCE_DIR "/lattices"

static void every_ring_of_the_project_matches_its_device_table(void **state)
{
    static const char *const rings[] = {"fodo", "bessy2"};
    char lattice[512], devices[512];

    (void) state;
    for (int i = 0; i < 2; i++) {
        snprintf(lattice, sizeof lattice, RINGS "/%s/lattice.json", rings[i]);
        snprintf(devices, sizeof devices, RINGS "/%s/devices.json", rings[i]);
        assert_int_equal(load(lattice, devices, ""), RC_OK);
        assert_int_equal(faults.count, 0);
        inputs_free(&inputs);
    }
}

static void a_foreign_lattice_is_told_by_energy_and_by_every_kind_of_device(void **state)
{
    (void) state;
    assert_int_equal(load(RINGS "/fodo/lattice.json", RINGS "/bessy2/devices.json", ""),
                     RC_INPUT);
    assert_true(has_fault("conversions are for 1.7185 GeV"));
    assert_true(has_fault("123 BPM(s) not in the lattice: BPMZ5D1R"));
    assert_true(has_fault("48 horizontal corrector(s)"));
    assert_true(has_fault("64 vertical corrector(s)"));
    assert_int_equal(faults.count, 4);
    assert_null(inputs.lattice);
    assert_int_equal(inputs.devices.n_bpm, 0);
}

static void unknown_disabled_devices_are_named(void **state)
{
    (void) state;
    assert_int_equal(load(RINGS "/fodo/lattice.json", RINGS "/fodo/devices.json",
                          "  disabled_bpms: [BPM01, NOWHERE]\n  disabled_correctors: [H99]\n"),
                     RC_INPUT);
    assert_true(has_fault("there is no BPM NOWHERE"));
    assert_true(has_fault("there is no corrector H99"));
    assert_int_equal(faults.count, 2);
}

static void missing_files_are_both_told(void **state)
{
    (void) state;
    assert_int_equal(load("/nowhere/l.json", "/nowhere/d.json", ""), RC_INPUT);
    assert_true(has_fault("/nowhere/l.json"));
    assert_true(has_fault("/nowhere/d.json"));
}

static void a_lattice_that_is_no_json_is_told_with_its_place(void **state)
{
    char path[320];

    (void) state;
    snprintf(path, sizeof path, "%s", temp_file("bad.json", "{\"version\": 2.0,\n oops}"));
    assert_int_equal(load(path, RINGS "/fodo/devices.json", ""), RC_INPUT);
    assert_int_equal(faults.count, 1);
    assert_true(has_fault("bad.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ring_of_the_project_matches_its_device_table),
        cmocka_unit_test(a_foreign_lattice_is_told_by_energy_and_by_every_kind_of_device),
        cmocka_unit_test(unknown_disabled_devices_are_named),
        cmocka_unit_test(missing_files_are_both_told),
        cmocka_unit_test(a_lattice_that_is_no_json_is_told_with_its_place),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
