/* What must hold for any element and any ring: random ones, made stable by construction. The
 * seed is printed; ORBIT_SEED sets it. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/chromaticity.h"
#include "model/coupled_optics.h"
#include "model/plant/random.h"
#include "model/response.h"

enum { CELL = 12, ELEMENTS_TRIED = 400, RINGS_TRIED = 10 };

static struct random dice;
static const double axis[TRACK_DIM];

/* Flat, within +-size. */
static double within(double size)
{
    return size * tanh(random_normal(&dice));
}

static void spoil(struct element *e)
{
    e->dx_m = within(1e-3);
    e->dy_m = within(1e-3);
    e->ds_m = within(1e-3);
    e->roll_rad = within(0.3);
    e->hkick_rad = within(1e-3);
    e->vkick_rad = within(1e-3);
    e->a[0] = within(1e-3);
    e->b[0] = within(1e-3);
}

/* highest: order of the multipoles, up to 15; a field of about 1e-3 at 1 cm in each. */
static struct element any_magnet(uint32_t highest)
{
    struct element e = {.name = "any", .n_slices = 10, .length_m = 0.3 + within(0.2)};

    e.kind = random_normal(&dice) > 0 ? ELEMENT_DIPOLE : ELEMENT_MULTIPOLE;
    spoil(&e);
    for (uint32_t n = 1; n <= highest; n++) {
        e.b[n] = within(1e-3 * pow(100, n));
        e.a[n] = within(1e-3 * pow(100, n));
    }
    e.order = highest;
    if (e.kind == ELEMENT_DIPOLE) {
        e.angle_rad = within(0.2);
        e.e1_rad = within(0.2);
        e.e2_rad = within(0.2);
        e.gap_m = 0.05;
        e.fint1 = e.fint2 = 0.5;
    }
    return e;
}

/* ---- one element ---- */

static void pass(const struct element *e, bool exact, const double z[TRACK_DIM],
                 double out[TRACK_DIM], struct tangent *t)
{
    struct element copy = *e;
    double s[2] = {0};
    struct lattice one = {.n_element = 1, .element = &copy, .s_m = s, .energy_gev = 1};
    const struct tracking how = {.exact = exact, .cavities = true};

    memcpy(out, z, TRACK_DIM * sizeof *out);
    if (t)
        tangent_start_6d(t);
    assert_int_equal(track_range_as(&how, &one, 0, 1, out, t), RC_OK);
}

static void near_axis(double z[TRACK_DIM])
{
    for (int i = 0; i < TRACK_DIM; i++)
        z[i] = within(1e-3);
}

/* Of columns c and d: the sum of q p' - p q' over the planes. */
static double area_of(const double *c, const double *d, int planes)
{
    double sum = 0;

    for (int plane = 0; plane < planes; plane++)
        sum += c[2 * plane] * d[2 * plane + 1] - c[2 * plane + 1] * d[2 * plane];
    return sum;
}

static void assert_symplectic(const struct element *e, bool exact, int planes)
{
    double z[TRACK_DIM], out[TRACK_DIM];
    struct tangent t;

    near_axis(z);
    pass(e, exact, z, out, &t);
    for (int c = 0; c < 2 * planes; c++)
        for (int d = 0; d < c; d++)
            assert_close(area_of(t.column[d], t.column[c], planes), c - d == 1 && d % 2 == 0, 0,
                         1e-12);
}

static void slices_are_symplectic(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < ELEMENTS_TRIED; i++) {
        struct element e = any_magnet(1 + i % 15);

        assert_symplectic(&e, false, e.kind == ELEMENT_DIPOLE ? 2 : 3);
    }
}

static void exact_maps_are_symplectic(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < ELEMENTS_TRIED; i++) {
        struct element e = any_magnet(1 + (i % 3 ? 0 : i % 15));

        assert_symplectic(&e, true, 3);
    }
}

static void cavities_are_symplectic(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < ELEMENTS_TRIED; i++) {
        struct element e = {.name = "any",
                            .kind = ELEMENT_CAVITY,
                            .length_m = 0.3,
                            .frequency_hz = 5e8,
                            .voltage_v = within(1e6),
                            .lag_m = within(0.1)};

        assert_symplectic(&e, false, 3);
    }
}

/* Every column, delta included, against central differences of the map. */
static void tangents_are_slopes(void **state)
{
    static const double step = 1e-6;

    (void) state;
    for (uint32_t i = 0; i < ELEMENTS_TRIED; i++) {
        struct element e = any_magnet(1 + i % 3);
        double z[TRACK_DIM], up[TRACK_DIM], down[TRACK_DIM], out[TRACK_DIM];
        struct tangent t;

        near_axis(z);
        pass(&e, i % 2, z, out, &t);
        for (int c = 0; c < TRACK_DIM; c++) {
            z[c] += step;
            pass(&e, i % 2, z, up, NULL);
            z[c] -= 2 * step;
            pass(&e, i % 2, z, down, NULL);
            z[c] += step;
            for (int row = 0; row < TRACK_DIM; row++)
                assert_close((up[row] - down[row]) / (2 * step), t.column[c][row], 1e-7, 1e-8);
        }
    }
}

