#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "tests/support/ring_file.h"

static const struct closed_orbit_request fixed_momentum = {.mode = ORBIT_FIXED_MOMENTUM};
static const struct closed_orbit_request fixed_rf = {.mode = ORBIT_FIXED_RF};

static int open_ring(void **state)
{
    *state = ring_file_lattice("fodo");
    return 0;
}

static int close_ring(void **state)
{
    lattice_destroy(*state);
    return 0;
}

static void kick(struct lattice *ring, double rad)
{
    for (uint32_t i = 0; i < ring->n_hcorrector; i++) {
        ring->element[ring->hcorrector[i].element].hkick_rad = rad * sin(1 + 0.7 * i);
        ring->element[ring->hcorrector[i].element].vkick_rad = rad * sin(1.5 + 0.7 * i);
    }
}

static void without_kicks_the_orbit_is_the_axis(void **state)
{
    struct closed_orbit orbit = {.iterations = 0};

    assert_int_equal(closed_orbit_solve(*state, &fixed_rf, &orbit), RC_OK);
    for (int i = 0; i < TRACK_DIM; i++)
        assert_close(orbit.start[i], 0, 0, 1e-16);
    assert_int_equal(orbit.iterations, 1);
}

static void a_turn_returns_to_the_closed_orbit(void **state)
{
    struct lattice *ring = *state;
    struct closed_orbit orbit = {.iterations = 0};
    double(*all)[TRACK_DIM] = malloc((ring->n_element + 1) * sizeof *all);

    kick(ring, 1e-4);
    assert_int_equal(closed_orbit_solve(ring, &fixed_momentum, &orbit), RC_OK);
    assert_true(fabs(orbit.start[0]) > 1e-5);
    assert_int_equal(closed_orbit_everywhere(ring, orbit.start, all), RC_OK);
    for (int i = 0; i < 4; i++)
        assert_close(all[ring->n_element][i], orbit.start[i], 0, 1e-15);
    free(all);
}

static void at_fixed_rf_the_path_of_a_turn_stays(void **state)
{
    struct lattice *ring = *state;
    struct closed_orbit_request longer = fixed_rf;
    struct closed_orbit orbit = {.iterations = 0};
    double z[TRACK_DIM];

    kick(ring, 1e-4);
    longer.path_m = 2e-5;
    assert_int_equal(closed_orbit_solve(ring, &longer, &orbit), RC_OK);
    memcpy(z, orbit.start, sizeof z);
    assert_int_equal(track_range(ring, 0, ring->n_element, z, NULL), RC_OK);
    assert_close(z[5], 2e-5, 0, 1e-16);
    assert_true(fabs(orbit.start[4]) > 1e-7);
}

static void a_warm_start_takes_fewer_steps(void **state)
{
    struct lattice *ring = *state;
    struct closed_orbit cold = {.iterations = 0}, warm;

    kick(ring, 1e-4);
    assert_int_equal(closed_orbit_solve(ring, &fixed_rf, &cold), RC_OK);
    warm = cold;
    ring->element[ring->hcorrector[3].element].hkick_rad += 1e-7;
    assert_int_equal(closed_orbit_solve(ring, &fixed_rf, &warm), RC_OK);
    assert_true(cold.iterations >= 3 && cold.iterations <= 6);
    assert_true(warm.iterations < cold.iterations);
}

static void positions_at_bpms_are_those_of_the_orbit(void **state)
{
    struct lattice *ring = *state;
    struct closed_orbit orbit = {.iterations = 0};
    double(*all)[TRACK_DIM] = malloc((ring->n_element + 1) * sizeof *all), bpm[48];
    struct lattice_device first = ring->bpm[0];

    kick(ring, 1e-4);
    ring->bpm[0] = ring->bpm[23];
    ring->bpm[23] = first;
    assert_int_equal(closed_orbit_solve(ring, &fixed_momentum, &orbit), RC_OK);
    assert_int_equal(closed_orbit_everywhere(ring, orbit.start, all), RC_OK);
    assert_int_equal(closed_orbit_at_bpms(ring, orbit.start, bpm), RC_OK);
    for (uint32_t i = 0; i < 24; i++) {
        assert_close(bpm[i], all[ring->bpm[i].element][0], 0, 0);
        assert_close(bpm[24 + i], all[ring->bpm[i].element][2], 0, 0);
    }
    free(all);
}

static void a_ring_without_focusing_is_a_numeric_error(void **state)
{
    struct lattice *ring = *state;
    struct closed_orbit orbit = {.start = {1e-5}};

    for (uint32_t i = 0; i < ring->n_element; i++)
        ring->element[i].b[1] *= 5;
    assert_int_equal(closed_orbit_solve(ring, &fixed_momentum, &orbit), RC_NUMERIC);
    assert_true(strlen(err_text()) > 10);
    assert_close(orbit.start[0], 1e-5, 0, 0);
}

static void a_ring_of_drifts_has_no_single_orbit(void **state)
{
    struct element drift = {.name = "D", .kind = ELEMENT_DRIFT, .length_m = 1};
    double s[2] = {0, 1};
    struct lattice line = {.n_element = 1, .element = &drift, .s_m = s, .circumference_m = 1};
    struct closed_orbit orbit = {.iterations = 0};

    (void) state;
    assert_int_equal(closed_orbit_solve(&line, &fixed_momentum, &orbit), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "singular"));
}

static void kicks_beyond_the_aperture_lose_the_particle(void **state)
{
    struct lattice *ring = *state;
    struct closed_orbit orbit = {.iterations = 0};

    kick(ring, 3);
    assert_int_equal(closed_orbit_solve(ring, &fixed_momentum, &orbit), RC_NUMERIC);
}

static void stability_follows_from_the_turn(void **state)
{
    const double mu = 0.7, nu = 2.1;
    double turn[4][4] = {{cos(mu), sin(mu)},
                         {-sin(mu), cos(mu)},
                         {0, 0, cos(nu), sin(nu)},
                         {0, 0, -sin(nu), cos(nu)}};
    double tune[2];

    (void) state;
    assert_true(closed_orbit_is_stable(turn, tune));
    assert_close(fmin(tune[0], tune[1]), mu / (2 * M_PI), 1e-12, 0);
    assert_close(fmax(tune[0], tune[1]), nu / (2 * M_PI), 1e-12, 0);
    turn[0][0] = turn[1][1] = cosh(0.1);
    turn[0][1] = turn[1][0] = sinh(0.1);
    assert_false(closed_orbit_is_stable(turn, tune));
}

#define IN_RING(test) cmocka_unit_test_setup_teardown(test, open_ring, close_ring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_RING(without_kicks_the_orbit_is_the_axis),
        IN_RING(a_turn_returns_to_the_closed_orbit),
        IN_RING(at_fixed_rf_the_path_of_a_turn_stays),
        IN_RING(a_warm_start_takes_fewer_steps),
        IN_RING(positions_at_bpms_are_those_of_the_orbit),
        IN_RING(a_ring_without_focusing_is_a_numeric_error),
        cmocka_unit_test(a_ring_of_drifts_has_no_single_orbit),
        IN_RING(kicks_beyond_the_aperture_lose_the_particle),
        cmocka_unit_test(stability_follows_from_the_turn),
    };

    return cmocka_run_group_tests_name("model/closed_orbit", tests, NULL, NULL);
}
