#include "tests/support/test.h"

#include <string.h>

#include "model/chromaticity.h"
#include "model/coupled_optics.h"
#include "model/optics.h"
#include "tests/support/ring_file.h"

static struct lattice *ring;
static struct optics *plain;
static struct coupled_optics *coupled;
static const double axis[TRACK_DIM];

static int open_ring(const char *name)
{
    ring = ring_file_lattice(name);
    return optics_create(&plain, ring->n_element) != RC_OK ||
           coupled_optics_create(&coupled, ring->n_element) != RC_OK;
}

static int open_fodo(void **state)
{
    (void) state;
    return open_ring("fodo");
}

static int open_bessy2(void **state)
{
    (void) state;
    return open_ring("bessy2");
}

static int close_ring(void **state)
{
    (void) state;
    lattice_destroy(ring);
    optics_destroy(plain);
    coupled_optics_destroy(coupled);
    return 0;
}

/* ---- without coupling ---- */

static void compare_with_plain(enum integrator integrator)
{
    const struct tracking how = {.exact = integrator == INTEGRATOR_EXACT};

    assert_int_equal(optics_compute(plain, ring, integrator), RC_OK);
    assert_int_equal(coupled_optics_compute(coupled, ring, &how, axis), RC_OK);
    assert_close(coupled->tune[0], plain->tune_x, 0, 1e-10);
    assert_close(coupled->tune[1], plain->tune_y, 0, 1e-10);
    assert_close(coupled->alpha_c, plain->alpha_c, 1e-9, 0);
    for (uint32_t i = 0; i <= ring->n_element; i++) {
        const struct coupled_point *point = &coupled->point[i];

        assert_close(point->beta_x_m[0], plain->beta_x_m[i], 1e-9, 0);
        assert_close(point->beta_y_m[1], plain->beta_y_m[i], 1e-9, 0);
        assert_close(point->alpha_x[0], plain->alpha_x[i], 0, 1e-8);
        assert_close(point->alpha_y[1], plain->alpha_y[i], 0, 1e-8);
        assert_close(point->mu_rad[0], plain->mu_x_rad[i], 0, 1e-9);
        assert_close(point->eta[0], plain->eta_x_m[i], 0, 1e-9);
        assert_close(point->beta_x_m[1] + point->beta_y_m[0], 0, 0, 1e-20);
    }
}

static void without_coupling_it_is_the_plain_optics_by_exact_maps(void **state)
{
    (void) state;
    compare_with_plain(INTEGRATOR_EXACT);
}

static void without_coupling_it_is_the_plain_optics_by_slices(void **state)
{
    (void) state;
    compare_with_plain(INTEGRATOR_AT);
}

/* ---- with coupling ---- */

/* A magnet turned by 90 degrees is one of the other sign; by 45 degrees it is a skew one. */
static void a_roll_of_45_degrees_is_a_skew_gradient(void **state)
{
    struct element *quadrupole = &ring->element[1];
    double k1 = 0.02 * quadrupole->b[1], tune[2];
    const struct tracking how = {.exact = true};

    (void) state;
    quadrupole->b[1] = k1;
    quadrupole->roll_rad = M_PI / 4;
    assert_int_equal(coupled_optics_compute(coupled, ring, &how, axis), RC_OK);
    memcpy(tune, coupled->tune, sizeof tune);
    quadrupole->roll_rad = 0;
    assert_int_equal(lattice_set_field(ring, 1, 1, false, 0), RC_OK);
    assert_int_equal(lattice_set_field(ring, 1, 1, true, -k1), RC_OK);
    assert_int_equal(coupled_optics_compute(coupled, ring, &how, axis), RC_OK);
    assert_close(coupled->tune[0], tune[0], 0, 1e-12);
    assert_close(coupled->tune[1], tune[1], 0, 1e-12);
    assert_true(coupled->point[0].beta_x_m[1] > 1e-6);
}

/* sum over planes of the areas of a mode is 1: with alpha and beta of both, per mode
 * (beta gamma - alpha^2)^(1/2) in x and in y. */
static void rolls_are_results_and_modes_stay_periodic(void **state)
{
    const struct tracking how = {0};
    const struct coupled_point *first, *last;

    (void) state;
    for (uint32_t i = 0; i < ring->n_element; i++)
        if (ring->element[i].kind == ELEMENT_QUADRUPOLE)
            ring->element[i].roll_rad = 2e-3 * sin(1 + 3.0 * i);
    assert_int_equal(coupled_optics_compute(coupled, ring, &how, axis), RC_OK);
    first = &coupled->point[0];
    last = &coupled->point[ring->n_element];
    for (int k = 0; k < 2; k++) {
        assert_close(last->beta_x_m[k], first->beta_x_m[k], 1e-9, 1e-12);
        assert_close(last->beta_y_m[k], first->beta_y_m[k], 1e-9, 1e-12);
        assert_close(last->alpha_x[k], first->alpha_x[k], 1e-9, 1e-10);
    }
    assert_true(first->beta_x_m[1] > 1e-6 && fabs(first->eta[2]) > 1e-6);
}

