/* From files to a parameter set. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/engine/engine.h"
#include "model/optics.h"
#include "model/response.h"
#include "tests/support/temp_files.h"

static struct cfg_faults faults;
static struct inputs inputs;
static struct result result;

static const char fodo[] = "instance: t\n"
                           "ring:\n"
                           "  lattice: " ORBIT_SOURCE_DIR "/lattices/fodo/lattice.json\n"
                           "  devices: " ORBIT_SOURCE_DIR "/lattices/fodo/devices.json\n";

static void load(const char *more)
{
    char text[2048];
    enum rc rc;

    snprintf(text, sizeof text, "%s%s", fodo, more);
    faults.count = 0;
    rc = inputs_load(&inputs, temp_file("config.yaml", text), &faults);
    cfg_faults_print(stderr, &faults);
    assert_int_equal(rc, RC_OK);
}

static void unload(void)
{
    engine_free(&result);
    inputs_free(&inputs);
}

static double r(uint64_t i, uint64_t j)
{
    return result.r[i * dims_n_col(&result.head.dims) + j];
}

static double k(uint64_t j, uint64_t i)
{
    return result.inverses.k[j * dims_n_row(&result.head.dims) + i];
}

static void the_set_has_a_block_a_plane_and_nothing_outside(void **state)
{
    const struct orbit_dims *dims = &result.head.dims;

    (void) state;
    load("");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_int_equal(result.head.n_block, 2);
    assert_int_equal(result.head.block[1].row0, dims->n_bpm);
    assert_int_equal(result.head.block[1].col0, dims->n_h);
    assert_close(result.head.tune_x, 2.4357598, 0, 1e-6);
    for (uint64_t j = 0; j < dims_n_col(dims); j++)
        for (uint64_t i = 0; i < dims_n_row(dims); i++) {
            bool in_x = i < dims->n_bpm && j < dims->n_h;
            bool in_y = i >= dims->n_bpm && j >= dims->n_h && j < dims->n_h + dims->n_v;

            if (!in_x && !in_y)
                assert_true(k(j, i) == 0);
        }
    unload();
}

/* K = (R'R + mu^2)^-1 R' is equivalent to R' = (R'R + mu^2) K: no inverse needed to check it.
 */
static void an_inverse_of_the_wrong_sign_is_refused_with_its_plane(void **state)
{
    (void) state;
    load("");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_int_equal(engine_check_margin(&result, &inputs.cfg), RC_OK);
    for (uint64_t j = 0; j < result.head.block[1].n_col; j++)
        for (uint64_t i = 0; i < result.head.block[1].n_row; i++)
            result.inverses.k[(result.head.block[1].col0 + j) * dims_n_row(&result.head.dims) +
                              result.head.block[1].row0 + i] *= -1;
    assert_int_equal(engine_check_margin(&result, &inputs.cfg), RC_RANGE);
    assert_non_null(strstr(err_text(), "vertical plane: no margin: unstable"));
    inputs.cfg.margin_required = false;
    assert_int_equal(engine_check_margin(&result, &inputs.cfg), RC_OK);
    unload();
}

static void the_inverse_solves_the_regularised_normal_equations(void **state)
{
    const struct orbit_dims *dims = &result.head.dims;

    (void) state;
    load("inverse:\n  mu_h_m_per_rad: 3\n");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    for (uint64_t a = 0; a < dims->n_h; a++)
        for (uint64_t i = 0; i < dims->n_bpm; i++) {
            double sum = 9 * k(a, i);

            for (uint64_t b = 0; b < dims->n_h; b++) {
                double rr = 0;

                for (uint64_t m = 0; m < dims->n_bpm; m++)
                    rr += r(m, a) * r(m, b);
                sum += rr * k(b, i);
            }
            assert_close(sum, r(i, a), 0, 1e-8);
        }
    unload();
}

