/* The quick closed orbit against the step-by-step one, on rings with every kind of error. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/quick_orbit.h"
#include "tests/support/ring_file.h"

static unsigned short seed[3];

static double somewhere(double most)
{
    return most * (2 * erand48(seed) - 1);
}

static int start_anew(void **state)
{
    (void) state;
    seed[0] = 3;
    seed[1] = 1;
    seed[2] = 4;
    return 0;
}

static void kick_all(struct lattice *ring)
{
    for (uint32_t i = 0; i < ring->n_hcorrector; i++)
        ring->element[ring->hcorrector[i].element].hkick_rad = somewhere(10e-6);
    for (uint32_t i = 0; i < ring->n_vcorrector; i++)
        ring->element[ring->vcorrector[i].element].vkick_rad = somewhere(10e-6);
}

/* Misalignments, rolls, skew and field errors, some octupoles on everything magnetic. */
static void spoil(struct lattice *ring)
{
    for (uint32_t i = 0; i < ring->n_element; i++) {
        struct element *e = &ring->element[i];

        if (e->kind < ELEMENT_DIPOLE || e->length_m <= 0)
            continue;
        e->dx_m = somewhere(5e-6);
        e->dy_m = somewhere(5e-6);
        if (i % 3 == 0)
            e->roll_rad = somewhere(1e-5);
        if (i % 4 == 0)
            e->ds_m = somewhere(1e-3);
        if (i % 5 == 0)
            assert_int_equal(lattice_set_field(ring, i, 1, true, somewhere(1e-4)), RC_OK);
        if (i % 7 == 0)
            assert_int_equal(lattice_set_field(ring, i, 0, false, somewhere(1e-6)), RC_OK);
        if (i % 11 == 0)
            assert_int_equal(lattice_set_field(ring, i, 3, false, somewhere(100)), RC_OK);
    }
}

static void compare(struct lattice *ring, double delta)
{
    const struct closed_orbit_request request = {.mode = ORBIT_FIXED_MOMENTUM, .delta = delta};
    double *want = calloc(lattice_rows(ring), sizeof *want);
    double *got = calloc(lattice_rows(ring), sizeof *got), start[4] = {0};
    struct closed_orbit orbit = {0};
    struct quick_orbit *quick;
    uint32_t steps = 0;

    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_OK);
    assert_int_equal(closed_orbit_at_bpms(ring, orbit.start, want), RC_OK);
    assert_int_equal(quick_orbit_create(&quick, ring->n_element), RC_OK);
    assert_int_equal(quick_orbit_prepare(quick, ring, delta), RC_OK);
    assert_int_equal(quick_orbit_solve(quick, start, &steps), RC_OK);
    quick_orbit_at_bpms(quick, got);
    assert_in_range(steps, 1, 6);
    for (int i = 0; i < 4; i++)
        assert_close(start[i], orbit.start[i], 1e-10, 1e-13);
    for (uint32_t i = 0; i < lattice_rows(ring); i++)
        assert_close(got[i], want[i], 1e-10, 1e-13);
    assert_true(fabs(want[0]) > 1e-7);
    quick_orbit_destroy(quick);
    free(want);
    free(got);
}

static void kicked_rings_have_the_same_orbit(void **state)
{
    static const char *const names[] = {"bessy2", "fodo"};

    (void) state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct lattice *ring = ring_file_lattice(names[i]);

        kick_all(ring);
        compare(ring, 0);
        compare(ring, 1e-3);
        lattice_destroy(ring);
    }
}

static void rings_with_every_error_have_the_same_orbit(void **state)
{
    struct lattice *ring = ring_file_lattice("bessy2");

    (void) state;
    kick_all(ring);
    spoil(ring);
    compare(ring, 0);
    compare(ring, -5e-4);
    lattice_destroy(ring);
}

static void a_warm_start_takes_one_step(void **state)
{
    struct lattice *ring = ring_file_lattice("fodo");
    double start[4] = {0}, again[4];
    struct quick_orbit *quick;
    uint32_t steps = 0;

    (void) state;
    kick_all(ring);
    assert_int_equal(quick_orbit_create(&quick, ring->n_element), RC_OK);
    assert_int_equal(quick_orbit_prepare(quick, ring, 0), RC_OK);
    assert_int_equal(quick_orbit_solve(quick, start, NULL), RC_OK);
    memcpy(again, start, sizeof start);
    assert_int_equal(quick_orbit_solve(quick, again, &steps), RC_OK);
    assert_int_equal(steps, 1);
    for (int i = 0; i < 4; i++)
        assert_close(again[i], start[i], 1e-12, 1e-15);
    quick_orbit_destroy(quick);
    lattice_destroy(ring);
}

static void failures_have_a_reason_and_leave_the_start_alone(void **state)
{
    struct lattice *ring = ring_file_lattice("fodo");
    int64_t i = lattice_find(ring, "QF", 2);
    double start[4] = {1e-4, 0, 0, 0};
    struct quick_orbit *quick;

    (void) state;
    assert_int_equal(quick_orbit_create(&quick, ring->n_element), RC_OK);
    assert_int_equal(lattice_set_field(ring, (uint32_t) i, 1, false, 9.0), RC_OK);
    assert_int_equal(quick_orbit_prepare(quick, ring, 0), RC_OK);
    assert_int_equal(quick_orbit_solve(quick, start, NULL), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "not stable"));
    start[0] = 3;
    assert_int_equal(quick_orbit_solve(quick, start, NULL), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "lost"));
    assert_true(start[0] == 3);
    quick_orbit_destroy(quick);
    assert_int_equal(quick_orbit_create(&quick, 10), RC_OK);
    assert_int_equal(quick_orbit_prepare(quick, ring, 0), RC_RANGE);
    quick_orbit_destroy(quick);
    lattice_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kicked_rings_have_the_same_orbit, start_anew),
        cmocka_unit_test_setup(rings_with_every_error_have_the_same_orbit, start_anew),
        cmocka_unit_test_setup(a_warm_start_takes_one_step, start_anew),
        cmocka_unit_test_setup(failures_have_a_reason_and_leave_the_start_alone, start_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