static void many_slices_become_the_exact_map(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < ELEMENTS_TRIED; i++) {
        struct element e = any_magnet(1);
        double z[TRACK_DIM], exact[TRACK_DIM], sliced[TRACK_DIM];

        near_axis(z);
        z[2] = e.kind == ELEMENT_DIPOLE ? 0 : z[2]; /* the edges differ in path off the plane */
        e.n_slices = 200;
        e.roll_rad = e.kind == ELEMENT_DIPOLE ? 0 : e.roll_rad;
        pass(&e, true, z, exact, NULL);
        pass(&e, false, z, sliced, NULL);
        for (int c = 0; c < TRACK_DIM - 1; c++)
            assert_close(sliced[c], exact[c], 0, 1e-12);
        assert_close(sliced[5], exact[5], 0, e.kind == ELEMENT_DIPOLE ? 1e-7 : 1e-12);
    }
}

/* ---- rings ---- */

static void put(struct element *e, enum element_kind kind, double length_m, uint32_t n,
                double strength)
{
    *e = (struct element){
        .name = "", .kind = kind, .n_slices = 10, .length_m = length_m, .order = n};
    e->b[n] = strength;
}

/* QF, drift, bend, drift, sextupole, QD, ...: thin-lens phase advance mu per cell in both
 * planes, from which thick lenses and bends move it a little. */
static void make_cell(struct element *e, double length_m, double mu, double angle)
{
    double lq = 0.2, k1 = 4 * sin(mu / 2) / (length_m * lq), gap = 0.25 * length_m - 0.45;

    put(&e[0], ELEMENT_MONITOR, 0, 0, 0);
    put(&e[1], ELEMENT_QUADRUPOLE, lq, 1, k1);
    put(&e[2], ELEMENT_SEXTUPOLE, 0.2, 2, 1);
    put(&e[3], ELEMENT_DRIFT, gap, 0, 0);
    put(&e[4], ELEMENT_DIPOLE, 0.5, 0, 0);
    put(&e[5], ELEMENT_DRIFT, gap, 0, 0);
    put(&e[6], ELEMENT_QUADRUPOLE, lq, 1, -k1);
    put(&e[7], ELEMENT_SEXTUPOLE, 0.2, 2, -1);
    put(&e[8], ELEMENT_DRIFT, gap, 0, 0);
    put(&e[9], ELEMENT_DIPOLE, 0.5, 0, 0);
    put(&e[10], ELEMENT_DRIFT, gap - 0.1, 0, 0);
    put(&e[11], ELEMENT_MULTIPOLE, 0.1, 13, 1e20);
    e[4].angle_rad = e[9].angle_rad = angle;
}

static struct lattice *make_ring(uint32_t cells)
{
    struct lattice *ring;
    double length_m = 4 + within(0.8), mu = 1.2 + within(0.4);

    assert_int_equal(lattice_create(&ring, cells * CELL), RC_OK);
    ring->bpm = calloc(cells, sizeof *ring->bpm);
    ring->hcorrector = calloc(cells, sizeof *ring->hcorrector);
    ring->vcorrector = calloc(cells, sizeof *ring->vcorrector);
    assert_true(ring->bpm && ring->hcorrector && ring->vcorrector);
    for (uint32_t i = 0; i < cells; i++) {
        make_cell(&ring->element[i * CELL], length_m, mu, M_PI / cells);
        ring->bpm[i] = (struct lattice_device){"B", i * CELL};
        ring->hcorrector[i] = (struct lattice_device){"H", i * CELL + 2};
        ring->vcorrector[i] = (struct lattice_device){"V", i * CELL + 7};
    }
    ring->n_bpm = ring->n_hcorrector = ring->n_vcorrector = cells;
    assert_int_equal(lattice_finish(ring), RC_OK);
    return ring;
}

static void assert_same_optics(const struct lattice *ring, const struct optics *plain)
{
    const struct tracking how = {.exact = plain->integrator == INTEGRATOR_EXACT};
    struct coupled_optics *coupled;

    assert_int_equal(coupled_optics_create(&coupled, ring->n_element), RC_OK);
    assert_int_equal(coupled_optics_compute(coupled, ring, &how, axis), RC_OK);
    assert_close(coupled->tune[0], plain->tune_x, 0, 1e-9);
    assert_close(coupled->tune[1], plain->tune_y, 0, 1e-9);
    assert_close(coupled->alpha_c, plain->alpha_c, 1e-9, 0);
    for (uint32_t i = 0; i <= ring->n_element; i++) {
        assert_close(coupled->point[i].beta_x_m[0], plain->beta_x_m[i], 1e-8, 0);
        assert_close(coupled->point[i].beta_y_m[1], plain->beta_y_m[i], 1e-8, 0);
        assert_close(coupled->point[i].eta[0], plain->eta_x_m[i], 0, 1e-8);
    }
    coupled_optics_destroy(coupled);
}

