#include "tests/support/test.h"

#include "bench/ring/controls.h"

enum { N_BPM = 3, N_CORRECTOR = 2 };

struct fixture {
    struct settings *initial, *copy;
    struct controls *controls;
};

static int set_up(void **state)
{
    static struct fixture f;

    if (settings_create(&f.initial, N_BPM, N_CORRECTOR) ||
        settings_create(&f.copy, N_BPM, N_CORRECTOR))
        return -1;
    f.initial->value[SETTING_DRIFT_M] = 1e-6;
    f.initial->gain_error[1] = 0.03;
    f.initial->fault[FAULT_NAN][2] = true;
    *state = &f;
    return controls_create(&f.controls, f.initial, 5e8);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    controls_destroy(f->controls);
    settings_destroy(f->initial);
    settings_destroy(f->copy);
    return 0;
}

static void every_put_counts_and_a_reset_does_not(void **state)
{
    struct controls *c = ((struct fixture *) *state)->controls;

    assert_int_equal(controls_writes(c).writes, 0);
    assert_int_equal(controls_writes(c).last_mono_ns, 0);
    assert_int_equal(controls_put_corrector(c, 1, 0.5), RC_OK);
    assert_int_equal(controls_put_rf(c, 5.001e8), RC_OK);
    assert_int_equal(controls_writes(c).writes, 2);
    assert_true(controls_writes(c).last_mono_ns > 0);
    controls_reset_kicks(c);
    assert_int_equal(controls_writes(c).writes, 2);
    assert_int_equal(controls_resets(c), 1);
    assert_close(controls_corrector_a(c, 1), 0, 0, 0);
    assert_close(controls_rf_hz(c), 5e8, 0, 0);
}

static void a_set_point_that_is_no_number_leaves_the_last_one(void **state)
{
    struct controls *c = ((struct fixture *) *state)->controls;

    assert_int_equal(controls_put_corrector(c, 0, 0.25), RC_OK);
    assert_int_equal(controls_put_corrector(c, 0, (double) NAN), RC_RANGE);
    assert_int_equal(controls_put_rf(c, (double) INFINITY), RC_RANGE);
    assert_close(controls_corrector_a(c, 0), 0.25, 0, 0);
    assert_close(controls_rf_hz(c), 5e8, 0, 0);
}

static void settings_are_taken_once_per_change_and_whole(void **state)
{
    struct fixture *f = *state;
    uint64_t revision = 0;

    assert_true(controls_take_settings(f->controls, &revision, f->copy));
    assert_close(f->copy->value[SETTING_DRIFT_M], 1e-6, 0, 0);
    assert_close(f->copy->gain_error[1], 0.03, 0, 0);
    assert_true(f->copy->fault[FAULT_NAN][2]);
    assert_false(controls_take_settings(f->controls, &revision, f->copy));
    controls_lock(f->controls)->fault[FAULT_POLARITY][1] = true;
    controls_unlock(f->controls, true);
    assert_true(controls_take_settings(f->controls, &revision, f->copy));
    assert_true(f->copy->fault[FAULT_POLARITY][1]);
}

static void taking_settings_never_waits_for_whoever_changes_them(void **state)
{
    struct fixture *f = *state;
    uint64_t revision = 0;

    controls_lock(f->controls);
    assert_false(controls_take_settings(f->controls, &revision, f->copy));
    controls_unlock(f->controls, false);
    assert_true(controls_take_settings(f->controls, &revision, f->copy));
}

static void an_injection_is_taken_once_and_the_newest_wins(void **state)
{
    struct controls *c = ((struct fixture *) *state)->controls;
    double beam_a = -1;

    assert_false(controls_take_injection(c, &beam_a));
    controls_inject(c, 0.1);
    controls_inject(c, 0.2);
    assert_true(controls_take_injection(c, &beam_a));
    assert_close(beam_a, 0.2, 0, 0);
    assert_false(controls_take_injection(c, &beam_a));
}

#define CONTROLS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTROLS_TEST(every_put_counts_and_a_reset_does_not),
        CONTROLS_TEST(a_set_point_that_is_no_number_leaves_the_last_one),
        CONTROLS_TEST(settings_are_taken_once_per_change_and_whole),
        CONTROLS_TEST(taking_settings_never_waits_for_whoever_changes_them),
        CONTROLS_TEST(an_injection_is_taken_once_and_the_newest_wins)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
