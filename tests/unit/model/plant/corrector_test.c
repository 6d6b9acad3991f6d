#include "tests/support/test.h"

#include <string.h>

#include "model/plant/corrector.h"

static struct plant_corrector_channel plain(void)
{
    return (struct plant_corrector_channel){.rad_per_a = 2e-3, .polarity = 1};
}

static struct plant_corrector *made(const struct plant_corrector_channel *channel,
                                    double delay_s)
{
    struct plant_corrector *plant = NULL;

    assert_int_equal(plant_corrector_create(&plant, channel, 1, delay_s, 1e-3), RC_OK);
    return plant;
}

static double kick_after(struct plant_corrector *plant, double t_s, int steps)
{
    for (int i = 0; i < steps; i++)
        plant_corrector_advance(plant, t_s / steps);
    return plant_corrector_kick_rad(plant)[0];
}

static void without_dynamics_a_set_point_acts_at_once(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant = made(&c, 0);

    (void) state;
    assert_close(plant_corrector_set(plant, 0, 0.5), 0.5, 0, 0);
    assert_close(kick_after(plant, 1e-3, 1), 1e-3, 1e-15, 0);
    plant_corrector_destroy(plant);
}

static void gain_error_and_polarity_multiply_the_kick_only(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant = made(&c, 0);

    (void) state;
    plant_corrector_channel(plant, 0)->gain_error = 0.03;
    plant_corrector_channel(plant, 0)->polarity = -1;
    plant_corrector_set(plant, 0, 0.5);
    assert_close(kick_after(plant, 1e-3, 1), -1.03e-3, 1e-15, 0);
    assert_close(plant_corrector_current_a(plant)[0], 0.5, 0, 0);
    plant_corrector_destroy(plant);
}

static void set_points_are_rounded_and_limited(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant;

    (void) state;
    c.resolution_a = 0.03;
    c.limit_a = 0.1;
    plant = made(&c, 0);
    assert_close(plant_corrector_set(plant, 0, 0.044), 0.03, 1e-12, 0);
    assert_close(plant_corrector_set(plant, 0, 0.046), 0.06, 1e-12, 0);
    assert_close(plant_corrector_set(plant, 0, 7), 0.09, 1e-12, 0);
    assert_close(plant_corrector_set(plant, 0, -0.1), -0.09, 1e-12, 0);
    plant_corrector_destroy(plant);
}

static void a_set_point_that_is_no_number_is_refused(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant = made(&c, 0);

    (void) state;
    plant_corrector_set(plant, 0, 0.25);
    assert_close(plant_corrector_set(plant, 0, (double) NAN), 0.25, 0, 0);
    assert_close(plant_corrector_set(plant, 0, HUGE_VAL), 0.25, 0, 0);
    plant_corrector_destroy(plant);
}

static void the_pole_answers_with_its_exponential(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant;

    (void) state;
    c.pole_hz = 20;
    plant = made(&c, 0);
    plant_corrector_set(plant, 0, 1);
    assert_close(kick_after(plant, 0.01, 1), 2e-3 * (1 - exp(-2 * M_PI * 20 * 0.01)), 1e-12, 0);
    plant_corrector_destroy(plant);
}

static void the_rate_limit_is_a_ramp(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant;

    (void) state;
    c.rate_a_per_s = 10;
    plant = made(&c, 0);
    plant_corrector_set(plant, 0, -1);
    kick_after(plant, 0.03, 1);
    assert_close(plant_corrector_current_a(plant)[0], -0.3, 1e-12, 0);
    assert_close(kick_after(plant, 0.2, 1), -2e-3, 1e-12, 0);
    plant_corrector_destroy(plant);
}

static void the_delay_holds_the_old_value(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant = made(&c, 0.0105);

    (void) state;
    plant_corrector_set(plant, 0, 1);
    assert_close(kick_after(plant, 0.01, 10), 0, 0, 0);
    assert_close(kick_after(plant, 0.001, 1), 2e-3, 1e-12, 0);
    plant_corrector_destroy(plant);
}

/* Ramp, pole and a delay that is no multiple of the step: one step of 20 ms or twenty of 1 ms.
 */
static void the_result_does_not_depend_on_the_steps(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *one, *many;

    (void) state;
    c.pole_hz = 15;
    c.rate_a_per_s = 40;
    one = made(&c, 0.0037);
    many = made(&c, 0.0037);
    for (int i = 0; i < 5; i++) {
        plant_corrector_set(one, 0, 0.3 * i - 0.5);
        plant_corrector_set(many, 0, 0.3 * i - 0.5);
        assert_close(kick_after(one, 0.02, 1), kick_after(many, 0.02, 20), 1e-9, 1e-15);
    }
    plant_corrector_destroy(one);
    plant_corrector_destroy(many);
}

static void a_reset_is_settled(void **state)
{
    struct plant_corrector_channel c = plain();
    struct plant_corrector *plant;
    double set = 0.4;

    (void) state;
    c.pole_hz = 1;
    c.rate_a_per_s = 1;
    plant = made(&c, 0.01);
    plant_corrector_reset(plant, &set);
    assert_close(kick_after(plant, 0.1, 7), 8e-4, 1e-15, 0);
    plant_corrector_destroy(plant);
}

static void channels_that_make_no_sense_are_named(void **state)
{
    struct plant_corrector_channel c[2] = {plain(), plain()};
    struct plant_corrector *plant;

    (void) state;
    c[1].rate_a_per_s = -1;
    assert_int_equal(plant_corrector_create(&plant, c, 2, 0, 1e-3), RC_RANGE);
    assert_non_null(strstr(err_text(), "channel 1: rate_a_per_s -1"));
    c[1] = plain();
    c[1].polarity = 0;
    assert_int_equal(plant_corrector_create(&plant, c, 2, 0, 1e-3), RC_RANGE);
    assert_int_equal(plant_corrector_create(&plant, c, 1, -1, 1e-3), RC_RANGE);
    assert_int_equal(plant_corrector_create(&plant, c, 1, 0, 0), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_dynamics_a_set_point_acts_at_once),
        cmocka_unit_test(gain_error_and_polarity_multiply_the_kick_only),
        cmocka_unit_test(set_points_are_rounded_and_limited),
        cmocka_unit_test(a_set_point_that_is_no_number_is_refused),
        cmocka_unit_test(the_pole_answers_with_its_exponential),
        cmocka_unit_test(the_rate_limit_is_a_ramp),
        cmocka_unit_test(the_delay_holds_the_old_value),
        cmocka_unit_test(the_result_does_not_depend_on_the_steps),
        cmocka_unit_test(a_reset_is_settled),
        cmocka_unit_test(channels_that_make_no_sense_are_named),
    };

    return cmocka_run_group_tests_name("model/plant/corrector", tests, NULL, NULL);
}
