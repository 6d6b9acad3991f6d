#include "tests/support/test.h"

#include "bench/ring/engine.h"
#include "rt/base/clock.h"
#include "tests/support/ring_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ROWS = 100, MAX_CORRECTORS = 60 };

static const double step_s = 1e-3;
static const double rad_per_a = 1e-3;
static const int64_t patience_ns = 20 * NS_PER_S;

struct fixture {
    struct machine *machine, *twin;
    struct solver *solver;
    struct disturbance *disturbance;
    struct controls *controls;
    struct engine *engine;
    uint32_t n_bpm, n_corrector;
    double t_s;
};

static void quiet_settings(struct settings *s)
{
    s->value[SETTING_LIFETIME_S] = 1e9;
    s->value[SETTING_POLE_SCALE] = s->value[SETTING_RATE_SCALE] = s->value[SETTING_STEP_SCALE] =
        1;
    for (uint32_t i = 0; i < s->n_bpm; i++)
        s->bpm[i].gain_x = s->bpm[i].gain_y = 1;
}

static int make_engine(struct fixture *f)
{
    static struct plant_corrector_channel corrector[MAX_CORRECTORS];
    struct settings *settings;
    struct engine_parts parts = {.n_bpm = f->n_bpm,
                                 .n_corrector = f->n_corrector,
                                 .corrector = corrector,
                                 .corrector_delay_s = 5e-3,
                                 .bpm_delay_s = 1e-3,
                                 .step_s = step_s,
                                 .beam_a = 0.25,
                                 .seed = 4};

    for (uint32_t i = 0; i < f->n_corrector; i++)
        corrector[i] = (struct plant_corrector_channel){
            .rad_per_a = rad_per_a, .polarity = 1, .rate_a_per_s = 1e3, .pole_hz = 50};
    if (settings_create(&settings, f->n_bpm, f->n_corrector))
        return -1;
    quiet_settings(settings);
    if (controls_create(&f->controls, settings, 4.6e8))
        return -1;
    settings_destroy(settings);
    parts.controls = f->controls;
    parts.solver = f->solver;
    parts.disturbance = f->disturbance;
    return engine_create(&f->engine, &parts);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct lattice *design = ring_file_lattice("fodo");
    struct machine_errors errors = {.seed = 2, .misalignment_m = 30e-6};
    double kick[MAX_CORRECTORS] = {0}, position[MAX_ROWS];

    f = (struct fixture){.n_bpm = design->n_bpm,
                         .n_corrector = design->n_hcorrector + design->n_vcorrector};
    *state = &f;
    if (machine_create(&f.machine, design, &errors) ||
        machine_create(&f.twin, design, &errors) ||
        machine_solve(f.machine, kick, 0, position) ||
        disturbance_create(&f.disturbance, f.machine, 7) ||
        solver_start(&f.solver, f.machine, 200))
        return -1;
    lattice_destroy(design);
    return make_engine(&f);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    engine_destroy(f->engine);
    solver_stop(f->solver);
    controls_destroy(f->controls);
    disturbance_destroy(f->disturbance);
    machine_destroy(f->machine);
    machine_destroy(f->twin);
    return 0;
}

/* Virtual time passes. */
static const struct engine_sample *pass(struct fixture *f, double time_s)
{
    const struct engine_sample *sample = NULL;

    for (long k = lround(time_s / step_s); k > 0; k--) {
        f->t_s += step_s;
        sample = engine_step(f->engine, f->t_s, step_s);
    }
    return sample;
}

/* What the nonlinear machine does with these currents. */
static void expected(struct fixture *f, const double *set_a, double *position_m)
{
    double kick_rad[MAX_CORRECTORS];

    for (uint32_t i = 0; i < f->n_corrector; i++)
        kick_rad[i] = rad_per_a * set_a[i];
    assert_int_equal(machine_solve(f->twin, kick_rad, 0, position_m), RC_OK);
}

static void set_fault(struct fixture *f, enum fault fault, uint32_t i, bool on)
{
    controls_lock(f->controls)->fault[fault][i] = on;
    controls_unlock(f->controls, true);
}

static void a_set_point_acts_after_its_delay_and_settles_at_the_nonlinear_orbit(void **state)
{
    struct fixture *f = *state;
    double set_a[MAX_CORRECTORS] = {0}, before[MAX_ROWS], after[MAX_ROWS];
    const struct engine_sample *sample;

    expected(f, set_a, before);
    assert_close(pass(f, 10e-3)->reading_m[0], before[0], 0, 1e-9);
    set_a[0] = 0.05;
    assert_int_equal(controls_put_corrector(f->controls, 0, set_a[0]), RC_OK);
    assert_close(pass(f, 4e-3)->reading_m[0], before[0], 0, 1e-9);
    expected(f, set_a, after);
    sample = pass(f, 0.3);
    assert_true(fabs(after[0] - before[0]) > 10e-6);
    for (uint32_t i = 0; i < 2 * f->n_bpm; i++)
        assert_close(sample->reading_m[i], after[i], 0.01, 0.5e-6);
    assert_close(sample->readback_a[0], 0.05, 1e-9, 0);
}

