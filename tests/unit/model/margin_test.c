/* Loops whose margins can be written down: an integrator of gain g behind whole steps of delay.
 * 1 + g w^(d+1)/(1 - w) = 0 is stable up to g = 2 sin(pi/(2 (2 d + 1))). */
#include "tests/support/test.h"

#include "model/margin.h"

static struct margin_loop loop;

static void make(double gain, unsigned delay_steps)
{
    struct transfer law = transfer_pi(0, gain, 0), plant;
    struct plant machine = {.delay_s = delay_steps, .period_s = 1, .average = 1};

    assert_int_equal(transfer_plant(&plant, &machine), RC_OK);
    assert_int_equal(margin_loop_create(&loop, &law, &plant, 1), RC_OK);
}

static void gain_margin_is_that_of_the_delayed_integrator(void **state)
{
    (void) state;
    for (unsigned d = 0; d < 60; d += d < 8 ? 1 : 17) {
        double limit = 2 * sin(M_PI / (2 * (2 * d + 1)));
        struct margin margin;

        make(0.25 * limit, d);
        margin = margin_of(&loop, 1, false);
        assert_true(margin.stable);
        assert_close(margin.gain, 4, 1e-5, 0);
        assert_true(margin_is_stable(&loop, 3.999));
        assert_false(margin_is_stable(&loop, 4.001));
        margin_loop_free(&loop);
    }
}

static void phase_margin_and_peak_are_those_of_the_plain_integrator(void **state)
{
    const double g = 0.5;
    struct margin margin;

    (void) state;
    make(g, 0);
    margin = margin_of(&loop, 1, false);
    assert_close(margin.phase_rad, M_PI / 2 - asin(g / 2), 1e-4, 0);
    assert_close(margin.peak, 2 / (2 - g), 1e-9, 0);
    assert_close(margin.peak_hz, 0.5, 1e-12, 0);
    /* |S|^2 = |z - 1|^2/|z - 1 + g|^2 = 1/2 at cos w = (2 - 2 g + g^2 - 4)/(2 (1 - g) - 4). */
    assert_close(margin.bandwidth_hz,
                 acos((2 - 2 * g + g * g - 4) / (2 * (1 - g) - 4)) / (2 * M_PI), 0.02, 0);
    margin_loop_free(&loop);
}

/* The pole is 1 - g lambda: stable while g |lambda| < 2 cos(arg lambda). */
static void complex_and_negative_modes_are_judged_exactly(void **state)
{
    (void) state;
    make(0.5, 0);
    for (int k = -20; k <= 20; k++) {
        double angle = k * M_PI / 21, limit = 4 * cos(angle);

        if (limit > 0) {
            assert_true(margin_is_stable(&loop, 0.999 * limit * cexp(CMPLX(0, angle))));
            assert_false(margin_is_stable(&loop, 1.001 * limit * cexp(CMPLX(0, angle))));
        } else {
            assert_false(margin_is_stable(&loop, 1e-3 * cexp(CMPLX(0, angle))));
        }
    }
    assert_true(margin_is_stable(&loop, 0));
    assert_close(margin_of(&loop, cexp(CMPLX(0, 1)), false).gain, 4 * cos(1), 1e-5, 0);
    margin_loop_free(&loop);
}

static void noise_gain_is_the_integral_of_the_closed_loop(void **state)
{
    const double g = 0.4, kappa = 3;

    (void) state;
    make(g, 0);
    assert_close(margin_noise_gain(&loop, kappa, 1), kappa * sqrt(g / (2 - g)), 2e-3, 0);
    margin_loop_free(&loop);
}

static void enough_means_every_demand(void **state)
{
    struct margin_need need = {.gain = 2, .phase_rad = 0.5, .peak = 2};
    struct margin margin = {.stable = true, .gain = 2.1, .phase_rad = 0.6, .peak = 1.9};
    struct margin worse = margin;

    (void) state;
    assert_true(margin_is_enough(&margin, &need));
    worse.gain = 1.9;
    assert_false(margin_is_enough(&worse, &need));
    worse = margin;
    worse.phase_rad = 0.4;
    assert_false(margin_is_enough(&worse, &need));
    worse = margin;
    worse.peak = 2.1;
    assert_false(margin_is_enough(&worse, &need));
    worse = margin;
    worse.stable = false;
    assert_false(margin_is_enough(&worse, &need));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gain_margin_is_that_of_the_delayed_integrator),
        cmocka_unit_test(phase_margin_and_peak_are_those_of_the_plain_integrator),
        cmocka_unit_test(complex_and_negative_modes_are_judged_exactly),
        cmocka_unit_test(noise_gain_is_the_integral_of_the_closed_loop),
        cmocka_unit_test(enough_means_every_demand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
