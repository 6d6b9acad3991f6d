/* Terms: what is derived, and what is refused with the key and the limit. */
#include "tests/support/test.h"

#include <string.h>

#include "rt/loop/law/terms.h"

enum { N_COL = 3 };

static double lower[N_COL], upper[N_COL], pole_hz[N_COL], gain[N_COL];
static struct law_terms terms;

static struct law_columns good_columns(void)
{
    for (unsigned j = 0; j < N_COL; j++) {
        lower[j] = -1e-3;
        upper[j] = 1e-3;
        pole_hz[j] = 500.0;
        gain[j] = 1.0;
    }
    return (struct law_columns){
        .n_col = N_COL, .lower = lower, .upper = upper, .pole_hz = pole_hz, .gain = gain};
}

static struct law_settings good_settings(void)
{
    return (struct law_settings){.kind = LAW_IMC,
                                 .ki = 0.4,
                                 .bandwidth_hz = 200.0,
                                 .lead_max = 20.0,
                                 .delay_s = 700e-6,
                                 .period_s = 1e-4,
                                 .step_limit = 1e-5};
}

/* The published constants of a 10 kHz loop with 7 samples of delay and 700 Hz magnets. */
static void constants_are_those_of_a_known_loop(void **state)
{
    struct law_columns columns = good_columns();
    struct law_settings settings = good_settings();

    (void) state;
    settings.bandwidth_hz = 1e4 / (2.0 * M_PI * 7.0);
    pole_hz[0] = 700.0;
    assert_int_equal(law_terms_make(&terms, &settings, &columns), RC_OK);
    assert_int_equal(terms.d, 7);
    assert_close(terms.b, 0.86688, 0, 1e-5);
    assert_close(terms.lead[0], 0.37410, 0, 1e-5);
    assert_close(terms.lead[0] * terms.a[0], 0.24097, 0, 1e-5);
}

static void refuse(const struct law_settings *settings, const struct law_columns *columns,
                   const char *key)
{
    static struct law_terms before;

    before = terms;
    assert_int_equal(law_terms_make(&terms, settings, columns), RC_RANGE);
    if (!strstr(err_text(), key))
        fail_msg("'%s' does not name %s", err_text(), key);
    assert_memory_equal(&before, &terms, sizeof terms);
}

static void a_lead_beyond_its_limit_is_refused(void **state)
{
    struct law_columns columns = good_columns();
    struct law_settings settings = good_settings();

    (void) state;
    pole_hz[2] = 20.0;
    refuse(&settings, &columns, "law.lead_max");
    assert_non_null(strstr(err_text(), "corrector 2"));
    settings.lead_max = 100.0;
    assert_int_equal(law_terms_make(&terms, &settings, &columns), RC_OK);
}

static void parameters_out_of_range_are_refused_by_name(void **state)
{
    struct law_columns columns = good_columns();
    struct law_settings settings = good_settings();

    (void) state;
    settings.bandwidth_hz = 6000.0;
    refuse(&settings, &columns, "law.bandwidth_hz");
    settings = good_settings();
    settings.period_s = 0.0;
    refuse(&settings, &columns, "law.frame_hz");
    settings = good_settings();
    settings.delay_s = 1.0;
    refuse(&settings, &columns, "law.delay_ms");
    settings = good_settings();
    settings.ki = -0.1;
    refuse(&settings, &columns, "law.ki");
    settings = good_settings();
    settings.leak = (double) NAN;
    refuse(&settings, &columns, "law.leak");
    settings = good_settings();
    gain[1] = 3.0;
    refuse(&settings, &columns, "law.gain_h");
    columns = good_columns();
    upper[1] = -1.0;
    refuse(&settings, &columns, "corrector 1");
    columns = good_columns();
    settings.n_notch = 1;
    settings.notch[0] = (struct law_notch){.f_hz = 7000.0, .width_hz = 10.0};
    refuse(&settings, &columns, "law.notch_hz");
    settings = good_settings();
    settings.n_harmonic = 1;
    settings.harmonic[0] = (struct law_harmonic){.f_hz = 50.0, .width_hz = 20.0};
    refuse(&settings, &columns, "law.harmonic_hz");
}

static void blocks_beyond_the_columns_are_refused(void **state)
{
    struct law_columns columns = good_columns();
    struct law_settings settings = good_settings();
    const struct law_span beyond = {.col0 = 2, .n_col = 2}, good = {.col0 = 1, .n_col = 2};

    (void) state;
    assert_int_equal(law_terms_make(&terms, &settings, &columns), RC_OK);
    assert_int_equal(law_terms_blocks(&terms, &beyond, 1), RC_RANGE);
    assert_int_equal(law_terms_blocks(&terms, &good, 1), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_those_of_a_known_loop),
        cmocka_unit_test(a_lead_beyond_its_limit_is_refused),
        cmocka_unit_test(parameters_out_of_range_are_refused_by_name),
        cmocka_unit_test(blocks_beyond_the_columns_are_refused),
    };

    return cmocka_run_group_tests_name("law/terms", tests, NULL, NULL);
}
