/* Response matrices against closed forms and against differences of the nonlinear closed orbit.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/plant/random.h"
#include "model/response.h"
#include "tests/support/ring_file.h"

static struct lattice *ring;
static struct optics *optics;
static double *matrix;
static uint32_t n_bpm, n_col;
static const double axis[TRACK_DIM];

static int use_ring(const char *name)
{
    ring = ring_file_lattice(name);
    n_bpm = ring->n_bpm;
    n_col = lattice_columns(ring);
    matrix = malloc(2 * (size_t) n_bpm * n_col * sizeof *matrix);
    return optics_create(&optics, ring->n_element) != RC_OK || !matrix;
}

static int use_fodo(void **state)
{
    (void) state;
    return use_ring("fodo");
}

static int use_bessy2(void **state)
{
    (void) state;
    return use_ring("bessy2");
}

static int leave(void **state)
{
    (void) state;
    lattice_destroy(ring);
    optics_destroy(optics);
    free(matrix);
    return 0;
}

static double entry(uint32_t row, uint32_t column)
{
    return matrix[(size_t) row * n_col + column];
}

static void design(enum integrator integrator, enum response_mode mode)
{
    assert_int_equal(optics_compute(optics, ring, integrator), RC_OK);
    assert_int_equal(response_matrix_design(optics, ring, mode, matrix), RC_OK);
}

/* ---- closed form ---- */

/* sqrt(beta beta')/(2 sin pi Q) cos(pi Q - |mu - mu'|), from the middle of the winding: a drift
 * at first order. */
static double closed_form(uint32_t bpm, uint32_t h)
{
    uint32_t e = ring->hcorrector[h].element, b = ring->bpm[bpm].element;
    double beta0 = optics->beta_x_m[e], alpha0 = optics->alpha_x[e];
    double l = 0.5 * ring->element[e].length_m;
    double beta = beta0 - 2 * alpha0 * l + (1 + alpha0 * alpha0) / beta0 * l * l;
    double mu = optics->mu_x_rad[e] + atan2(l, beta0 - alpha0 * l),
           pi_q = M_PI * optics->tune_x;

    return sqrt(beta * optics->beta_x_m[b]) / (2 * sin(pi_q)) *
           cos(pi_q - fabs(optics->mu_x_rad[b] - mu));
}

static void at_fixed_momentum_it_is_the_closed_form(void **state)
{
    (void) state;
    design(INTEGRATOR_EXACT, RESPONSE_FIXED_MOMENTUM);
    for (uint32_t i = 0; i < n_bpm; i++)
        for (uint32_t j = 0; j < ring->n_hcorrector; j++)
            assert_close(entry(i, j), closed_form(i, j), 0, 1e-10);
}

static void fixed_rf_takes_off_the_dispersion_term(void **state)
{
    (void) state;
    design(INTEGRATOR_EXACT, RESPONSE_FIXED_RF);
    for (uint32_t i = 0; i < n_bpm; i++) {
        for (uint32_t j = 0; j < ring->n_hcorrector; j++) {
            uint32_t e = ring->hcorrector[j].element;
            double eta = 0.5 * (optics->eta_x_m[e] + optics->eta_x_m[e + 1]);
            double term =
                optics->eta_x_m[ring->bpm[i].element] * eta / optics->path_per_delta_m;

            assert_close(entry(i, j), closed_form(i, j) - term, 0, 1e-10);
        }
    }
}

static void the_planes_do_not_mix_about_the_design_orbit(void **state)
{
    (void) state;
    design(INTEGRATOR_EXACT, RESPONSE_FIXED_RF);
    for (uint32_t i = 0; i < n_bpm; i++) {
        for (uint32_t j = 0; j < n_col; j++) {
            bool horizontal = j < ring->n_hcorrector || j == n_col - 1;

            assert_close(horizontal ? entry(n_bpm + i, j) : entry(i, j), 0, 0, 0);
        }
    }
}

static void both_ways_agree_about_the_design_orbit(void **state)
{
    double *about = malloc(2 * (size_t) n_bpm * n_col * sizeof *about);

    (void) state;
    assert_non_null(about);
    for (int mode = RESPONSE_FIXED_MOMENTUM; mode <= RESPONSE_FIXED_RF; mode++) {
        design(INTEGRATOR_AT, (enum response_mode) mode);
        assert_int_equal(response_matrix_about(ring, axis, (enum response_mode) mode, about),
                         RC_OK);
        for (uint32_t i = 0; i < 2 * n_bpm * n_col; i++)
            assert_close(about[i], matrix[i], 0, 1e-11);
    }
    free(about);
}

/* ---- differences of the nonlinear orbit ---- */

static void spoil(uint64_t seed)
{
    struct random random;

    random_seed(&random, seed);
    for (uint32_t i = 0; i < ring->n_element; i++) {
        struct element *e = &ring->element[i];

        if (e->kind != ELEMENT_QUADRUPOLE && e->kind != ELEMENT_SEXTUPOLE)
            continue;
        e->dx_m = 3e-5 * random_normal(&random);
        e->dy_m = 3e-5 * random_normal(&random);
        e->roll_rad = 2e-3 * random_normal(&random);
    }
}

static double *kick_of_column(uint32_t j)
{
    uint32_t n_h = ring->n_hcorrector;

    return j < n_h ? &ring->element[ring->hcorrector[j].element].hkick_rad
                   : &ring->element[ring->vcorrector[j - n_h].element].vkick_rad;
}

static void orbit_with(const struct closed_orbit_request *request,
                       const double start[TRACK_DIM], double *position)
{
    struct closed_orbit orbit = {.iterations = 0};

    memcpy(orbit.start, start, sizeof orbit.start);
    assert_int_equal(closed_orbit_solve(ring, request, &orbit), RC_OK);
    assert_int_equal(closed_orbit_at_bpms(ring, orbit.start, position), RC_OK);
}

