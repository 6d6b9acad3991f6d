#include "tests/support/test.h"

#include "bench/ring/readings.h"

#include <string.h>

enum { N = 400 };

static const struct reading_errors errors = {.seed = 5,
                                             .offset_m = 100e-6,
                                             .gain = 0.03,
                                             .roll_rad = 5e-3,
                                             .noise_m = 1e-6,
                                             .bba_m = 1e-6};

static void the_same_seed_gives_the_same_errors_and_another_gives_others(void **state)
{
    static struct plant_bpm_channel a[N], b[N], c[N];
    static double reference_a[2 * N], reference_b[2 * N], reference_c[2 * N];
    struct reading_errors other = errors;

    (void) state;
    other.seed = 6;
    readings_draw(&errors, N, a, reference_a);
    readings_draw(&errors, N, b, reference_b);
    readings_draw(&other, N, c, reference_c);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(reference_a, reference_b, sizeof reference_a);
    assert_true(fabs(a[0].offset_x_m - c[0].offset_x_m) > 1e-9);
}

static void errors_have_the_configured_rms(void **state)
{
    static struct plant_bpm_channel channel[N];
    static double reference[2 * N], offset[2 * N], bba[2 * N];
    double rms[2];

    (void) state;
    readings_draw(&errors, N, channel, reference);
    for (int i = 0; i < N; i++) {
        offset[i] = channel[i].offset_x_m;
        offset[N + i] = channel[i].gain_x - 1;
        bba[i] = reference[i] + channel[i].offset_x_m;
        bba[N + i] = reference[N + i] + channel[i].offset_y_m;
    }
    readings_rms(offset, N, rms);
    assert_close(rms[0], 100e-6, 0.12, 0);
    assert_close(rms[1], 0.03, 0.12, 0);
    readings_rms(bba, N, rms);
    assert_close(rms[0], 1e-6, 0.12, 0);
    assert_close(rms[1], 1e-6, 0.12, 0);
}

static void a_beam_on_the_axis_has_only_the_error_of_its_alignment(void **state)
{
    static struct plant_bpm_channel channel[N];
    static double reference[2 * N], zero[2 * N], error[2 * N];
    struct readings *readings;
    double rms[2];

    (void) state;
    readings_draw(&errors, N, channel, reference);
    assert_int_equal(readings_create(&readings, channel, N, reference), RC_OK);
    readings_error(readings, zero, error);
    readings_rms(error, N, rms);
    assert_close(rms[0], 1e-6, 0.12, 0);
    assert_close(rms[1], 1e-6, 0.12, 0);
    readings_destroy(readings);
}

static void a_displaced_beam_is_seen_through_gain_and_roll_without_noise(void **state)
{
    struct plant_bpm_channel channel = {
        .gain_x = 1.1, .gain_y = 0.9, .roll_rad = 0.1, .offset_x_m = 1e-3, .noise_m = 1};
    double reference[2] = {-1e-3, 0}, position[2] = {1e-3, 0}, error[2];
    struct readings *readings;

    (void) state;
    assert_int_equal(readings_create(&readings, &channel, 1, reference), RC_OK);
    readings_error(readings, position, error);
    assert_close(error[0], 1.1e-3 * cos(0.1), 1e-12, 0);
    assert_close(fabs(error[1]), 0.9e-3 * sin(0.1), 1e-12, 0);
    readings_destroy(readings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_errors_and_another_gives_others),
        cmocka_unit_test(errors_have_the_configured_rms),
        cmocka_unit_test(a_beam_on_the_axis_has_only_the_error_of_its_alignment),
        cmocka_unit_test(a_displaced_beam_is_seen_through_gain_and_roll_without_noise)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