static void disabled_devices_have_zero_rows_and_columns_in_the_inverse(void **state)
{
    const struct orbit_dims *dims = &result.head.dims;
    int bpm, corrector;
    double other = 0;

    (void) state;
    load("  disabled_bpms: [BPM03]\n  disabled_correctors: [V02]\n");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    bpm = devices_find_bpm(&inputs.devices, "BPM03");
    corrector = devices_find_corrector(&inputs.devices, "V02");
    for (uint64_t j = 0; j < dims_n_col(dims); j++) {
        assert_true(k(j, (uint64_t) bpm) == 0);
        assert_true(k(j, (uint64_t) bpm + dims->n_bpm) == 0);
    }
    for (uint64_t i = 0; i < dims_n_row(dims); i++) {
        assert_true(k((uint64_t) corrector, i) == 0);
        other += fabs(k((uint64_t) corrector + 1, i));
    }
    assert_true(other > 0);
    assert_true(fabs(r((uint64_t) bpm, 0)) > 0); /* prediction still covers it */
    unload();
}

/* A table with the same devices backwards gives the same numbers elsewhere. */
static void rows_and_columns_follow_the_device_table(void **state)
{
    struct result forward;
    uint64_t n_bpm, n_col;

    (void) state;
    load("");
    assert_int_equal(engine_compute(&forward, &inputs), RC_OK);
    n_bpm = inputs.devices.n_bpm;
    n_col = dims_n_col(&forward.head.dims);
    for (uint64_t i = 0; i < n_bpm / 2; i++) {
        uint32_t other = inputs.bpm[i];

        inputs.bpm[i] = inputs.bpm[n_bpm - 1 - i];
        inputs.bpm[n_bpm - 1 - i] = other;
    }
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    for (uint64_t i = 0; i < n_bpm; i++)
        for (uint64_t j = 0; j < n_col; j++) {
            assert_true(r(i, j) == forward.r[(n_bpm - 1 - i) * n_col + j]);
            assert_true(r(n_bpm + i, j) == forward.r[(2 * n_bpm - 1 - i) * n_col + j]);
        }
    engine_free(&forward);
    unload();
}

static void bpms_at_offsets_of_a_kicked_lattice_use_the_matrix_about_its_orbit(void **state)
{
    double design;

    (void) state;
    load("");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    design = r(0, 0);
    assert_true(result.orbit_max_m < 1e-12);
    engine_free(&result);
    inputs.lattice->element[inputs.lattice->hcorrector[3].element].hkick_rad = 1e-4;
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_true(result.orbit_max_m > 1e-5);
    assert_close(r(0, 0), design, 0.05, 0);
    unload();
}

/* R (kick) is the difference of orbits, cross-plane blocks included. */
static void a_coupled_lattice_has_its_own_tunes_and_matrix(void **state)
{
    static const struct tracking how = {.exact = true};
    struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF, .exact = true};
    struct closed_orbit orbit = {.iterations = 0};
    struct lattice *l;
    double position[2][2 * 24], tune;
    uint32_t corrector;

    (void) state;
    load("inverse:\n  energy_row: energy\n  mu_h_m_per_rad: 1\n  mu_v_m_per_rad: 1\n");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    tune = result.head.tune_x;
    engine_free(&result);
    l = inputs.lattice;
    l->element[lattice_find(l, "QF", 3)].roll_rad = 0.002;
    l->element[lattice_find(l, "SF", 1)].a[1] = 0.02;
    l->element[lattice_find(l, "QD", 1)].dy_m = 1e-4;
    assert_int_equal(lattice_finish(l), RC_OK);
    if (engine_compute(&result, &inputs) != RC_OK)
        fail_msg("%s", err_text());
    assert_true(fabs(result.head.tune_x - tune) > 1e-6);
    assert_true(result.orbit_max_m > 1e-5);
    corrector = l->hcorrector[inputs.column[2]].element;
    for (int k = 0; k < 2; k++) {
        l->element[corrector].hkick_rad = k ? -1e-6 : 1e-6;
        assert_int_equal(closed_orbit_solve(l, &request, &orbit), RC_OK);
        assert_int_equal(closed_orbit_at_bpms_as(&how, l, orbit.start, position[k]), RC_OK);
    }
    for (uint32_t i = 0; i < 48; i++)
        assert_close(r(i, 2),
                     (position[0][inputs.bpm[i % 24] + (i / 24) * 24] -
                      position[1][inputs.bpm[i % 24] + (i / 24) * 24]) /
                         2e-6,
                     0, 1e-6);
    assert_true(fabs(r(24, 2)) > 1e-4);
    unload();
}

