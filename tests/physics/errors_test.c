/* Rings with kicks, rolled quadrupoles and moved sextupoles against pyAT: coupled optics at
 * fixed momentum and with cavities, closed orbits in six dimensions, cross-plane response. The
 * parts "errors" of reference/<ring>.json.xz. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/coupled_optics.h"
#include "model/response.h"
#include "tests/support/reference_file.h"
#include "tests/support/ring_file.h"

struct ring {
    struct lattice *lattice;
    json_t *reference;
    struct tracking how;
};

/* Quadrupole k rolled by roll_rad sin(1 + 0.7 k), sextupole k moved by move_m sin(1 + 0.7 k) in
 * x, half a radian later in y. */
static void misalign(const json_t *reference, struct lattice *lattice)
{
    double roll = reference_number(reference, "roll_rad"),
           move = reference_number(reference, "move_m");
    double quadrupoles = 0, sextupoles = 0;

    assert_true(roll > 0 && move > 0);
    for (uint32_t i = 0; i < lattice->n_element; i++) {
        struct element *e = &lattice->element[i];

        if (e->kind == ELEMENT_QUADRUPOLE)
            e->roll_rad = roll * sin(1 + 0.7 * quadrupoles++);
        if (e->kind != ELEMENT_SEXTUPOLE)
            continue;
        e->dx_m = move * sin(1 + 0.7 * sextupoles);
        e->dy_m = move * sin(1 + 0.7 * sextupoles++ + 0.5);
    }
}

static const json_t *open_ring(struct ring *ring, const char *name, bool exact)
{
    const json_t *part;

    ring->reference = reference_file(name);
    ring->lattice = ring_file_lattice(name);
    ring->how = (struct tracking){.exact = exact};
    reference_kick(ring->reference, "kick_rad", ring->lattice);
    misalign(ring->reference, ring->lattice);
    part = json_object_get(ring->reference, exact ? "exact" : "at");
    assert_non_null(json_object_get(part, "errors"));
    return json_object_get(part, "errors");
}

static void close_ring(struct ring *ring)
{
    json_decref(ring->reference);
    lattice_destroy(ring->lattice);
}

static struct closed_orbit solve(const struct ring *ring, enum orbit_mode mode)
{
    struct closed_orbit orbit = {.iterations = 0};
    struct closed_orbit_request request = {.mode = mode, .exact = ring->how.exact};

    if (mode == ORBIT_6D)
        request.path_m = closed_orbit_path_of_rf(ring->lattice);
    assert_int_equal(closed_orbit_solve(ring->lattice, &request, &orbit), RC_OK);
    return orbit;
}

/* ---- coupled optics ---- */

static void same_orbit(const struct ring *ring, const struct coupled_optics *optics,
                       const json_t *want)
{
    const json_t *x = json_object_get(want, "x_m"), *y = json_object_get(want, "y_m");

    for (uint32_t i = 0; i < ring->lattice->n_bpm; i++) {
        const struct coupled_point *p = &optics->point[ring->lattice->bpm[i].element];

        assert_close(p->orbit[0], reference_item(x, i), 0, 1e-12);
        assert_close(p->orbit[2], reference_item(y, i), 0, 1e-12);
    }
}

/* Beta functions of both modes in both planes. One mode's share of a plane shrinks to nothing
 * without coupling, so 1e-8 of both modes together is the measure. */
static void same_beta(const struct ring *ring, const struct coupled_optics *optics,
                      const json_t *want)
{
    const json_t *x = json_object_get(want, "beta_x_m"), *y = json_object_get(want, "beta_y_m"),
                 *alpha_x = json_object_get(want, "alpha_x"),
                 *alpha_y = json_object_get(want, "alpha_y");

    for (uint32_t i = 0; i < ring->lattice->n_bpm; i++) {
        const struct coupled_point *p = &optics->point[ring->lattice->bpm[i].element];
        double least_x = 1e-8 * (p->beta_x_m[0] + p->beta_x_m[1]),
               least_y = 1e-8 * (p->beta_y_m[0] + p->beta_y_m[1]);

        for (uint32_t k = 0; k < 2; k++) {
            assert_close(p->beta_x_m[k], reference_item(json_array_get(x, k), i), 0, least_x);
            assert_close(p->beta_y_m[k], reference_item(json_array_get(y, k), i), 0, least_y);
        }
        assert_close(p->alpha_x[0], reference_item(alpha_x, i), 1e-8, 1e-8);
        assert_close(p->alpha_y[1], reference_item(alpha_y, i), 1e-8, 1e-8);
    }
}

static void same_dispersion(const struct ring *ring, const struct coupled_optics *optics,
                            const json_t *want)
{
    const json_t *x = json_object_get(want, "eta_x_m"), *y = json_object_get(want, "eta_y_m");

    for (uint32_t i = 0; i < ring->lattice->n_bpm; i++) {
        const struct coupled_point *p = &optics->point[ring->lattice->bpm[i].element];

        assert_close(p->eta[0], reference_item(x, i), 0, 1e-8);
        assert_close(p->eta[2], reference_item(y, i), 0, 1e-8);
    }
}

