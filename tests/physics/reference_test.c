/* The model against pyAT: reference/<ring>.json.xz, made by make_reference.py from the same
 * lattice files. */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/chromaticity.h"
#include "model/closed_orbit.h"
#include "model/normal_mode.h"
#include "model/response.h"
#include "tests/support/reference_file.h"
#include "tests/support/ring_file.h"

struct ring {
    struct lattice *lattice;
    struct optics *optics;
    json_t *reference;
    double *matrix;
    uint32_t n_bpm, n_col;
};

static void open_ring(struct ring *ring, const char *name)
{
    ring->reference = reference_file(name);
    ring->lattice = ring_file_lattice(name);
    ring->n_bpm = ring->lattice->n_bpm;
    ring->n_col = lattice_columns(ring->lattice);
    ring->matrix = malloc(2 * (size_t) ring->n_bpm * ring->n_col * sizeof *ring->matrix);
    assert_int_equal(optics_create(&ring->optics, ring->lattice->n_element), RC_OK);
}

static void close_ring(struct ring *ring)
{
    json_decref(ring->reference);
    lattice_destroy(ring->lattice);
    optics_destroy(ring->optics);
    free(ring->matrix);
}

static void same_curve(const struct ring *ring, const json_t *want, const double *curve,
                       double rel, double abs)
{
    assert_int_equal(json_array_size(want), ring->n_bpm);
    for (uint32_t i = 0; i < ring->n_bpm; i++)
        assert_close(curve[ring->lattice->bpm[i].element], reference_item(want, i), rel, abs);
}

/* Phases of the reference start at the first element's entrance, as ours do. */
static void same_curves(const struct ring *ring, const json_t *want)
{
    const struct optics *o = ring->optics;

    same_curve(ring, json_object_get(want, "beta_x_m"), o->beta_x_m, 1e-8, 0);
    same_curve(ring, json_object_get(want, "beta_y_m"), o->beta_y_m, 1e-8, 0);
    same_curve(ring, json_object_get(want, "alpha_x"), o->alpha_x, 1e-8, 1e-8);
    same_curve(ring, json_object_get(want, "alpha_y"), o->alpha_y, 1e-8, 1e-8);
    same_curve(ring, json_object_get(want, "phase_x_rad"), o->mu_x_rad, 0, 1e-8);
    same_curve(ring, json_object_get(want, "phase_y_rad"), o->mu_y_rad, 0, 1e-8);
    same_curve(ring, json_object_get(want, "eta_x_m"), o->eta_x_m, 0, 1e-8);
    same_curve(ring, json_object_get(want, "etap_x"), o->etap_x, 0, 1e-8);
}

static void same_optics(struct ring *ring, const json_t *want, enum integrator integrator)
{
    const json_t *tune = json_object_get(want, "tune");
    const json_t *alpha_c = json_object_get(want, "momentum_compaction");
    const struct optics *o = ring->optics;

    assert_int_equal(optics_compute(ring->optics, ring->lattice, integrator), RC_OK);
    assert_close(o->tune_x, reference_item(tune, 0), 0, 1e-9);
    assert_close(o->tune_y, reference_item(tune, 1), 0, 1e-9);
    assert_close(o->alpha_c, json_number_value(alpha_c), 1e-7, 0);
    same_curves(ring, want);
}

/* Columns [corrector][bpm] in their own plane: first is the row of the first BPM. */
static void same_block(const struct ring *ring, const json_t *columns, uint32_t first,
                       uint32_t first_column, uint32_t n_column)
{
    assert_int_equal(json_array_size(columns), n_column);
    for (uint32_t j = 0; j < n_column; j++) {
        const json_t *want = json_array_get(columns, j);

        assert_int_equal(json_array_size(want), ring->n_bpm);
        for (uint32_t i = 0; i < ring->n_bpm; i++)
            assert_close(ring->matrix[(first + i) * ring->n_col + first_column + j],
                         reference_item(want, i), 0, 1e-8);
    }
}

static void same_response(struct ring *ring, const json_t *want, enum response_mode mode)
{
    const struct lattice *l = ring->lattice;

    assert_int_equal(response_matrix_design(ring->optics, ring->lattice, mode, ring->matrix),
                     RC_OK);
    same_block(ring, json_object_get(want, "hcorrectors"), 0, 0, l->n_hcorrector);
    same_block(ring, json_object_get(want, "vcorrectors"), ring->n_bpm, l->n_hcorrector,
               l->n_vcorrector);
}

static double *kicked_positions(struct ring *ring, bool exact, enum orbit_mode mode,
                                struct closed_orbit *orbit)
{
    struct closed_orbit_request request = {.mode = mode, .exact = exact};
    const struct tracking how = {.exact = exact};
    double *position = calloc(2 * (size_t) ring->n_bpm, sizeof *position);
    double z[TRACK_DIM];

