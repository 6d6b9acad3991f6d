/* From a configuration to a parameter slot: what is refused by name. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/manager/tuning.h"
#include "tests/support/temp_files.h"

static struct cfg cfg;
static struct devices devices;
static struct cfg_faults faults;

/* What tuning_apply says of a configuration with these lines. */
static enum rc apply(const char *more)
{
    struct params_store *store;
    struct check check = {0};
    struct orbit_dims dims;
    char text[1024];
    enum rc rc;

    snprintf(text, sizeof text,
             "instance: t\nring:\n  lattice: " ORBIT_SOURCE_DIR
             "/lattices/fodo/lattice.json\n  devices: " ORBIT_SOURCE_DIR
             "/lattices/fodo/devices.json\n%s",
             more);
    faults.count = 0;
    rc = cfg_load(&cfg, temp_file("config.yaml", text), &faults);
    cfg_faults_print(stderr, &faults);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(devices_load(&devices, cfg.ring_devices), RC_OK);
    dims = (struct orbit_dims){devices.n_bpm, devices.n_h, devices.n_v, devices.n_rf};
    assert_int_equal(params_create(&store, &dims, MATVEC_F64), RC_OK);
    rc = tuning_apply(params_begin(store), &cfg, &devices, &check);
    params_destroy(store);
    devices_free(&devices);
    return rc;
}

static void a_law_that_outruns_its_gateway_is_refused(void **state)
{
    (void) state;
    assert_int_equal(apply("law:\n  frame_hz: 1000\n  every: 100\n"), RC_OK);
    assert_int_equal(apply("law:\n  frame_hz: 1000\n  every: 10\n"), RC_RANGE);
    assert_non_null(strstr(err_text(), "law.every 10"));
    assert_non_null(strstr(err_text(), "epics.write_hz"));
    assert_int_equal(apply("law:\n  frame_hz: 1000\n  every: 10\nepics:\n  write_hz: 100\n"),
                     RC_OK);
    assert_int_equal(apply("law:\n  every: 10\n"), RC_OK); /* the rate is not known */
}

static void words_that_are_no_frequencies_are_refused_by_their_key(void **state)
{
    const char *base = "law:\n  frame_hz: 1000\n  every: 100\n";
    char text[256];

    (void) state;
    snprintf(text, sizeof text, "%s  harmonic_hz: 1 two\n", base);
    assert_int_equal(apply(text), RC_RANGE);
    assert_non_null(strstr(err_text(), "law.harmonic_hz"));
    snprintf(text, sizeof text, "%s  notch_hz: 1 2 3 4 4.5\n", base);
    assert_int_equal(apply(text), RC_RANGE);
    assert_non_null(strstr(err_text(), "law.notch_hz"));
    snprintf(text, sizeof text, "%s  harmonic_hz: 1, 2\n", base);
    assert_int_equal(apply(text), RC_OK);
}

static void only_trims_go_to_zero_after_a_trip(void **state)
{
    (void) state;
    assert_int_equal(apply("trip:\n  slow: closing\n  fast: closing\n"), RC_OK);
    assert_int_equal(apply("trip:\n  fast: zero\n  slow_trim: true\n"), RC_INPUT);
    assert_non_null(strstr(err_text(), "trip.fast_trim"));
    assert_int_equal(apply("trip:\n  slow: zero\n"), RC_INPUT);
    assert_non_null(strstr(err_text(), "trip.slow_trim"));
    assert_int_equal(apply("trip:\n  fast: zero\n  fast_trim: true\n"), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_law_that_outruns_its_gateway_is_refused),
        cmocka_unit_test(words_that_are_no_frequencies_are_refused_by_their_key),
        cmocka_unit_test(only_trims_go_to_zero_after_a_trip),
    };

    return cmocka_run_group_tests_name("rt/manager/tuning", tests, NULL, NULL);
}
