#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "model/engine/law_cfg.h"
#include "model/engine/law_margin.h"
#include "rt/loop/law/frequency.h"
#include "tests/support/temp_files.h"

static struct law_terms terms;

static void make(const struct law_settings *settings, double pole_hz)
{
    const double low = -1, high = 1, gain = 0.8;
    struct law_columns columns = {
        .n_col = 1, .lower = &low, .upper = &high, .pole_hz = &pole_hz, .gain = &gain};

    assert_int_equal(law_terms_make(&terms, settings, &columns), RC_OK);
}

/* Closed form and law_frequency_response() are written apart: they must say the same. */
static void compare(const struct law_settings *settings, double pole_hz)
{
    double fs_hz = 1 / settings->period_s;
    struct transfer law;

    make(settings, pole_hz);
    assert_int_equal(law_margin_transfer(&law, &terms, 0), RC_OK);
    for (int i = 1; i < 50; i++) {
        double f_hz = 0.0097 * i * fs_hz;
        double complex w = cexp(CMPLX(0, -2 * M_PI * f_hz / fs_hz));
        double complex want = law_frequency_response(&terms, 0, f_hz, fs_hz);

        assert_close(cabs(transfer_at(&law, w) - want), 0, 0, 1e-6 * cabs(want) + 1e-9);
    }
}

static void every_law_has_its_closed_form(void **state)
{
    struct law_settings pi = {
        .kind = LAW_PI, .kp = 0.2, .ki = 0.3, .leak = 0.01, .period_s = 1e-3};
    struct law_settings imc = {.kind = LAW_IMC,
                               .bandwidth_hz = 20,
                               .leak = 0.002,
                               .lead_max = 100,
                               .delay_s = 7.3e-3,
                               .period_s = 1e-3};

    (void) state;
    compare(&pi, 20);
    compare(&imc, 20);
    imc.n_notch = pi.n_notch = 1;
    imc.notch[0] = pi.notch[0] = (struct law_notch){100, 10, 0.1};
    imc.n_harmonic = pi.n_harmonic = 2;
    imc.harmonic[0] = pi.harmonic[0] = (struct law_harmonic){10, 0.5};
    imc.harmonic[1] = pi.harmonic[1] = (struct law_harmonic){50, 1};
    compare(&pi, 20);
    compare(&imc, 20);
}

static void plant_is_that_of_the_law_s_theory(void **state)
{
    struct plant plant = {.delay_s = 0.0237, .pole_hz = 15, .period_s = 0.01, .average = 10};
    struct law_plant theory = {.delay_s = 0.0237, .gain = 1, .average = 10};
    struct transfer p;

    (void) state;
    assert_int_equal(law_plant_add_pole(&theory, 15), RC_OK);
    assert_int_equal(transfer_plant(&p, &plant), RC_OK);
    for (int i = 1; i < 50; i++) {
        double complex w = cexp(CMPLX(0, -2 * M_PI * 0.01 * i));

        assert_close(cabs(transfer_at(&p, w) - law_plant_response(&theory, i, 100)), 0, 0,
                     1e-9);
    }
}

static void load(struct cfg *cfg, const char *text)
{
    static struct cfg_faults faults;
    char path[512];

    snprintf(path, sizeof path, "%s", temp_file("law.yaml", text));
    assert_int_equal(cfg_load(cfg, ORBIT_SOURCE_DIR "/config/bessy2-virtual.yaml", &faults),
                     RC_OK);
    assert_int_equal(cfg_overlay(cfg, path, &faults), RC_OK);
}

static void a_law_without_margin_is_refused_unless_margins_are_not_required(void **state)
{
    static struct cfg cfg;

    (void) state;
    load(&cfg, "law:\n  ki: 0.4\n");
    assert_int_equal(law_margin_check(&cfg), RC_OK);
    load(&cfg, "epics:\n  write_hz: 100\nlaw:\n  every: 10\n  ki: 0.5\n");
    assert_int_equal(law_margin_check(&cfg), RC_RANGE);
    assert_non_null(strstr(err_text(), "law, horizontal: no margin"));
    load(&cfg, "epics:\n  write_hz: 100\nlaw:\n  every: 10\n  ki: 0.5\n  gain_h: 0.1\n");
    assert_int_equal(law_margin_check(&cfg), RC_RANGE);
    assert_non_null(strstr(err_text(), "law, vertical: no margin"));
    load(&cfg,
         "epics:\n  write_hz: 100\nlaw:\n  every: 10\n  ki: 0.5\nmargin:\n  required: false\n");
    assert_int_equal(law_margin_check(&cfg), RC_OK);
    load(&cfg, "law:\n  ki: 0.4\nmargin:\n  gain: 50\n");
    assert_int_equal(law_margin_check(&cfg), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_law_has_its_closed_form),
        cmocka_unit_test(plant_is_that_of_the_law_s_theory),
        cmocka_unit_test(a_law_without_margin_is_refused_unless_margins_are_not_required),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
