#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/devices.h"
#include "rt/shm/layout.h"

/* A table with one line per part, so that a fault's line tells which part it means. */
struct parts {
    const char *top, *bpm, *corrector, *rest;
};

#define TOP    "\"format\": \"orbitd-devices-1\", \"machine\": \"T\", \"energy_gev\": 1.7"
#define BPM    "{\"name\": \"B1\", \"pv_x\": \"O[0]\", \"pv_y\": \"O[1]\", \"unit\": \"nm\"}"
#define STEER  "\"element\": \"E\", \"rad_per_a\": 1e-3, \"limit_a\": 1"
#define KICKER "{\"name\": \"H1\", \"plane\": \"h\", " STEER "}"

static struct devices devices;
static struct cfg_faults faults;

static enum rc parse(const struct parts *parts)
{
    char text[4096];

    snprintf(text, sizeof text, "{%s,\n\"bpms\": [%s],\n\"correctors\": [%s]\n%s}",
             parts->top ? parts->top : TOP, parts->bpm ? parts->bpm : BPM,
             parts->corrector ? parts->corrector : KICKER, parts->rest ? parts->rest : "");
    faults.count = 0;
    return devices_parse(&devices, text, strlen(text), "t", &faults);
}

static void expect_fault(const struct parts *parts, const char *fault)
{
    assert_int_equal(parse(parts), RC_INPUT);
    assert_string_equal(faults.text[0], fault);
    assert_int_equal(faults.count, 1);
    assert_string_equal(err_text(), fault);
    assert_null(devices.bpm);
    assert_null(devices.corrector);
}

static void a_table_is_read_with_its_defaults(void **state)
{
    (void) state;
    assert_int_equal(
        parse(&(struct parts){.rest = ",\"rf\": {\"name\": \"RF\", \"pv_set\": \"RF:f\", "
                                      "\"unit\": \"kHz\"}"}),
        RC_OK);
    assert_string_equal(devices.machine, "T");
    assert_string_equal(devices.bpm[0].pv_y.name, "O");
    assert_int_equal(devices.bpm[0].pv_y.element, 1);
    assert_close(devices.bpm[0].m_per_unit, 1e-9, 0, 0);
    assert_close(devices.bpm[0].gain_x, 1, 0, 0);
    assert_close(devices.bpm[0].roll_rad, 0, 0, 0);
    assert_string_equal(devices.corrector[0].class_name, "slow");
    assert_int_equal(devices.n_rf, 1);
    assert_int_equal(devices.rf.pv_set.element, -1);
    assert_close(devices.rf.hz_per_unit, 1e3, 0, 0);
    devices_free(&devices);
    assert_int_equal(devices.n_bpm, 0);
}

static void correctors_come_out_h_first_in_the_order_of_the_file(void **state)
{
    static const char *const want[] = {"Hb", "Ha", "Vb", "Va"};

    (void) state;
    assert_int_equal(
        parse(&(struct parts){.corrector = "{\"name\": \"Vb\", \"plane\": \"v\", " STEER "},"
                                           "{\"name\": \"Hb\", \"plane\": \"h\", " STEER "},"
                                           "{\"name\": \"Va\", \"plane\": \"v\", " STEER "},"
                                           "{\"name\": \"Ha\", \"plane\": \"h\", " STEER "}"}),
        RC_OK);
    assert_int_equal(devices.n_h, 2);
    assert_int_equal(devices.n_v, 2);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(devices.corrector[i].name, want[i]);
        assert_int_equal(devices_find_corrector(&devices, want[i]), i);
    }
    assert_int_equal(devices_find_corrector(&devices, "X"), -1);
    assert_int_equal(devices_find_bpm(&devices, "B1"), 0);
    assert_int_equal(devices_find_bpm(&devices, "X"), -1);
    devices_free(&devices);
}