    assert_non_null(position);
    assert_int_equal(closed_orbit_solve(ring->lattice, &request, orbit), RC_OK);
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        memcpy(z, orbit->start, sizeof z);
        assert_int_equal(
            track_range_as(&how, ring->lattice, 0, ring->lattice->bpm[i].element, z, NULL),
            RC_OK);
        position[i] = z[0];
        position[ring->n_bpm + i] = z[2];
    }
    return position;
}

static void same_kicked_orbit(struct ring *ring, const json_t *want, bool exact,
                              enum orbit_mode mode)
{
    struct closed_orbit orbit = {.iterations = 0};
    double *position = kicked_positions(ring, exact, mode, &orbit);

    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        assert_close(position[i], reference_item(json_object_get(want, "x_m"), i), 0, 1e-12);
        assert_close(position[ring->n_bpm + i], reference_item(json_object_get(want, "y_m"), i),
                     0, 1e-12);
    }
    free(position);
}

/* Fractional tunes, of which the model's stability test tells the nearer to an integer or half.
 */
static void same_kicked_tune(struct ring *ring, const json_t *want, bool exact)
{
    struct closed_orbit_request request = {.exact = exact};
    struct closed_orbit orbit = {.iterations = 0};
    struct normal_modes modes;

    assert_int_equal(closed_orbit_solve(ring->lattice, &request, &orbit), RC_OK);
    assert_int_equal(normal_modes_find(orbit.turn_6d, 2, &modes), RC_OK);
    for (uint32_t k = 0; k < 2; k++)
        assert_close(modes.tune[k], reference_item(want, k), 0, 1e-9);
}

static void same_chromaticity(struct ring *ring, const json_t *part, bool exact)
{
    const json_t *corrected = json_object_get(part, "chromaticity"),
                 *natural = json_object_get(part, "chromaticity_natural");
    double xi[2];

    assert_int_equal(chromaticity_corrected(ring->lattice, exact, xi), RC_OK);
    for (uint32_t k = 0; k < 2; k++)
        assert_close(xi[k], reference_item(corrected, k), 0, 1e-6);
    assert_int_equal(chromaticity_natural(ring->lattice, exact, xi), RC_OK);
    for (uint32_t k = 0; k < 2; k++)
        assert_close(xi[k], reference_item(natural, k), 0, 1e-6);
}

/* One integrator: the ring as it is, then with all correctors on. */
static void check_part(const char *name, const char *key, enum integrator integrator)
{
    bool exact = integrator == INTEGRATOR_EXACT;
    struct ring ring;
    const json_t *part;

    open_ring(&ring, name);
    part = json_object_get(ring.reference, key);
    same_optics(&ring, part, integrator);
    same_response(&ring, json_object_get(part, "response_fixed_momentum"),
                  RESPONSE_FIXED_MOMENTUM);
    same_response(&ring, json_object_get(part, "response_fixed_rf"), RESPONSE_FIXED_RF);
    same_chromaticity(&ring, part, exact);
    reference_kick(ring.reference, "kick_rad", ring.lattice);
    same_kicked_orbit(&ring, json_object_get(part, "kicked_fixed_momentum"), exact,
                      ORBIT_FIXED_MOMENTUM);
    same_kicked_tune(&ring, json_object_get(part, "kicked_tune"), exact);
    if (exact)
        reference_make_fine(ring.reference, ring.lattice);
    same_kicked_orbit(&ring, json_object_get(part, "kicked_fixed_rf"), exact, ORBIT_FIXED_RF);
    close_ring(&ring);
}

static void check_ring(const char *name)
{
    check_part(name, "exact", INTEGRATOR_EXACT);
    check_part(name, "at", INTEGRATOR_AT);
}

static void bessy2_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("bessy2");
}

static void dba_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("dba");
}

static void fodo_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("fodo");
}

static void mls_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("mls");
}

static void soleil_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("soleil");
}

/* Which program made a reference, and how, is told in the file. */
static void every_reference_tells_its_maker(void **state)
{
    static const char *const names[] = {"bessy2", "dba", "fodo", "mls", "soleil"};

    (void) state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ring ring;
        char command[96];

        open_ring(&ring, names[i]);
        snprintf(command, sizeof command, "tests/physics/make_reference.py %s", names[i]);
        assert_string_equal(json_string_value(json_object_get(ring.reference, "made_by")),
                            command);
        assert_non_null(
            strstr(json_string_value(json_object_get(ring.reference, "with")), "pyAT 0.7.1"));
        close_ring(&ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bessy2_agrees_with_pyat),
        cmocka_unit_test(dba_agrees_with_pyat),
        cmocka_unit_test(fodo_agrees_with_pyat),
        cmocka_unit_test(mls_agrees_with_pyat),
        cmocka_unit_test(soleil_agrees_with_pyat),
        cmocka_unit_test(every_reference_tells_its_maker),
    };

    return cmocka_run_group_tests_name("physics/reference", tests, NULL, NULL);
}