/* The kick of a corrector that is rolled by 30 degrees is half in the other plane. */
static void a_rolled_corrector_kicks_in_its_own_planes(void **state)
{
    uint64_t n_bpm;
    uint32_t corrector;
    double vertical[24];

    (void) state;
    load("");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    n_bpm = result.head.dims.n_bpm;
    corrector = inputs.lattice->hcorrector[inputs.column[1]].element;
    assert_int_equal(inputs.lattice->vcorrector[1].element, corrector);
    for (uint64_t i = 0; i < n_bpm; i++)
        vertical[i] = r(n_bpm + i, result.head.dims.n_h + 1);
    engine_free(&result);
    inputs.lattice->element[corrector].roll_rad = M_PI / 6;
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    for (uint64_t i = 0; i < n_bpm; i++) {
        assert_close(r(n_bpm + i, 1), 0.5 * vertical[i], 0, 1e-9);
        assert_close(r(n_bpm + i, result.head.dims.n_h + 1), sqrt(0.75) * vertical[i], 0, 1e-9);
    }
    unload();
}

static void an_unstable_ring_is_one_clear_message_and_no_set(void **state)
{
    (void) state;
    load("");
    for (uint32_t i = 0; i < inputs.lattice->n_element; i++)
        inputs.lattice->element[i].b[1] *= 5;
    assert_int_equal(engine_compute(&result, &inputs), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "optics of"));
    assert_null(result.r);
    assert_null(result.inverses.k);
    unload();
}

static void two_computations_are_the_same_until_something_changes(void **state)
{
    struct result again;

    (void) state;
    load("");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_int_equal(engine_compute(&again, &inputs), RC_OK);
    assert_true(engine_same(&result, &again));
    engine_free(&again);
    inputs.cfg.inverse_mu_v_m_per_rad *= 1.001;
    assert_int_equal(engine_compute(&again, &inputs), RC_OK);
    assert_false(engine_same(&result, &again));
    engine_free(&again);
    unload();
}

static void the_law_has_its_own_inverse_only_where_gains_differ(void **state)
{
    (void) state;
    load("");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_null(result.inverses.law_k);
    assert_null(result.inverses.offload);
    assert_int_equal(engine_matrices(&result).of[PARAM_K_LAW].rows, 0);
    assert_int_equal(engine_matrices(&result).of[PARAM_METRIC].rows,
                     dims_n_col(&result.head.dims));
    engine_free(&result);
    inputs.cfg.law_gain_knee_v_m_per_rad = 5.0;
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_int_equal(engine_matrices(&result).of[PARAM_K_LAW].rows,
                     dims_n_col(&result.head.dims));
    /* Only the vertical plane has a knee. */
    assert_close(result.inverses.law_k[0], result.inverses.k[0], 1e-9, 0);
    unload();
}

static void the_energy_row_takes_the_energy_out_of_kicks(void **state)
{
    double with, without = 0.0, row[64];

    (void) state;
    load("inverse:\n  mu_h_m_per_rad: 0.1\n");
    for (unsigned pass = 0; pass < 2; pass++) {
        uint64_t n_row;
        struct optics *optics;

        inputs.cfg.inverse_energy_row = (int) pass;
        inputs.cfg.inverse_energy_weight = 1e6;
        assert_int_equal(engine_compute(&result, &inputs), RC_OK);
        assert_int_equal(optics_create(&optics, inputs.lattice->n_element), RC_OK);
        assert_int_equal(optics_compute(optics, inputs.lattice, INTEGRATOR_EXACT), RC_OK);
        assert_int_equal(response_energy_row(optics, inputs.lattice, row), RC_OK);
        optics_destroy(optics);
        n_row = dims_n_row(&result.head.dims);
        with = 0.0;
        for (uint64_t i = 0; i < result.head.dims.n_bpm; i++) {
            double delta = 0.0;

            for (uint64_t j = 0; j < result.head.dims.n_h; j++)
                delta += row[inputs.column[j]] * result.inverses.k[j * n_row + i];
            with = fmax(with, fabs(delta));
        }
        without = pass == 0 ? with : without;
        engine_free(&result);
    }
    assert_true(with < 1e-4 * without);
    inputs_free(&inputs);
}