static struct coupled_optics *coupled(const struct ring *ring, enum orbit_mode mode)
{
    struct closed_orbit orbit = solve(ring, mode);
    const struct tracking how = {.exact = ring->how.exact, .cavities = mode == ORBIT_6D};
    struct coupled_optics *optics;

    assert_int_equal(coupled_optics_create(&optics, ring->lattice->n_element), RC_OK);
    assert_int_equal(coupled_optics_compute(optics, ring->lattice, &how, orbit.start), RC_OK);
    return optics;
}

static void same_optics(const struct ring *ring, const json_t *want, enum orbit_mode mode)
{
    struct coupled_optics *optics = coupled(ring, mode);
    const json_t *tune = json_object_get(want, "tune");

    same_orbit(ring, optics, want);
    for (uint32_t k = 0; k < 2; k++)
        assert_close(optics->tune[k] - floor(optics->tune[k]), reference_item(tune, k), 0,
                     1e-9);
    if (mode == ORBIT_6D)
        assert_close(optics->synchrotron_tune, reference_item(tune, 2), 0, 1e-9);
    same_beta(ring, optics, want);
    same_dispersion(ring, optics, want);
    coupled_optics_destroy(optics);
}

/* ---- response ---- */

/* Every eighth corrector, all BPMs of both planes. */
static void same_columns(const struct ring *ring, const double *matrix, const json_t *columns,
                         uint32_t first_column)
{
    uint32_t every = (uint32_t) reference_number(ring->reference, "every");

    assert_true(every > 0 && json_array_size(columns) > 0);
    for (uint32_t j = 0; j < json_array_size(columns); j++)
        for (uint32_t i = 0; i < lattice_rows(ring->lattice); i++)
            assert_close(matrix[i * lattice_columns(ring->lattice) + first_column + j * every],
                         reference_item(json_array_get(columns, j), i), 0, 1e-8);
}

static void same_response(const struct ring *ring, const json_t *want, enum orbit_mode mode)
{
    struct closed_orbit orbit = solve(ring, mode);
    double *matrix = calloc(
        (size_t) lattice_rows(ring->lattice) * lattice_columns(ring->lattice), sizeof *matrix);

    assert_non_null(matrix);
    assert_int_equal(response_matrix_about_as(&ring->how, ring->lattice, orbit.start,
                                              mode == ORBIT_FIXED_RF ? RESPONSE_FIXED_RF
                                                                     : RESPONSE_FIXED_MOMENTUM,
                                              matrix),
                     RC_OK);
    same_columns(ring, matrix, json_object_get(want, "hcorrectors"), 0);
    same_columns(ring, matrix, json_object_get(want, "vcorrectors"),
                 ring->lattice->n_hcorrector);
    free(matrix);
}

/* ---- rings ---- */

static void check_ring(const char *name, bool exact)
{
    struct ring ring;
    const json_t *errors = open_ring(&ring, name, exact);

    same_optics(&ring, json_object_get(errors, "fixed_momentum"), ORBIT_FIXED_MOMENTUM);
    same_response(&ring, json_object_get(errors, "response_fixed_momentum"),
                  ORBIT_FIXED_MOMENTUM);
    if (exact)
        reference_make_fine(ring.reference, ring.lattice);
    same_response(&ring, json_object_get(errors, "response_fixed_rf"), ORBIT_FIXED_RF);
    /* dba has no cavity */
    assert_true((ring.lattice->rf_frequency_hz > 0) == !!json_object_get(errors, "6d"));
    if (ring.lattice->rf_frequency_hz > 0)
        same_optics(&ring, json_object_get(errors, "6d"), ORBIT_6D);
    close_ring(&ring);
}

static void bessy2_with_errors_agrees_with_pyat(void **state)
{
    check_ring("bessy2", *(bool *) *state);
}

static void dba_with_errors_agrees_with_pyat(void **state)
{
    check_ring("dba", *(bool *) *state);
}

static void fodo_with_errors_agrees_with_pyat(void **state)
{
    check_ring("fodo", *(bool *) *state);
}

static void mls_with_errors_agrees_with_pyat(void **state)
{
    check_ring("mls", *(bool *) *state);
}

static void soleil_with_errors_agrees_with_pyat(void **state)
{
    check_ring("soleil", *(bool *) *state);
}

int main(void)
{
    static bool at = false, exact = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(bessy2_with_errors_agrees_with_pyat, &at),
        cmocka_unit_test_prestate(dba_with_errors_agrees_with_pyat, &at),
        cmocka_unit_test_prestate(fodo_with_errors_agrees_with_pyat, &at),
        cmocka_unit_test_prestate(mls_with_errors_agrees_with_pyat, &at),
        cmocka_unit_test_prestate(soleil_with_errors_agrees_with_pyat, &at),
        cmocka_unit_test_prestate(bessy2_with_errors_agrees_with_pyat, &exact),
        cmocka_unit_test_prestate(dba_with_errors_agrees_with_pyat, &exact),
        cmocka_unit_test_prestate(fodo_with_errors_agrees_with_pyat, &exact),
        cmocka_unit_test_prestate(mls_with_errors_agrees_with_pyat, &exact),
        cmocka_unit_test_prestate(soleil_with_errors_agrees_with_pyat, &exact),
    };

    return cmocka_run_group_tests_name("physics/errors", tests, NULL, NULL);
}
