#include "tests/support/test.h"

#include <string.h>

#include "model/plant/bpm.h"

static const struct plant_bpm_channel right = {.gain_x = 1, .gain_y = 1};

static struct plant_bpm *made(const struct plant_bpm_channel *channel,
                              const struct plant_bpm_settings *settings)
{
    struct plant_bpm *plant = NULL;

    assert_int_equal(plant_bpm_create(&plant, channel, 1, settings), RC_OK);
    return plant;
}

static void a_perfect_bpm_reads_the_position(void **state)
{
    struct plant_bpm *plant = made(&right, &(struct plant_bpm_settings){.dt_s = 1e-3});
    double position[2] = {1e-3, -2e-3}, reading[2];

    (void) state;
    plant_bpm_advance(plant, 1e-3, position, reading);
    assert_close(reading[0], 1e-3, 0, 0);
    assert_close(reading[1], -2e-3, 0, 0);
    plant_bpm_destroy(plant);
}

static void offset_gain_and_roll_act_in_their_order(void **state)
{
    struct plant_bpm_channel c = {
        .offset_x_m = 1e-4, .offset_y_m = -3e-4, .gain_x = 1.1, .gain_y = 0.9, .roll_rad = 0.2};
    struct plant_bpm *plant = made(&c, &(struct plant_bpm_settings){.dt_s = 1e-3});
    double position[2] = {1e-3, -2e-3}, reading[2];

    (void) state;
    plant_bpm_advance(plant, 1e-3, position, reading);
    assert_close(reading[0], 1.1 * (1e-3 * cos(0.2) - 2e-3 * sin(0.2)) - 1e-4, 1e-12, 0);
    assert_close(reading[1], 0.9 * (-2e-3 * cos(0.2) - 1e-3 * sin(0.2)) + 3e-4, 1e-12, 0);
    plant_bpm_destroy(plant);
}

static void the_delay_is_whole_steps_for_ever(void **state)
{
    struct plant_bpm *plant =
        made(&right, &(struct plant_bpm_settings){.dt_s = 1e-3, .delay_s = 3e-3});
    double reading[2];

    (void) state;
    for (int i = 1; i < 20000; i++) {
        double position[2] = {1e-6 * i, 0};

        plant_bpm_advance(plant, 1e-3, position, reading);
        assert_close(reading[0], i < 4 ? 0 : 1e-6 * (i - 3), 1e-12, 0);
    }
    plant_bpm_destroy(plant);
}

static void the_low_pass_answers_with_its_exponential(void **state)
{
    struct plant_bpm *plant =
        made(&right, &(struct plant_bpm_settings){.dt_s = 1e-3, .low_pass_hz = 100});
    double position[2] = {1, 0}, reading[2];

    (void) state;
    for (int i = 1; i <= 5; i++) {
        plant_bpm_advance(plant, 1e-3, position, reading);
        assert_close(reading[0], 1 - exp(-2 * M_PI * 100 * 1e-3 * i), 1e-12, 0);
    }
    plant_bpm_destroy(plant);
}

static void a_reset_is_settled(void **state)
{
    struct plant_bpm *plant = made(
        &right, &(struct plant_bpm_settings){.dt_s = 1e-3, .low_pass_hz = 10, .delay_s = 5e-3});
    double position[2] = {2e-3, 1e-3}, reading[2];

    (void) state;
    plant_bpm_reset(plant, position);
    plant_bpm_advance(plant, 1e-3, position, reading);
    assert_close(reading[0], 2e-3, 1e-15, 0);
    assert_close(reading[1], 1e-3, 1e-15, 0);
    plant_bpm_destroy(plant);
}

static void noise_has_its_rms_and_repeats_with_the_seed(void **state)
{
    enum { N = 20000 };
    struct plant_bpm_channel c = {.gain_x = 1, .gain_y = 1, .noise_m = 3e-7};
    struct plant_bpm_settings settings = {.dt_s = 1e-3, .seed = 5};
    struct plant_bpm *a = made(&c, &settings), *b = made(&c, &settings);
    double position[2] = {0}, x[2], y[2], square = 0, product = 0;

    (void) state;
    for (int i = 0; i < N; i++) {
        plant_bpm_advance(a, 1e-3, position, x);
        plant_bpm_advance(b, 1e-3, position, y);
        assert_memory_equal(x, y, sizeof x);
        square += x[0] * x[0];
        product += x[0] * x[1];
    }
    assert_close(sqrt(square / N), 3e-7, 0.025, 0);
    assert_close(product / N, 0, 0, 5 * 9e-14 / sqrt(N));
    plant_bpm_destroy(a);
    plant_bpm_destroy(b);
}

static void channels_that_make_no_sense_are_named(void **state)
{
    struct plant_bpm_channel c[2] = {right, right};
    struct plant_bpm_settings good = {.dt_s = 1e-3}, bad = {.dt_s = 1e-3, .delay_s = -1};
    struct plant_bpm *plant;

    (void) state;
    c[1].noise_m = -1e-6;
    assert_int_equal(plant_bpm_create(&plant, c, 2, &good), RC_RANGE);
    assert_non_null(strstr(err_text(), "BPM channel 1: noise"));
    assert_int_equal(plant_bpm_create(&plant, c, 1, &bad), RC_RANGE);
    bad = (struct plant_bpm_settings){.dt_s = 0};
    assert_int_equal(plant_bpm_create(&plant, c, 1, &bad), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_bpm_reads_the_position),
        cmocka_unit_test(offset_gain_and_roll_act_in_their_order),
        cmocka_unit_test(the_delay_is_whole_steps_for_ever),
        cmocka_unit_test(the_low_pass_answers_with_its_exponential),
        cmocka_unit_test(a_reset_is_settled),
        cmocka_unit_test(noise_has_its_rms_and_repeats_with_the_seed),
        cmocka_unit_test(channels_that_make_no_sense_are_named),
    };

    return cmocka_run_group_tests_name("model/plant/bpm", tests, NULL, NULL);
}
