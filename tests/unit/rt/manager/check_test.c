#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rt/manager/check.h"
#include "tests/support/temp_files.h"

static struct cfg cfg;
static struct corrector_device corrector[4] = {{.name = "H1", .rad_per_a = 1e-3},
                                               {.name = "H2", .rad_per_a = 1e-3},
                                               {.name = "V1", .rad_per_a = 1e-3},
                                               {.name = "V2", .rad_per_a = 1e-3}};
static struct devices devices = {
    .machine = "test", .n_h = 2, .n_v = 2, .corrector = corrector, .hash = 77};
static char note[300];

static int set_up(void **state)
{
    int code = temp_files_setup(state);

    memset(&cfg, 0, sizeof cfg);
    snprintf(cfg.instance, sizeof cfg.instance, "t");
    snprintf(cfg.state_dir, sizeof cfg.state_dir, "%s/state", temp_files_folder());
    cfg.check_required = true;
    cfg.check_correlation = 0.9;
    cfg.check_gain_low = 0.7;
    cfg.check_gain_high = 1.4;
    devices.hash = 77;
    return code;
}

static void fill(struct check *check)
{
    memset(check, 0, sizeof *check);
    check->device_hash = devices_hash(&devices);
    check->revision = 5;
    check->utc_s = 1700000000;
    for (int col = 0; col < 4; col++)
        assert_int_equal(check_put(check, &devices, corrector[col].name, 1.0, 0.99), RC_OK);
}

static void nothing_measured_means_the_first_corrector_is_named(void **state)
{
    struct check check;

    (void) state;
    check_load(&check, &cfg, &devices, note, sizeof note);
    assert_string_equal(note, "");
    assert_int_equal(check_first_bad(&check, &cfg, &devices), 0);
    cfg.check_required = false;
    assert_int_equal(check_first_bad(&check, &cfg, &devices), UINT64_MAX);
}

static void what_was_kept_is_there_after_a_restart(void **state)
{
    struct check check, again;

    (void) state;
    fill(&check);
    check.result[2].gain = 0.75;
    assert_int_equal(check_save(&check, &cfg, &devices), RC_OK);
    check_load(&again, &cfg, &devices, note, sizeof note);
    assert_string_equal(note, "");
    assert_int_equal(again.revision, 5);
    assert_int_equal(again.utc_s, 1700000000);
    assert_close(again.result[2].gain, 0.75, 1e-6, 0);
    assert_int_equal(check_first_bad(&again, &cfg, &devices), UINT64_MAX);
}

static void another_device_table_forgets_it(void **state)
{
    struct check check, again;

    (void) state;
    fill(&check);
    assert_int_equal(check_save(&check, &cfg, &devices), RC_OK);
    devices.hash = 78;
    check_load(&again, &cfg, &devices, note, sizeof note);
    assert_non_null(strstr(note, "device table has changed"));
    assert_int_equal(check_first_bad(&again, &cfg, &devices), 0);
}

static void a_spoilt_file_is_told_and_counts_for_nothing(void **state)
{
    static const char *const texts[] = {
        "", "rubbish\n", "orbitd-check-1 devices 4d revision 1 utc_s 5\nH9 1 1\n",
        "orbitd-check-1 devices 4d revision 1 utc_s 5\nH1 nan 1\n",
        "orbitd-check-1 devices 4d revision 1 utc_s 5\nH1\n"};
    struct check check;

    (void) state;
    assert_int_equal(devices_hash(&devices), 0x4d);
    assert_int_equal(mkdir(cfg.state_dir, 0755), 0);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void) temp_file("state/check.txt", texts[i]);
        check_load(&check, &cfg, &devices, note, sizeof note);
        assert_non_null(strstr(note, "not one of check results"));
        assert_int_equal(check_first_bad(&check, &cfg, &devices), 0);
    }
}

static void each_limit_is_kept_and_disabled_correctors_do_not_count(void **state)
{
    struct check check;

    (void) state;
    fill(&check);
    check.result[1].correlation = 0.89;
    assert_int_equal(check_first_bad(&check, &cfg, &devices), 1);
    fill(&check);
    check.result[3].gain = 1.41;
    assert_int_equal(check_first_bad(&check, &cfg, &devices), 3);
    check.result[3].gain = 0.69;
    assert_int_equal(check_first_bad(&check, &cfg, &devices), 3);
    check.result[3].gain = -1.0;
    assert_int_equal(check_first_bad(&check, &cfg, &devices), 3);
    cfg.ring_disabled_correctors.count = 1;
    snprintf(cfg.ring_disabled_correctors.name[0], CFG_NAME_SIZE, "V2");
    assert_int_equal(check_first_bad(&check, &cfg, &devices), UINT64_MAX);
}

static void what_is_no_corrector_or_no_number_is_refused(void **state)
{
    struct check check;

    (void) state;
    fill(&check);
    assert_int_equal(check_put(&check, &devices, "X1", 1, 1), RC_INPUT);
    assert_non_null(strstr(err_text(), "X1"));
    assert_int_equal(check_put(&check, &devices, "H1", NAN, 1), RC_INPUT);
    assert_int_equal(check_put(&check, &devices, "H1", 1, INFINITY), RC_INPUT);
    assert_close(check.result[0].gain, 1, 0, 0);
}

int main(void)
{
#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, temp_files_teardown)
    const struct CMUnitTest tests[] = {
        CHECK_TEST(nothing_measured_means_the_first_corrector_is_named),
        CHECK_TEST(what_was_kept_is_there_after_a_restart),
        CHECK_TEST(another_device_table_forgets_it),
        CHECK_TEST(a_spoilt_file_is_told_and_counts_for_nothing),
        CHECK_TEST(each_limit_is_kept_and_disabled_correctors_do_not_count),
        CHECK_TEST(what_is_no_corrector_or_no_number_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