static void assert_same_response(const struct lattice *ring, const struct optics *plain,
                                 enum response_mode mode)
{
    const struct tracking how = {.exact = plain->integrator == INTEGRATOR_EXACT};
    size_t n = (size_t) lattice_rows(ring) * lattice_columns(ring);
    double *design = malloc(n * sizeof *design), *about = malloc(n * sizeof *about);

    assert_true(design && about);
    assert_int_equal(response_matrix_design(plain, ring, mode, design), RC_OK);
    assert_int_equal(response_matrix_about_as(&how, ring, axis, mode, about), RC_OK);
    for (size_t i = 0; i < n; i++)
        assert_close(about[i], design[i], 1e-8, 1e-8);
    free(design);
    free(about);
}

static void both_ways_agree_on(uint32_t cells, bool response)
{
    struct lattice *ring = make_ring(cells);
    struct optics *plain;

    assert_int_equal(optics_create(&plain, ring->n_element), RC_OK);
    for (int i = INTEGRATOR_EXACT; i <= INTEGRATOR_AT; i++) {
        assert_int_equal(optics_compute(plain, ring, (enum integrator) i), RC_OK);
        assert_same_optics(ring, plain);
        if (response) {
            assert_same_response(ring, plain, RESPONSE_FIXED_MOMENTUM);
            assert_same_response(ring, plain, RESPONSE_FIXED_RF);
        }
    }
    optics_destroy(plain);
    lattice_destroy(ring);
}

static void coupled_and_plain_optics_and_responses_agree(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < RINGS_TRIED; i++)
        both_ways_agree_on(13 + 2 * i, true);
}

static void seven_thousand_elements_work(void **state)
{
    (void) state;
    both_ways_agree_on(584, false);
}

/* Fixed RF: a kick moves delta by the entry of the energy row, as the orbit itself says. */
static void the_energy_row_is_the_slope_of_delta(void **state)
{
    struct lattice *ring = make_ring(17);
    struct optics *plain;
    struct closed_orbit orbit = {.iterations = 0};
    const struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF, .exact = true};
    double row[64];

    (void) state;
    assert_int_equal(optics_create(&plain, ring->n_element), RC_OK);
    assert_int_equal(optics_compute(plain, ring, INTEGRATOR_EXACT), RC_OK);
    assert_int_equal(response_energy_row(plain, ring, row), RC_OK);
    ring->element[ring->hcorrector[3].element].hkick_rad = 1e-7;
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_OK);
    assert_close(orbit.start[4] / 1e-7, row[3], 1e-4, 0);
    assert_close(row[17 + 3], 0, 0, 0);
    optics_destroy(plain);
    lattice_destroy(ring);
}

/* Errors everywhere: the orbit comes back after a turn, and six dimensions meet fixed RF. */
static void orbits_of_spoilt_rings_close(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < RINGS_TRIED; i++) {
        struct lattice *ring = make_ring(13 + i);
        struct closed_orbit orbit = {.iterations = 0};
        const struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF, .exact = i % 2};
        const struct tracking how = {.exact = i % 2};
        double z[TRACK_DIM];

        for (uint32_t k = 0; k < ring->n_element; k++) {
            ring->element[k].dx_m = within(2e-5);
            ring->element[k].dy_m = within(2e-5);
            ring->element[k].roll_rad = within(1e-3);
        }
        assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_OK);
        memcpy(z, orbit.start, sizeof z);
        assert_int_equal(track_range_as(&how, ring, 0, ring->n_element, z, NULL), RC_OK);
        for (int c = 0; c < TRACK_DIM; c++)
            assert_close(z[c], orbit.start[c], 0, 1e-13);
        assert_true(fabs(z[2]) > 1e-9);
        lattice_destroy(ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_symplectic),
        cmocka_unit_test(exact_maps_are_symplectic),
        cmocka_unit_test(cavities_are_symplectic),
        cmocka_unit_test(tangents_are_slopes),
        cmocka_unit_test(many_slices_become_the_exact_map),
        cmocka_unit_test(coupled_and_plain_optics_and_responses_agree),
        cmocka_unit_test(seven_thousand_elements_work),
        cmocka_unit_test(the_energy_row_is_the_slope_of_delta),
        cmocka_unit_test(orbits_of_spoilt_rings_close),
    };
    const char *given = getenv("ORBIT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;

    printf("seed %llu (ORBIT_SEED)\n", (unsigned long long) seed);
    random_seed(&dice, seed);
    return cmocka_run_group_tests_name("physics/properties", tests, NULL, NULL);
}
