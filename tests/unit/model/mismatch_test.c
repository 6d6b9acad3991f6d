#include "tests/support/test.h"

#include <stdlib.h>

#include "model/mismatch.h"
#include "model/optics.h"
#include "tests/support/ring_file.h"

static struct lattice *ring;
static struct optics *optics;

static int open_ring(void **state)
{
    (void) state;
    ring = ring_file_lattice("bessy2");
    return optics_create(&optics, ring->n_element) != RC_OK;
}

static int close_ring(void **state)
{
    (void) state;
    optics_destroy(optics);
    lattice_destroy(ring);
    return 0;
}

static void tunes_move_by_what_was_asked(void **state)
{
    struct lattice *moved;
    double qx, qy;

    (void) state;
    assert_int_equal(optics_compute(optics, ring, INTEGRATOR_EXACT), RC_OK);
    qx = optics->tune_x;
    qy = optics->tune_y;
    assert_int_equal(lattice_copy(&moved, ring), RC_OK);
    assert_int_equal(mismatch_tune(moved, 0.1, -0.1), RC_OK);
    assert_int_equal(optics_compute(optics, moved, INTEGRATOR_EXACT), RC_OK);
    assert_close(optics->tune_x - qx, 0.1, 0, 1e-6);
    assert_close(optics->tune_y - qy, -0.1, 0, 1e-6);
    lattice_destroy(moved);
}

static void tune_on_a_resonance_is_refused(void **state)
{
    struct lattice *moved;

    (void) state;
    assert_int_equal(optics_compute(optics, ring, INTEGRATOR_EXACT), RC_OK);
    assert_int_equal(lattice_copy(&moved, ring), RC_OK);
    assert_int_equal(mismatch_tune(moved, 17.5 - optics->tune_x, 0), RC_NUMERIC);
    lattice_destroy(moved);
}

static void beta_beats_by_what_was_asked(void **state)
{
    struct lattice *moved;
    struct random random;
    double *beta0 = calloc(2 * ring->n_bpm, sizeof *beta0), sum_x = 0, sum_y = 0;

    (void) state;
    random_seed(&random, 3);
    assert_int_equal(optics_compute(optics, ring, INTEGRATOR_EXACT), RC_OK);
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        beta0[i] = optics->beta_x_m[ring->bpm[i].element];
        beta0[ring->n_bpm + i] = optics->beta_y_m[ring->bpm[i].element];
    }
    assert_int_equal(lattice_copy(&moved, ring), RC_OK);
    assert_int_equal(mismatch_beta(moved, &random, 0.1), RC_OK);
    assert_int_equal(optics_compute(optics, moved, INTEGRATOR_EXACT), RC_OK);
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        sum_x += pow(optics->beta_x_m[ring->bpm[i].element] / beta0[i] - 1, 2);
        sum_y += pow(optics->beta_y_m[ring->bpm[i].element] / beta0[ring->n_bpm + i] - 1, 2);
    }
    assert_close(sqrt(fmax(sum_x, sum_y) / ring->n_bpm), 0.1, 2e-3, 0);
    lattice_destroy(moved);
    free(beta0);
}

static void gain_errors_keep_the_ratios_and_element_errors_do_not(void **state)
{
    double gains[12], elements[12];
    struct random random;

    (void) state;
    for (int i = 0; i < 12; i++)
        gains[i] = elements[i] = i + 1;
    random_seed(&random, 1);
    mismatch_gains(&random, 0.2, gains, 4, 3);
    mismatch_elements(&random, 0.2, elements, 4, 3);
    /* Cross ratios of a matrix do not see factors of rows and columns. */
    assert_close(gains[0] * gains[4] / (gains[1] * gains[3]), 1.0 * 5 / (2 * 4), 1e-12, 0);
    assert_true(fabs(elements[0] * elements[4] / (elements[1] * elements[3]) - 5.0 / 8) > 1e-3);
    assert_true(fabs(gains[0] - 1) > 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tunes_move_by_what_was_asked),
        cmocka_unit_test(tune_on_a_resonance_is_refused),
        cmocka_unit_test(beta_beats_by_what_was_asked),
        cmocka_unit_test(gain_errors_keep_the_ratios_and_element_errors_do_not),
    };

    return cmocka_run_group_tests(tests, open_ring, close_ring);
}
