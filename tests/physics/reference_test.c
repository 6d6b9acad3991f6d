/* The model against pyAT: reference/<ring>.json, made by make_reference.py from the same
 * lattice files. */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/closed_orbit.h"
#include "model/response.h"
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
    char path[128];
    size_t size;
    char *text;

    snprintf(path, sizeof path, "tests/physics/reference/%s.json", name);
    text = ring_file_text(path, &size);
    ring->reference = json_loadb(text, size, 0, NULL);
    free(text);
    assert_non_null(ring->reference);
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

static double item(const json_t *list, uint32_t i)
{
    assert_true(json_is_number(json_array_get(list, i)));
    return json_number_value(json_array_get(list, i));
}

static void same_curve(const struct ring *ring, const json_t *want, const double *curve,
                       double rel, double abs)
{
    assert_int_equal(json_array_size(want), ring->n_bpm);
    for (uint32_t i = 0; i < ring->n_bpm; i++)
        assert_close(curve[ring->lattice->bpm[i].element], item(want, i), rel, abs);
}

static void same_optics(struct ring *ring, const json_t *want, enum integrator integrator)
{
    const json_t *tune = json_object_get(want, "tune");
    const json_t *alpha_c = json_object_get(want, "momentum_compaction");
    const struct optics *o = ring->optics;

    assert_int_equal(optics_compute(ring->optics, ring->lattice, integrator), RC_OK);
    assert_close(o->tune_x, item(tune, 0), 0, 1e-9);
    assert_close(o->tune_y, item(tune, 1), 0, 1e-9);
    assert_close(o->alpha_c, json_number_value(alpha_c), 1e-7, 0);
    same_curve(ring, json_object_get(want, "beta_x_m"), o->beta_x_m, 1e-8, 0);
    same_curve(ring, json_object_get(want, "beta_y_m"), o->beta_y_m, 1e-8, 0);
    same_curve(ring, json_object_get(want, "eta_x_m"), o->eta_x_m, 0, 1e-8);
}

/* A column in its own plane: x for H, y for V. */
static void same_column(const struct ring *ring, const char *name, const json_t *want)
{
    const struct lattice *l = ring->lattice;
    int64_t h = lattice_find_device(l->hcorrector, l->n_hcorrector, name);
    int64_t v = lattice_find_device(l->vcorrector, l->n_vcorrector, name);
    uint32_t column = h >= 0 ? (uint32_t) h : l->n_hcorrector + (uint32_t) v;
    uint32_t first = h >= 0 ? 0 : ring->n_bpm;

    assert_true(h >= 0 || v >= 0);
    for (uint32_t i = 0; i < ring->n_bpm; i++)
        assert_close(ring->matrix[(first + i) * ring->n_col + column], item(want, i), 0, 1e-8);
}

static void same_response(struct ring *ring, const json_t *columns, enum response_mode mode)
{
    json_t *walked = (json_t *) (uintptr_t) columns; /* jansson walks no const object */

    assert_true(json_object_size(columns) >= 12);
    assert_int_equal(response_matrix_design(ring->optics, ring->lattice, mode, ring->matrix),
                     RC_OK);
    for (void *at = json_object_iter(walked); at; at = json_object_iter_next(walked, at))
        same_column(ring, json_object_iter_key(at), json_object_iter_value(at));
}

static void same_kicked_orbit(struct ring *ring, const json_t *want, enum orbit_mode mode)
{
    struct closed_orbit_request request = {.mode = mode};
    struct closed_orbit orbit = {.iterations = 0};
    double position[2 * 256];

    assert_int_equal(closed_orbit_solve(ring->lattice, &request, &orbit), RC_OK);
    assert_int_equal(closed_orbit_at_bpms(ring->lattice, orbit.start, position), RC_OK);
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        assert_close(position[i], item(json_object_get(want, "x_m"), i), 0, 1e-12);
        assert_close(position[ring->n_bpm + i], item(json_object_get(want, "y_m"), i), 0,
                     1e-12);
    }
}

static void kick_all(struct ring *ring)
{
    struct lattice *l = ring->lattice;
    double rad = json_number_value(json_object_get(ring->reference, "kick_rad"));

    assert_true(rad > 0);
    for (uint32_t i = 0; i < l->n_hcorrector; i++)
        l->element[l->hcorrector[i].element].hkick_rad = rad * sin(1 + 0.7 * i);
    for (uint32_t i = 0; i < l->n_vcorrector; i++)
        l->element[l->vcorrector[i].element].vkick_rad = rad * sin(1 + 0.7 * i + 0.5);
}

static void check_ring(const char *name)
{
    struct ring ring;
    const json_t *exact, *at;

    open_ring(&ring, name);
    exact = json_object_get(ring.reference, "exact");
    at = json_object_get(ring.reference, "at");
    same_optics(&ring, exact, INTEGRATOR_EXACT);
    same_response(&ring, json_object_get(exact, "response_fixed_momentum"),
                  RESPONSE_FIXED_MOMENTUM);
    same_optics(&ring, at, INTEGRATOR_AT);
    same_response(&ring, json_object_get(at, "response_fixed_momentum"),
                  RESPONSE_FIXED_MOMENTUM);
    same_response(&ring, json_object_get(at, "response_fixed_rf"), RESPONSE_FIXED_RF);
    kick_all(&ring);
    same_kicked_orbit(&ring, json_object_get(at, "kicked_fixed_momentum"),
                      ORBIT_FIXED_MOMENTUM);
    same_kicked_orbit(&ring, json_object_get(at, "kicked_fixed_rf"), ORBIT_FIXED_RF);
    close_ring(&ring);
}

static void bessy2_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("bessy2");
}

static void fodo_agrees_with_pyat(void **state)
{
    (void) state;
    check_ring("fodo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bessy2_agrees_with_pyat),
        cmocka_unit_test(fodo_agrees_with_pyat),
    };

    return cmocka_run_group_tests_name("physics/reference", tests, NULL, NULL);
}
