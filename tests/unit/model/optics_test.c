#include "tests/support/test.h"

#include <string.h>

#include "model/optics.h"
#include "tests/support/ring_file.h"

struct ring {
    struct lattice *lattice;
    struct optics *optics;
};

static struct ring ring;

static int open_ring(void **state)
{
    (void) state;
    ring.lattice = ring_file_lattice("fodo");
    return optics_create(&ring.optics, ring.lattice->n_element);
}

static int close_ring(void **state)
{
    (void) state;
    lattice_destroy(ring.lattice);
    optics_destroy(ring.optics);
    return 0;
}

static void curves_repeat_with_the_cells(void **state)
{
    const struct optics *o = ring.optics;

    (void) state;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_OK);
    for (uint32_t i = 0; i + 16 <= 192; i++) {
        assert_close(o->beta_x_m[i + 16], o->beta_x_m[i], 1e-11, 0);
        assert_close(o->alpha_y[i + 16], o->alpha_y[i], 0, 1e-11);
        assert_close(o->eta_x_m[i + 16], o->eta_x_m[i], 1e-11, 0);
    }
}

static void beta_and_phase_run_as_drifts_demand(void **state)
{
    const struct optics *o = ring.optics;

    (void) state;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_OK);
    for (uint32_t i = 0; i < ring.lattice->n_element; i++) {
        double l = ring.lattice->element[i].length_m, a = o->alpha_x[i], b = o->beta_x_m[i];

        if (ring.lattice->element[i].kind != ELEMENT_DRIFT)
            continue;
        assert_close(o->beta_x_m[i + 1], b - 2 * a * l + (1 + a * a) / b * l * l, 1e-12, 0);
        assert_close(o->mu_x_rad[i + 1] - o->mu_x_rad[i], atan2(l, b - a * l), 0, 1e-12);
    }
}

static void twelve_cells_have_twelve_times_the_phase_of_one(void **state)
{
    (void) state;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_OK);
    assert_close(ring.optics->tune_x, 12 * ring.optics->mu_x_rad[16] / (2 * M_PI), 1e-12, 0);
    assert_close(ring.optics->tune_y, 12 * ring.optics->mu_y_rad[16] / (2 * M_PI), 1e-12, 0);
    assert_true(ring.optics->tune_x > 2 && ring.optics->tune_x < 3);
}

static void slices_and_exact_matrices_meet(void **state)
{
    double exact, alpha_c;

    (void) state;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_OK);
    exact = ring.optics->tune_x;
    alpha_c = ring.optics->alpha_c;
    for (uint32_t i = 0; i < ring.lattice->n_element; i++)
        ring.lattice->element[i].n_slices = 200;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_AT), RC_OK);
    assert_close(ring.optics->tune_x, exact, 0, 1e-10);
    assert_close(ring.optics->alpha_c, alpha_c, 1e-9, 0);
}

static void errors_that_only_move_the_orbit_do_not_enter(void **state)
{
    struct element *quadrupole = &ring.lattice->element[1],
                   *sextupole = &ring.lattice->element[4];

    (void) state;
    for (int i = 0; i < 2; i++) {
        enum integrator integrator = i ? INTEGRATOR_AT : INTEGRATOR_EXACT;
        double tune;

        quadrupole->dx_m = sextupole->hkick_rad = 0;
        assert_int_equal(optics_compute(ring.optics, ring.lattice, integrator), RC_OK);
        tune = ring.optics->tune_x;
        quadrupole->dx_m = sextupole->hkick_rad = 1e-4;
        assert_int_equal(optics_compute(ring.optics, ring.lattice, integrator), RC_OK);
        assert_close(ring.optics->tune_x, tune, 0, 0);
    }
}

static void unstable_optics_tell_the_plane(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < ring.lattice->n_element; i++)
        ring.lattice->element[i].b[1] *= 5;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "no stable optics in x"));
}

static void coupled_optics_are_refused_with_the_element(void **state)
{
    (void) state;
    ring.lattice->element[1].roll_rad = 1e-3;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "element 1 'QF' couples"));
}

static void a_ring_of_another_size_is_refused(void **state)
{
    (void) state;
    ring.lattice->n_element--;
    assert_int_equal(optics_compute(ring.optics, ring.lattice, INTEGRATOR_EXACT), RC_RANGE);
    ring.lattice->n_element++;
}

#define IN_RING(test) cmocka_unit_test_setup_teardown(test, open_ring, close_ring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_RING(curves_repeat_with_the_cells),
        IN_RING(beta_and_phase_run_as_drifts_demand),
        IN_RING(twelve_cells_have_twelve_times_the_phase_of_one),
        IN_RING(slices_and_exact_matrices_meet),
        IN_RING(errors_that_only_move_the_orbit_do_not_enter),
        IN_RING(unstable_optics_tell_the_plane),
        IN_RING(coupled_optics_are_refused_with_the_element),
        IN_RING(a_ring_of_another_size_is_refused),
    };

    return cmocka_run_group_tests_name("model/optics", tests, NULL, NULL);
}