/* Every other H corrector is fast: the law is theirs, and slow ones can do what they do. */
static void offload_gives_slow_kicks_the_orbit_of_fast_ones(void **state)
{
    uint64_t n_col, n_row, n_h;
    double left = 0.0, before = 0.0;

    (void) state;
    load("inverse:\n  mu_h_m_per_rad: 0.01\n  mu_v_m_per_rad: 0.01\n");
    n_h = inputs.devices.n_h;
    for (uint64_t j = 0; j < n_h; j++)
        snprintf(inputs.devices.corrector[j].class_name,
                 sizeof inputs.devices.corrector[j].class_name, "%s", j % 4 ? "slow" : "fast");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    n_row = dims_n_row(&result.head.dims);
    n_col = dims_n_col(&result.head.dims);
    assert_non_null(result.inverses.offload);
    assert_non_null(result.inverses.law_k);
    for (uint64_t i = 0; i < n_row; i++) {
        assert_true(fabs(result.inverses.law_k[1 * n_row + i]) <= 0.0);       /* slow */
        assert_true(fabs(result.inverses.offload[i % n_col / 4 * 4]) <= 0.0); /* fast to fast */
    }
    for (uint64_t i = 0; i < result.head.dims.n_bpm; i++) {
        double y = r(i, 4);

        before += y * y;
        for (uint64_t s = 0; s < n_h; s++)
            y -= r(i, s) * result.inverses.offload[s * n_col + 4];
        left += y * y;
    }
    assert_true(left < 0.05 * before);
    unload();
}

static void a_coupled_correction_is_one_block(void **state)
{
    (void) state;
    load("inverse:\n  coupled: true\n");
    assert_int_equal(engine_compute(&result, &inputs), RC_OK);
    assert_int_equal(result.head.n_block, 1);
    assert_int_equal(result.head.block[0].n_row, dims_n_row(&result.head.dims));
    assert_int_equal(result.head.block[0].n_col, result.head.dims.n_h + result.head.dims.n_v);
    unload();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_set_has_a_block_a_plane_and_nothing_outside),
        cmocka_unit_test(an_inverse_of_the_wrong_sign_is_refused_with_its_plane),
        cmocka_unit_test(the_inverse_solves_the_regularised_normal_equations),
        cmocka_unit_test(disabled_devices_have_zero_rows_and_columns_in_the_inverse),
        cmocka_unit_test(rows_and_columns_follow_the_device_table),
        cmocka_unit_test(bpms_at_offsets_of_a_kicked_lattice_use_the_matrix_about_its_orbit),
        cmocka_unit_test(a_coupled_lattice_has_its_own_tunes_and_matrix),
        cmocka_unit_test(a_rolled_corrector_kicks_in_its_own_planes),
        cmocka_unit_test(an_unstable_ring_is_one_clear_message_and_no_set),
        cmocka_unit_test(the_law_has_its_own_inverse_only_where_gains_differ),
        cmocka_unit_test(the_energy_row_takes_the_energy_out_of_kicks),
        cmocka_unit_test(offload_gives_slow_kicks_the_orbit_of_fast_ones),
        cmocka_unit_test(a_coupled_correction_is_one_block),
        cmocka_unit_test(two_computations_are_the_same_until_something_changes),
    };

    return cmocka_run_group_tests(tests, temp_files_setup, temp_files_teardown);
}
