#include "tests/support/test.h"

#include <stdlib.h>

#include "io/spectra/spectra.h"
#include "model/plant/random.h"

enum { N = 8192, SIGNALS = 3 };
static const double fs_hz = 1000.0;
static double signal[N][SIGNALS];

/* A sine of 50 Hz, white noise of rms 2, and nothing but an offset. */
static int fill(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 7);
    for (int k = 0; k < N; k++) {
        signal[k][0] = 3.0 * sin(2.0 * M_PI * 50.0 * k / fs_hz);
        signal[k][1] = 2.0 * random_normal(&random);
        signal[k][2] = 5.0;
    }
    return 0;
}

static void the_power_of_a_line_and_of_noise_is_their_variance(void **state)
{
    struct spectra s;

    (void) state;
    assert_int_equal(spectra_compute(&s, signal[0], N, SIGNALS, fs_hz, 1024), RC_OK);
    assert_int_equal(s.n_freq, 512);
    assert_int_equal(s.n_average, 15);
    assert_close(s.df_hz, fs_hz / 1024, 1e-12, 0);
    assert_close(spectra_rms(&s, 0, 45, 55), 3.0 / sqrt(2.0), 0.01, 0);
    assert_close(spectra_rms(&s, 0, 60, 500), 0.0, 0, 0.01);
    assert_close(spectra_rms(&s, 1, 0, 500), 2.0, 0.04, 0);
    assert_close(spectra_rms(&s, 1, 0, 125), 1.0, 0.1, 0);
    assert_close(spectra_rms(&s, 2, 0, 500), 0.0, 0, 1e-9);
    spectra_free(&s);
}

static void segments_fit_what_is_there(void **state)
{
    struct spectra s;

    (void) state;
    assert_int_equal(spectra_compute(&s, signal[0], 100, SIGNALS, fs_hz, 1024), RC_OK);
    assert_int_equal(s.n_freq, 32);
    spectra_free(&s);
    assert_int_equal(spectra_compute(&s, signal[0], 15, SIGNALS, fs_hz, 1024), RC_RANGE);
    assert_int_equal(spectra_compute(&s, signal[0], N, SIGNALS, 0.0, 1024), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_power_of_a_line_and_of_noise_is_their_variance),
        cmocka_unit_test(segments_fit_what_is_there),
    };

    return cmocka_run_group_tests(tests, fill, NULL);
}