/* Column j by central differences; j = n_col - 1: of the RF frequency. */
static void difference(uint32_t j, enum orbit_mode mode, const double start[TRACK_DIM],
                       double *column)
{
    bool rf = j == n_col - 1;
    double step = rf ? 1 : 1e-7, *kick = rf ? NULL : kick_of_column(j), up[512], down[512];
    double path = rf ? -ring->circumference_m * step / ring->rf_frequency_hz : 0;
    struct closed_orbit_request request = {.mode = mode, .path_m = path, .step_m = 1e-13};

    if (kick)
        *kick += step;
    orbit_with(&request, start, up);
    request.path_m = -path;
    if (kick)
        *kick -= 2 * step;
    orbit_with(&request, start, down);
    if (kick)
        *kick += step;
    for (uint32_t i = 0; i < 2 * n_bpm; i++)
        column[i] = (up[i] - down[i]) / (2 * step);
}

static void spoilt_response(enum orbit_mode mode, struct closed_orbit *orbit)
{
    struct closed_orbit_request request = {.mode = mode};
    enum response_mode of =
        mode == ORBIT_FIXED_RF ? RESPONSE_FIXED_RF : RESPONSE_FIXED_MOMENTUM;

    spoil(5);
    *orbit = (struct closed_orbit){.iterations = 0};
    assert_int_equal(closed_orbit_solve(ring, &request, orbit), RC_OK);
    assert_int_equal(response_matrix_about(ring, orbit->start, of, matrix), RC_OK);
}

/* Every fifth column, cross-plane entries included: these must not all be zero, or nothing is
 * tested. */
static void compare_columns(enum orbit_mode mode)
{
    struct closed_orbit orbit;
    double column[512], cross = 0;

    spoilt_response(mode, &orbit);
    for (uint32_t j = 0; j + 1 < n_col; j += 5) {
        difference(j, mode, orbit.start, column);
        for (uint32_t i = 0; i < 2 * n_bpm; i++) {
            assert_close(entry(i, j), column[i], 0, 2e-6);
            if ((i < n_bpm) != (j < ring->n_hcorrector))
                cross = fmax(cross, fabs(column[i]));
        }
    }
    assert_true(cross > 1e-3);
}

static void about_a_spoilt_orbit_it_is_the_slope_at_fixed_momentum(void **state)
{
    (void) state;
    compare_columns(ORBIT_FIXED_MOMENTUM);
}

static void about_a_spoilt_orbit_it_is_the_slope_at_fixed_rf(void **state)
{
    (void) state;
    compare_columns(ORBIT_FIXED_RF);
}

static void the_rf_column_is_the_slope_with_frequency(void **state)
{
    struct closed_orbit orbit;
    double column[512], most = 0;

    (void) state;
    spoilt_response(ORBIT_FIXED_RF, &orbit);
    difference(n_col - 1, ORBIT_FIXED_RF, orbit.start, column);
    for (uint32_t i = 0; i < 2 * n_bpm; i++) {
        assert_close(entry(i, n_col - 1), column[i], 0, 1e-12);
        most = fmax(most, fabs(column[i]));
    }
    assert_true(most > 1e-9);
}

static void kicks_in_bends_and_quadrupoles_are_right_too(void **state)
{
    double column[512];
    uint32_t bend = 6, quadrupole = 1;

    (void) state;
    assert_int_equal(ring->element[bend].kind, ELEMENT_DIPOLE);
    ring->hcorrector[0].element = ring->vcorrector[0].element = bend;
    ring->hcorrector[1].element = ring->vcorrector[1].element = quadrupole;
    design(INTEGRATOR_AT, RESPONSE_FIXED_RF);
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t j = k % 2 + (k < 2 ? 0 : ring->n_hcorrector);

        difference(j, ORBIT_FIXED_RF, axis, column);
        for (uint32_t i = 0; i < 2 * n_bpm; i++)
            assert_close(entry(i, j), column[i], 0, 1e-6);
    }
}

static void an_integer_tune_is_refused_with_a_reason(void **state)
{
    (void) state;
    for (uint32_t i = 0; i < ring->n_element; i++) {
        struct element *e = &ring->element[i];

        e->b[1] = e->b[2] = e->angle_rad = e->e1_rad = e->e2_rad = 0;
        e->order = 0;
    }
    assert_int_equal(response_matrix_about(ring, axis, RESPONSE_FIXED_MOMENTUM, matrix),
                     RC_NUMERIC);
    assert_non_null(strstr(err_text(), "singular"));
}

#define FODO(test)   cmocka_unit_test_setup_teardown(test, use_fodo, leave)
#define BESSY2(test) cmocka_unit_test_setup_teardown(test, use_bessy2, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BESSY2(at_fixed_momentum_it_is_the_closed_form),
        BESSY2(fixed_rf_takes_off_the_dispersion_term),
        BESSY2(the_planes_do_not_mix_about_the_design_orbit),
        BESSY2(both_ways_agree_about_the_design_orbit),
        FODO(about_a_spoilt_orbit_it_is_the_slope_at_fixed_momentum),
        BESSY2(about_a_spoilt_orbit_it_is_the_slope_at_fixed_rf),
        FODO(the_rf_column_is_the_slope_with_frequency),
        FODO(kicks_in_bends_and_quadrupoles_are_right_too),
        FODO(an_integer_tune_is_refused_with_a_reason),
    };

    return cmocka_run_group_tests_name("physics/response", tests, NULL, NULL);
}
