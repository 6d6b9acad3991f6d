/* The laws on the plants of three machines do what theory says of them. */
#include "tests/support/test.h"

#include <stdio.h>

#include "rt/loop/law/frequency.h"
#include "tests/support/scalar_loop.h"

struct machine {
    const char *name;
    double fs_hz, delay_s, pole_hz, bandwidth_hz;
};

/* Rates, delays and poles as published for these machines; the delays are no whole steps. */
static const struct machine machines[] = {
    {"BESSY II", 150.0, 3.0e-3, 80.0, 10.0},
    {"BESSY II, 10 Hz", 10.0, 21e-3, 20.0, 0.5},
    {"Diamond", 10072.0, 700e-6, 500.0, 200.0},
    {"Sirius", 48000.0, 25e-6, 10000.0, 1000.0},
};
enum { N_MACHINE = sizeof machines / sizeof machines[0], N_FREQUENCY = 13 };

static struct law_settings settings_of(const struct machine *m, enum law_kind kind)
{
    return (struct law_settings){.kind = kind,
                                 .kp = 0.05,
                                 .ki = 2.0 * M_PI * m->bandwidth_hz / m->fs_hz,
                                 .bandwidth_hz = m->bandwidth_hz,
                                 .lead_max = 1000.0,
                                 .delay_s = m->delay_s,
                                 .period_s = 1.0 / m->fs_hz};
}

static void make(struct law_terms *terms, const struct law_settings *settings, double pole_hz)
{
    double lower = -1e9, upper = 1e9;
    struct law_columns columns = {
        .n_col = 1, .lower = &lower, .upper = &upper, .pole_hz = &pole_hz};

    if (law_terms_make(terms, settings, &columns) != RC_OK)
        fail_msg("%s", err_text());
}

static struct law_plant plant_of(const struct machine *m)
{
    struct law_plant plant = {.delay_s = m->delay_s, .gain = 1.0, .average = 1};

    assert_int_equal(law_plant_add_pole(&plant, m->pole_hz), RC_OK);
    return plant;
}

/* From 0.001 to 0.3 of the rate, evenly on a logarithmic scale. */
static double frequency(const struct machine *m, unsigned i)
{
    return 1e-3 * pow(300.0, (double) i / (N_FREQUENCY - 1)) * m->fs_hz;
}

static double decibel(double complex value)
{
    return 20.0 * log10(cabs(value));
}

static void compare(const struct machine *m, const struct law_terms *terms)
{
    struct law_plant plant = plant_of(m);

    for (unsigned i = 0; i < N_FREQUENCY; i++) {
        double f_hz = frequency(m, i);
        double complex theory = law_sensitivity(terms, 0, &plant, f_hz, m->fs_hz), seen;
        struct scalar_loop loop;

        scalar_open(&loop, terms, m->fs_hz, m->delay_s, m->pole_hz);
        if (terms->n_harmonic)
            loop.settle = (uint64_t) (8.0 * m->fs_hz);
        seen = scalar_response(&loop, f_hz);
        scalar_close(&loop);
        if (decibel(theory) < -40.0)
            continue;
        if (!(fabs(decibel(seen) - decibel(theory)) < 0.1))
            fail_msg("%s at %g Hz: %g dB, theory %g dB", m->name, f_hz, decibel(seen),
                     decibel(theory));
    }
}

static void pi_attenuates_as_theory_says(void **state)
{
    static struct law_terms terms;

    (void) state;
    for (unsigned i = 0; i < N_MACHINE; i++) {
        struct law_settings settings = settings_of(&machines[i], LAW_PI);

        make(&terms, &settings, machines[i].pole_hz);
        compare(&machines[i], &terms);
    }
}

static void imc_attenuates_as_theory_says(void **state)
{
    static struct law_terms terms;

    (void) state;
    for (unsigned i = 0; i < N_MACHINE; i++) {
        struct law_settings settings = settings_of(&machines[i], LAW_IMC);

        make(&terms, &settings, machines[i].pole_hz);
        compare(&machines[i], &terms);
    }
}