static void a_fault_of_a_bpm_is_named(void **state)
{
    static const struct {
        const char *bpm, *fault;
    } table[] = {
        {"{\"name\": \"B\"}", "t:2:10: unit: is missing"},
        {"{\"unit\": \"m\"}", "t:2:10: name: is missing"},
        {"{\"name\": \"B\", \"unit\": \"ft\"}", "t:2:32: unit: 'ft' is not one of m mm um nm"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"gain_x\": 0}", "t:2:47: gain_x: must not be 0"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"gain_y\": NaN}",
         "t:2:47: gain_y: a decimal number is expected, not 'NaN'"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"offset_x_m\": 1}",
         "t:2:51: offset_x_m: 1 is outside -0.1 to 0.1"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"gain\": 1}", "t:2:37: unknown attribute 'gain'"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"name\": \"C\"}", "t:2:37: name: is given twice"},
        {"{\"name\": [\"B\"], \"unit\": \"m\"}", "t:2:19: name: one value is expected"},
        {"{\"name\": \"\", \"unit\": \"m\"}",
         "t:2:19: name: 1 to 31 characters are expected, not ''"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"pv_x\": \"A[-1]\"}",
         "t:2:45: pv_x: NAME or NAME[0 to 999999] is expected, not 'A[-1]'"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"pv_x\": \"[1]\"}",
         "t:2:45: pv_x: a PV name of 1 to 63 characters is expected, not '[1]'"},
        {"{\"name\": \"B\", \"unit\": \"m\", \"pv_x\": \"A\", \"pv_y\": \"A\"}",
         "t:2:10: B: x and y have the same PV"},
        {BPM ", {\"name\": \"B1\", \"unit\": \"m\"}", "t:2:72: B1: is there twice"},
        {BPM ", {\"name\": \"B2\", \"unit\": \"m\", \"pv_y\": \"O[0]\"}",
         "t:2:72: B2: has a PV of B1 too"},
        {"3", "t:2:10: an entry { \"attribute\": value, ... } is expected"},
        {"", "t:2:9: bpms: a list of 1 to 1024 entries is expected, not 0"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        expect_fault(&(struct parts){.bpm = table[i].bpm}, table[i].fault);
}

static void a_fault_of_a_corrector_is_named(void **state)
{
    static const struct {
        const char *corrector, *fault;
    } table[] = {
        {"{\"name\": \"H\", \"plane\": \"h\", \"element\": \"E\", \"rad_per_a\": 1e-3}",
         "t:3:16: limit_a: is missing"},
        {"{\"name\": \"H\", \"plane\": \"x\", " STEER "}",
         "t:3:39: plane: 'x' is not one of h v"},
        {"{\"name\": \"H\", \"plane\": \"h\", \"class\": \"medium\", " STEER "}",
         "t:3:53: class: 'medium' is not one of slow fast"},
        {"{\"name\": \"H\", \"plane\": \"h\", \"element\": \"E\", \"rad_per_a\": 0, "
         "\"limit_a\": 1}",
         "t:3:73: rad_per_a: must not be 0"},
        {"{\"name\": \"H\", \"plane\": \"h\", \"element\": \"E\", \"rad_per_a\": 1, "
         "\"limit_a\": -1}",
         "t:3:87: limit_a: -1 is outside 1e-09 to 1000000"},
        {KICKER "," KICKER, "t:3:94: H1: is there twice"},
        {"{\"name\": \"H\", \"plane\": \"h\", \"pv_set\": \"S\", " STEER "},"
         "{\"name\": \"V\", \"plane\": \"v\", \"pv_set\": \"S\", " STEER "}",
         "t:3:108: V: has the pv_set of H too"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        expect_fault(&(struct parts){.corrector = table[i].corrector}, table[i].fault);
}

static void a_fault_around_the_devices_is_named(void **state)
{
    (void) state;
    expect_fault(
        &(struct parts){.top = "\"format\": \"other\", \"machine\": \"T\", \"energy_gev\": 1"},
        "t:1:12: format: 'orbitd-devices-1' is expected");
    expect_fault(&(struct parts){.top = "\"format\": \"orbitd-devices-1\", \"energy_gev\": 1"},
                 "t:1:1: machine: is missing");
    expect_fault(&(struct parts){.top = "\"format\": \"orbitd-devices-1\", \"machine\": \"T\", "
                                        "\"energy_gev\": 0"},
                 "t:1:62: energy_gev: 0 is outside 0.001 to 10000");
    expect_fault(&(struct parts){.rest = ", \"rf\": {\"name\": \"R\", \"unit\": \"s\"}"},
                 "t:4:31: unit: 's' is not one of Hz kHz MHz");
    expect_fault(&(struct parts){.rest = ", \"bpms\": []"}, "t:4:3: bpms: is given twice");
    expect_fault(&(struct parts){.rest = ", \"quads\": []"},
                 "t:4:3: unknown attribute 'quads'");
    expect_fault(
        &(struct parts){.rest = "]"},
        "t:4:1: syntax: did not find expected ',' or '}' (while parsing a flow mapping that "
        "starts on line 1)");
}

static void every_fault_of_a_table_is_reported(void **state)
{
    (void) state;
    assert_int_equal(
        parse(&(struct parts){.bpm = "{\"name\": \"B\"}, {\"name\": \"C\", \"unit\": 3}",
                              .corrector = "{\"name\": \"H\"}"}),
        RC_INPUT);
    assert_int_equal(faults.count, 6);
    assert_string_equal(err_text(), "t:2:10: unit: is missing (and more)");
}

static void tables_that_programs_must_not_mix_have_different_hashes(void **state)
{
    static const struct parts table[] = {
        {0},
        {.bpm = "{\"name\": \"B2\", \"unit\": \"nm\"}"},
        {.bpm = "{\"name\": \"B1\", \"unit\": \"um\"}"},
        {.bpm = "{\"name\": \"B1\", \"unit\": \"nm\", \"gain_x\": -1}"},
        {.corrector = "{\"name\": \"H1\", \"plane\": \"v\", " STEER "}"},
        {.corrector =
             "{\"name\": \"H1\", \"plane\": \"h\", \"element\": \"E\", \"rad_per_a\": -1e-3, "
             "\"limit_a\": 1}"},
        {.rest = ", \"rf\": {\"name\": \"R\", \"unit\": \"Hz\"}"},
    };
    uint64_t hash[7];

    (void) state;
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(parse(&table[i]), RC_OK);
        hash[i] = devices_hash(&devices);
        devices_free(&devices);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(hash[i], hash[k]);
    }
    assert_int_equal(parse(&table[0]), RC_OK);
    assert_int_equal(devices_hash(&devices), hash[0]);
    devices_free(&devices);
}

static void pv_names_are_nobody_elses_business(void **state)
{
    uint64_t before;

    (void) state;
    assert_int_equal(parse(&(struct parts){0}), RC_OK);
    before = devices_hash(&devices);
    devices_free(&devices);
    assert_int_equal(
        parse(&(struct parts){.bpm = "{\"name\": \"B1\", \"unit\": \"nm\", \"pv_x\": \"Q\"}"}),
        RC_OK);
    assert_int_equal(devices_hash(&devices), before);
    devices_free(&devices);
}

static void more_devices_than_the_exchange_carries_are_refused(void **state)
{
    enum { SIZE = 200000 };
    char *text = malloc(SIZE);
    size_t used =
        (size_t) snprintf(text, SIZE, "{" TOP ", \"correctors\": [" KICKER "],\n\"bpms\": [");

    (void) state;
    assert_int_equal(DEVICES_MAX_BPM, ORBIT_MAX_BPM);
    assert_int_equal(DEVICES_MAX_CORRECTOR, ORBIT_MAX_COL - 1);
    assert_int_equal(DEVICE_NAME_SIZE, ORBIT_NAME_SIZE);
    for (int i = 0; i <= ORBIT_MAX_BPM; i++)
        used += (size_t) snprintf(text + used, SIZE - used,
                                  "%s{\"name\": \"B%d\", \"unit\": \"m\"}", i ? ",\n" : "", i);
    used += (size_t) snprintf(text + used, SIZE - used, "]}");
    faults.count = 0;
    assert_int_equal(devices_parse(&devices, text, used, "t", &faults), RC_INPUT);
    assert_string_equal(faults.text[0],
                        "t:2:9: bpms: a list of 1 to 1024 entries is expected, not 1025");
    free(text);
}

static void the_rings_of_the_tree_are_read(void **state)
{
    (void) state;
    assert_int_equal(devices_load(&devices, ORBIT_SOURCE_DIR "/lattices/bessy2/devices.json"),
                     RC_OK);
    assert_int_equal(devices.n_bpm, 123);
    assert_int_equal(devices.n_h, 48);
    assert_int_equal(devices.n_v, 64);
    assert_int_equal(devices.n_rf, 1);
    assert_close(devices.energy_gev, 1.7185, 0, 0);
    devices_free(&devices);
    assert_int_equal(devices_load(&devices, ORBIT_SOURCE_DIR "/lattices/fodo/devices.json"),
                     RC_OK);
    devices_free(&devices);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void) state;
    assert_int_equal(devices_load(&devices, "/nowhere/d.json"), RC_INPUT);
    assert_string_equal(err_text(),
                        "/nowhere/d.json: cannot be opened: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_read_with_its_defaults),
        cmocka_unit_test(correctors_come_out_h_first_in_the_order_of_the_file),
        cmocka_unit_test(a_fault_of_a_bpm_is_named),
        cmocka_unit_test(a_fault_of_a_corrector_is_named),
        cmocka_unit_test(a_fault_around_the_devices_is_named),
        cmocka_unit_test(every_fault_of_a_table_is_reported),
        cmocka_unit_test(tables_that_programs_must_not_mix_have_different_hashes),
        cmocka_unit_test(pv_names_are_nobody_elses_business),
        cmocka_unit_test(more_devices_than_the_exchange_carries_are_refused),
        cmocka_unit_test(the_rings_of_the_tree_are_read),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
