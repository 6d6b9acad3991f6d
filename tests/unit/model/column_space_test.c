/* Bases: orthonormal, no larger than needed, and they hold the orbits they were made for. */
#include "tests/support/test.h"

#include "model/column_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/response.h"
#include "tests/support/ring_file.h"

static double overlap(const struct column_space *space, uint32_t p, uint32_t q)
{
    double sum = 0;

    for (uint32_t i = 0; i < space->n_row; i++)
        sum += space->basis[i * space->rank + p] * space->basis[i * space->rank + q];
    return sum;
}

static void assert_orthonormal(const struct column_space *space)
{
    for (uint32_t p = 0; p < space->rank; p++)
        for (uint32_t q = 0; q <= p; q++)
            assert_close(overlap(space, p, q), p == q, 0, 1e-12);
}

/* |a - Q Q^T a|/|a| of one column with the given stride. */
static double share_left(const struct column_space *space, const double *a, uint32_t stride)
{
    double all = 0, in = 0;

    for (uint32_t i = 0; i < space->n_row; i++)
        all += a[i * stride] * a[i * stride];
    for (uint32_t q = 0; q < space->rank; q++) {
        double part = 0;

        for (uint32_t i = 0; i < space->n_row; i++)
            part += space->basis[i * space->rank + q] * a[i * stride];
        in += part * part;
    }
    return all > 0 ? sqrt(fmax(1 - in / all, 0)) : 0;
}

static void a_basis_has_as_many_directions_as_its_columns(void **state)
{
    double a[6 * 4] = {0};
    struct columns columns = {.n_row = 6, .n_col = 4, .a = a};
    struct column_space space;

    (void) state;
    for (uint32_t i = 0; i < 5; i++) { /* row 5 stays zero, column 3 is the sum of two */
        a[i * 4] = cos(i);
        a[i * 4 + 1] = 1e-3 * sin(2.0 * i + 1);
        a[i * 4 + 3] = a[i * 4] + a[i * 4 + 1];
    }
    assert_int_equal(column_space_find(&space, &columns, 6, 1e-6, true), RC_OK);
    assert_int_equal(space.rank, 2);
    assert_true(space.left <= 1e-6);
    assert_orthonormal(&space);
    for (uint32_t q = 0; q < space.rank; q++)
        assert_close(space.basis[5 * space.rank + q], 0, 0, 1e-15);
    column_space_free(&space);
    assert_int_equal(column_space_find(&space, &columns, 1, 1e-6, true), RC_OK);
    assert_int_equal(space.rank, 1);
    assert_true(space.left > 0.1);
    column_space_free(&space);
    memset(a, 0, sizeof a);
    assert_int_equal(column_space_find(&space, &columns, 6, 1e-6, true), RC_NUMERIC);
}

struct ring {
    struct lattice *lattice;
    struct optics *optics;
    uint32_t *bpm, n_bpm, n_kick;
    struct columns columns[2];
};

static void ring_load(struct ring *ring, const char *name)
{
    struct lattice *lattice = ring_file_lattice(name);

    *ring = (struct ring){
        .lattice = lattice, .n_bpm = lattice->n_bpm, .n_kick = lattice->n_element + 1};
    ring->bpm = calloc(ring->n_bpm, sizeof *ring->bpm);
    for (uint32_t i = 0; i < ring->n_bpm; i++)
        ring->bpm[i] = lattice->bpm[i].element;
    assert_int_equal(optics_create(&ring->optics, lattice->n_element), RC_OK);
    assert_int_equal(optics_compute(ring->optics, lattice, INTEGRATOR_EXACT), RC_OK);
    for (int plane = 0; plane < 2; plane++) {
        ring->columns[plane] = (struct columns){.n_row = ring->n_bpm, .n_col = ring->n_kick};
        ring->columns[plane].a = calloc((size_t) ring->n_bpm * ring->n_kick, sizeof(double));
        columns_of_kicks(ring->optics, ring->bpm, ring->n_bpm, plane, ring->columns[plane].a,
                         ring->n_kick);
    }
}

static void ring_free(struct ring *ring)
{
    free(ring->columns[0].a);
    free(ring->columns[1].a);
    free(ring->bpm);
    optics_destroy(ring->optics);
    lattice_destroy(ring->lattice);
}

/* The formula of thin kicks against the exact response of the correctors. */
static void columns_of_kicks_are_those_of_the_response_matrix(void **state)
{
    struct ring ring;
    uint32_t stride, n_h;
    double *r;

    (void) state;
    ring_load(&ring, "bessy2");
    stride = lattice_columns(ring.lattice);
    n_h = ring.lattice->n_hcorrector;
    r = calloc((size_t) lattice_rows(ring.lattice) * stride, sizeof *r);
    assert_int_equal(response_matrix_design(ring.optics, ring.lattice, RESPONSE_FIXED_RF, r),
                     RC_OK);
    for (uint32_t j = 0; j < n_h + ring.lattice->n_vcorrector; j++) {
        int plane = j < n_h ? 0 : 1;
        uint32_t element = plane ? ring.lattice->vcorrector[j - n_h].element
                                 : ring.lattice->hcorrector[j].element;
        const double *thin = ring.columns[plane].a;
        double most = 0, off = 0;

        for (uint32_t i = 0; i < ring.n_bpm; i++) {
            double exact = r[(i + (uint32_t) plane * ring.n_bpm) * stride + j];

            most = fmax(most, fabs(exact));
            off = fmax(off, fabs(exact - thin[i * ring.n_kick + element]));
        }
        assert_true(off < 0.12 * most); /* correctors are windings of thick sextupoles */
    }
    free(r);
    ring_free(&ring);
}

static void half_of_the_directions_hold_every_kick_to_a_hundredth(void **state)
{
    struct ring ring;

    (void) state;
    ring_load(&ring, "bessy2");
    for (int plane = 0; plane < 2; plane++) {
        struct column_space space;

        assert_int_equal(
            column_space_find(&space, &ring.columns[plane], ring.n_bpm, 0.01, true), RC_OK);
        assert_orthonormal(&space);
        assert_true(space.rank < ring.n_bpm * 2 / 3);
        assert_true(space.left <= 0.01);
        for (uint32_t k = 0; k < ring.n_kick; k++)
            assert_true(share_left(&space, ring.columns[plane].a + k, ring.n_kick) < 0.0101);
        column_space_free(&space);
    }
    ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_basis_has_as_many_directions_as_its_columns),
        cmocka_unit_test(columns_of_kicks_are_those_of_the_response_matrix),
        cmocka_unit_test(half_of_the_directions_hold_every_kick_to_a_hundredth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