/* With d whole steps of delay the model is the plant, and the loop is 1 - T z^-d. */
static void imc_with_a_perfect_model_is_its_target(void **state)
{
    const struct machine whole = {"whole steps", 1000.0, 3e-3, 60.0, 25.0};
    struct law_settings settings = settings_of(&whole, LAW_IMC);
    struct law_plant plant = plant_of(&whole);
    static struct law_terms terms;

    (void) state;
    make(&terms, &settings, whole.pole_hz);
    assert_int_equal(terms.d, 3);
    for (double f_hz = 1.0; f_hz < 480.0; f_hz *= 1.7) {
        double complex z1 =
            CMPLX(cos(2.0 * M_PI * f_hz / 1000.0), -sin(2.0 * M_PI * f_hz / 1000.0));
        double complex target = 1.0 - (1.0 - terms.b) * cpow(z1, 4.0) / (1.0 - terms.b * z1);
        double complex s = law_sensitivity(&terms, 0, &plant, f_hz, 1000.0);

        assert_close(cabs(s - target), 0.0, 0.0, 1e-9);
    }
}

static void a_notch_takes_its_line_out_of_the_loop(void **state)
{
    struct machine m = machines[2];
    struct law_settings settings = settings_of(&m, LAW_IMC);
    static struct law_terms terms;

    (void) state;
    settings.n_notch = 1;
    settings.notch[0] = (struct law_notch){.f_hz = 2500.0, .width_hz = 300.0, .depth = 0.0};
    make(&terms, &settings, m.pole_hz);
    assert_true(cabs(law_frequency_response(&terms, 0, 2500.0, m.fs_hz)) < 1e-9);
    assert_close(cabs(law_notch_response(&terms, 0, 1.0, m.fs_hz)), 1.0, 1e-6, 0.0);
    compare(&m, &terms);
}

static void a_suppressor_removes_its_harmonic_and_leaves_the_rest(void **state)
{
    static const double lines_hz[] = {10.0, 50.0};
    static struct law_terms terms, without;

    (void) state;
    for (unsigned i = 0; i < 4; i++) {
        struct machine m = machines[i % 2 ? 2 : 0];
        enum law_kind kind = i < 2 ? LAW_PI : LAW_IMC;
        struct law_settings settings = settings_of(&m, kind);
        struct law_plant plant = plant_of(&m);

        make(&without, &settings, m.pole_hz);
        settings.n_harmonic = 2;
        for (unsigned h = 0; h < 2; h++)
            settings.harmonic[h] =
                (struct law_harmonic){.f_hz = lines_hz[h], .width_hz = 0.02 * lines_hz[h]};
        make(&terms, &settings, m.pole_hz);
        compare(&m, &terms);
        for (unsigned h = 0; h < 2; h++) {
            struct scalar_loop loop;

            scalar_open(&loop, &terms, m.fs_hz, m.delay_s, m.pole_hz);
            for (unsigned k = 0; k < 20.0 * m.fs_hz; k++)
                (void) scalar_step(&loop, cos(2.0 * M_PI * lines_hz[h] / m.fs_hz * k));
            assert_true(cabs(scalar_response(&loop, lines_hz[h])) < 1e-3);
            scalar_close(&loop);
        }
        assert_close(cabs(law_sensitivity(&terms, 0, &plant, 23.0, m.fs_hz)),
                     cabs(law_sensitivity(&without, 0, &plant, 23.0, m.fs_hz)), 0.1, 0.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pi_attenuates_as_theory_says),
        cmocka_unit_test(imc_attenuates_as_theory_says),
        cmocka_unit_test(imc_with_a_perfect_model_is_its_target),
        cmocka_unit_test(a_notch_takes_its_line_out_of_the_loop),
        cmocka_unit_test(a_suppressor_removes_its_harmonic_and_leaves_the_rest),
    };

    return cmocka_run_group_tests_name("law/theory", tests, NULL, NULL);
}