static void gain_errors_and_a_wrong_polarity_change_the_kick(void **state)
{
    struct fixture *f = *state;
    double start = pass(f, 10e-3)->position_m[0], right, more, wrong;

    assert_int_equal(controls_put_corrector(f->controls, 2, 0.01), RC_OK);
    right = pass(f, 0.3)->position_m[0] - start;
    controls_lock(f->controls)->gain_error[2] = 0.1;
    controls_unlock(f->controls, true);
    more = pass(f, 0.3)->position_m[0] - start;
    set_fault(f, FAULT_POLARITY, 2, true);
    wrong = pass(f, 0.3)->position_m[0] - start;
    assert_true(fabs(right) > 1e-6);
    assert_close(more / right, 1.1, 0.01, 0);
    assert_close(wrong / right, -1.1, 0.01, 0);
}

static void a_bpm_freezes_sends_nan_or_loses_its_sum_on_command(void **state)
{
    struct fixture *f = *state;
    double frozen = pass(f, 10e-3)->reading_m[1];
    const struct engine_sample *sample;

    set_fault(f, FAULT_FREEZE, 1, true);
    set_fault(f, FAULT_NAN, 2, true);
    set_fault(f, FAULT_SUM, 3, true);
    assert_int_equal(controls_put_corrector(f->controls, 0, 0.05), RC_OK);
    sample = pass(f, 0.3);
    assert_close(sample->reading_m[1], frozen, 0, 0);
    assert_true(isnan(sample->reading_m[2]) && isnan(sample->reading_m[f->n_bpm + 2]));
    assert_true(isfinite(sample->position_m[2]));
    assert_close(sample->sum[3], 0, 0, 0);
    assert_close(sample->sum[4], 1, 1e-9, 0);
    set_fault(f, FAULT_FREEZE, 1, false);
    set_fault(f, FAULT_NAN, 2, false);
    sample = pass(f, 10e-3);
    assert_true(fabs(sample->reading_m[1] - frozen) > 1e-6);
    assert_true(isfinite(sample->reading_m[2]));
}

static void noise_has_the_rms_that_is_set(void **state)
{
    struct fixture *f = *state;
    double quiet[MAX_ROWS], sum = 0;
    enum { SAMPLES = 500 };

    memcpy(quiet, pass(f, 10e-3)->reading_m, 2 * f->n_bpm * sizeof *quiet);
    controls_lock(f->controls)->value[SETTING_BPM_NOISE_M] = 2e-6;
    controls_unlock(f->controls, true);
    for (int k = 0; k < SAMPLES; k++) {
        const struct engine_sample *sample = pass(f, step_s);

        for (uint32_t i = 0; i < 2 * f->n_bpm; i++)
            sum += pow(sample->reading_m[i] - quiet[i], 2) / (SAMPLES * 2 * f->n_bpm);
    }
    assert_close(sqrt(sum), 2e-6, 0.03, 0);
}

static void the_beam_decays_with_its_lifetime(void **state)
{
    struct fixture *f = *state;

    controls_lock(f->controls)->value[SETTING_LIFETIME_S] = 2;
    controls_unlock(f->controls, true);
    assert_close(pass(f, 2)->beam_a, 0.25 * exp(-1), 1e-9, 0);
    assert_close(pass(f, step_s)->sum[0], exp(-2.001 / 2), 1e-9, 0);
}

static void a_dumped_beam_comes_back_by_injection(void **state)
{
    struct fixture *f = *state;
    double before = pass(f, 10e-3)->reading_m[0];
    const struct engine_sample *sample;

    controls_inject(f->controls, 0);
    sample = pass(f, step_s);
    assert_close(sample->beam_a, 0, 0, 0);
    assert_close(sample->reading_m[0], 0, 0, 0);
    assert_true(sample->why[0] != '\0');
    controls_inject(f->controls, 0.1);
    sample = pass(f, step_s);
    assert_close(sample->beam_a, 0.1, 1e-6, 0);
    assert_int_equal(sample->why[0], '\0');
    assert_close(sample->reading_m[0], before, 0, 1e-9);
}

/* Injects until the beam stays: the solver runs in real time and has to find the orbit again.
 */
static bool injected(struct fixture *f)
{
    int64_t deadline_ns = clock_mono_ns() + patience_ns;

    while (clock_mono_ns() < deadline_ns) {
        controls_inject(f->controls, 0.1);
        if (pass(f, step_s)->beam_a > 0)
            return true;
        usleep(1000);
    }
    return false;
}

static void impossible_kicks_lose_the_beam_until_they_are_taken_back(void **state)
{
    struct fixture *f = *state;
    const struct engine_sample *sample;

    assert_int_equal(controls_put_corrector(f->controls, 0, 500), RC_OK);
    sample = pass(f, 0.6);
    assert_close(sample->beam_a, 0, 0, 0);
    assert_true(sample->why[0] != '\0');
    controls_inject(f->controls, 0.1);
    assert_close(pass(f, step_s)->beam_a, 0, 0, 0);
    controls_reset_kicks(f->controls);
    pass(f, 1);
    assert_true(injected(f));
}

#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(a_set_point_acts_after_its_delay_and_settles_at_the_nonlinear_orbit),
        ENGINE_TEST(gain_errors_and_a_wrong_polarity_change_the_kick),
        ENGINE_TEST(a_bpm_freezes_sends_nan_or_loses_its_sum_on_command),
        ENGINE_TEST(noise_has_the_rms_that_is_set),
        ENGINE_TEST(the_beam_decays_with_its_lifetime),
        ENGINE_TEST(a_dumped_beam_comes_back_by_injection),
        ENGINE_TEST(impossible_kicks_lose_the_beam_until_they_are_taken_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