/* ---- six dimensions ---- */

static void tunes_of_bessy2_in_six_dimensions(void **state)
{
    const struct tracking how = {.cavities = true};
    const struct closed_orbit_request request = {.mode = ORBIT_6D};
    struct closed_orbit orbit = {.iterations = 0};

    (void) state;
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_OK);
    assert_int_equal(coupled_optics_compute(coupled, ring, &how, orbit.start), RC_OK);
    assert_close(coupled->tune[0], 17.848005497853, 0, 1e-8);
    assert_close(coupled->tune[1], 6.7267499, 0, 1e-7);
    assert_close(coupled->synchrotron_tune, 0.0060596, 0, 1e-7);
    assert_close(coupled->point[0].eta[0], -0.0109739, 0, 1e-4);
}

static void a_lag_moves_the_stable_phase_and_nothing_else(void **state)
{
    const struct closed_orbit_request request = {.mode = ORBIT_6D};
    struct closed_orbit orbit = {.iterations = 0};

    (void) state;
    for (uint32_t i = 0; i < ring->n_element; i++)
        ring->element[i].lag_m = 0.05;
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_OK);
    assert_close(orbit.start[5], 0.05, 0, 1e-9);
    assert_close(orbit.start[4], 0, 0, 1e-12);
}

static void a_cavity_of_the_wrong_sign_is_not_stable(void **state)
{
    const struct closed_orbit_request request = {.mode = ORBIT_6D};
    struct closed_orbit orbit = {.iterations = 0};

    (void) state;
    for (uint32_t i = 0; i < ring->n_element; i++)
        ring->element[i].voltage_v *= -1;
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "stable"));
}

static void six_dimensions_need_a_cavity_and_an_energy(void **state)
{
    const struct closed_orbit_request request = {.mode = ORBIT_6D};
    struct closed_orbit orbit = {.iterations = 0};

    (void) state;
    ring->energy_gev = 0;
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_INPUT);
    assert_non_null(strstr(err_text(), "energy"));
    ring->rf_frequency_hz = 0;
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_INPUT);
    assert_non_null(strstr(err_text(), "no cavity"));
}

/* The RF orbit in six dimensions is that of fixed RF frequency: same kicks, same path. */
static void six_dimensions_agree_with_the_path_condition(void **state)
{
    struct closed_orbit five = {.iterations = 0}, six = {.iterations = 0};
    struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF, .path_m = 2e-6};

    (void) state;
    ring->element[ring->hcorrector[0].element].hkick_rad = 2e-5;
    assert_int_equal(closed_orbit_solve(ring, &request, &five), RC_OK);
    request.mode = ORBIT_6D;
    assert_int_equal(closed_orbit_solve(ring, &request, &six), RC_OK);
    assert_close(six.start[0], five.start[0], 0, 1e-7);
    assert_true(fabs(five.start[0]) > 1e-5);
}

/* ---- chromaticity ---- */

static void chromaticity_of_bessy2(void **state)
{
    double xi[2];

    (void) state;
    assert_int_equal(chromaticity_corrected(ring, false, xi), RC_OK);
    assert_close(xi[0], 1.7494258, 0, 1e-5);
    assert_close(xi[1], 3.0193, 0, 1e-4);
    assert_int_equal(chromaticity_natural(ring, false, xi), RC_OK);
    assert_close(xi[0], -48.5505587, 0, 1e-4);
    assert_close(xi[1], -23.577, 0, 1e-3);
    assert_int_equal(chromaticity_corrected(ring, true, xi), RC_OK);
    assert_close(xi[0], 1.7499189, 0, 1e-5);
}

#define FODO(test)   cmocka_unit_test_setup_teardown(test, open_fodo, close_ring)
#define BESSY2(test) cmocka_unit_test_setup_teardown(test, open_bessy2, close_ring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BESSY2(without_coupling_it_is_the_plain_optics_by_exact_maps),
        BESSY2(without_coupling_it_is_the_plain_optics_by_slices),
        FODO(a_roll_of_45_degrees_is_a_skew_gradient),
        FODO(rolls_are_results_and_modes_stay_periodic),
        BESSY2(tunes_of_bessy2_in_six_dimensions),
        BESSY2(a_lag_moves_the_stable_phase_and_nothing_else),
        BESSY2(a_cavity_of_the_wrong_sign_is_not_stable),
        BESSY2(six_dimensions_need_a_cavity_and_an_energy),
        BESSY2(six_dimensions_agree_with_the_path_condition),
        BESSY2(chromaticity_of_bessy2),
    };

    return cmocka_run_group_tests_name("model/coupled_optics", tests, NULL, NULL);
}
