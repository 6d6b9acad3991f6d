#include "tests/support/test.h"

#include "bench/ring/machine.h"
#include "tests/support/ring_file.h"

#include <stdlib.h>

enum { MAX_ROWS = 300, MAX_COLUMNS = 150 };

static struct machine *make(const char *ring, struct machine_errors errors)
{
    struct lattice *design = ring_file_lattice(ring);
    struct machine *machine = NULL;

    assert_int_equal(machine_create(&machine, design, &errors), RC_OK);
    lattice_destroy(design);
    return machine;
}

static double rms(const double *value, uint32_t n)
{
    double sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += value[i] * value[i];
    return sqrt(sum / n);
}

static void a_perfect_ring_has_its_orbit_on_the_axis(void **state)
{
    struct machine *m = make("fodo", (struct machine_errors){.seed = 1});
    double kick[MAX_COLUMNS] = {0}, position[MAX_ROWS];

    (void) state;
    assert_int_equal(machine_solve(m, kick, 0, position), RC_OK);
    assert_close(rms(position, 2 * machine_bpms(m)), 0, 0, 1e-12);
    machine_destroy(m);
}

static void one_seed_is_one_machine(void **state)
{
    struct machine_errors errors = {.seed = 3, .misalignment_m = 30e-6}, other = errors;
    struct machine *a = make("fodo", errors), *b = make("fodo", errors), *c;
    double kick[MAX_COLUMNS] = {0}, at_a[MAX_ROWS], at_b[MAX_ROWS], at_c[MAX_ROWS];

    (void) state;
    other.seed = 4;
    c = make("fodo", other);
    assert_int_equal(machine_solve(a, kick, 0, at_a), RC_OK);
    assert_int_equal(machine_solve(b, kick, 0, at_b), RC_OK);
    assert_int_equal(machine_solve(c, kick, 0, at_c), RC_OK);
    assert_memory_equal(at_a, at_b, 2 * machine_bpms(a) * sizeof(double));
    assert_true(fabs(at_a[0] - at_c[0]) > 1e-7);
    machine_destroy(a);
    machine_destroy(b);
    machine_destroy(c);
}

/* The response must be the derivative of the nonlinear orbit, RF column included. */
static void the_response_is_the_derivative_of_the_nonlinear_orbit(void **state)
{
    struct machine *m =
        make("fodo",
             (struct machine_errors){.seed = 2, .misalignment_m = 50e-6, .field_error = 1e-3});
    uint32_t rows = 2 * machine_bpms(m), columns = machine_correctors(m) + 1;
    double input[MAX_COLUMNS] = {0}, plus[MAX_ROWS], minus[MAX_ROWS];
    double *matrix = calloc((size_t) rows * columns, sizeof *matrix);

    (void) state;
    assert_int_equal(machine_solve(m, input, 0, plus), RC_OK);
    assert_int_equal(machine_response(m, matrix), RC_OK);
    for (uint32_t c = 0; c < columns; c += 7) {
        double step = c + 1 == columns ? 1 : 1e-6;

        input[c] = step;
        assert_int_equal(machine_solve(m, input, input[columns - 1], plus), RC_OK);
        input[c] = -step;
        assert_int_equal(machine_solve(m, input, input[columns - 1], minus), RC_OK);
        input[c] = 0;
        for (uint32_t r = 0; r < rows; r++)
            assert_close((plus[r] - minus[r]) / (2 * step), matrix[r * columns + c], 1e-4,
                         1e-4 * (c + 1 == columns ? 1e-6 : 1));
    }
    free(matrix);
    machine_destroy(m);
}

static void an_impossible_kick_has_no_orbit_and_the_next_possible_one_has(void **state)
{
    struct machine *m =
        make("fodo", (struct machine_errors){.seed = 2, .misalignment_m = 30e-6});
    double kick[MAX_COLUMNS] = {0}, before[MAX_ROWS], after[MAX_ROWS];

    (void) state;
    assert_int_equal(machine_solve(m, kick, 0, before), RC_OK);
    kick[0] = 0.5;
    assert_int_equal(machine_solve(m, kick, 0, after), RC_NUMERIC);
    assert_true(err_text()[0] != '\0');
    kick[0] = 0;
    assert_int_equal(machine_solve(m, kick, 0, after), RC_OK);
    for (uint32_t r = 0; r < 2 * machine_bpms(m); r++)
        assert_close(after[r], before[r], 0, 1e-9);
    machine_destroy(m);
}

static void patterns_of_moving_quadrupoles_have_rms_1_and_differ(void **state)
{
    struct machine *m =
        make("fodo", (struct machine_errors){.seed = 2, .misalignment_m = 30e-6});
    uint32_t n = machine_bpms(m);
    double kick[MAX_COLUMNS] = {0}, at[MAX_ROWS], first[MAX_ROWS], second[MAX_ROWS], dot = 0;

    (void) state;
    assert_int_equal(machine_solve(m, kick, 0, at), RC_OK);
    assert_int_equal(machine_pattern(m, 0, first), RC_OK);
    assert_int_equal(machine_pattern(m, 1, second), RC_OK);
    assert_close(rms(first, n), 1, 1e-12, 0);
    assert_close(rms(first + n, n), 1, 1e-12, 0);
    for (uint32_t i = 0; i < n; i++)
        dot += first[i] * second[i] / n;
    assert_true(fabs(dot) < 0.99);
    machine_destroy(m);
}

static void a_ring_without_devices_is_refused(void **state)
{
    struct lattice *design = ring_file_lattice("fodo");
    struct machine_errors errors = {.seed = 1};
    struct machine *machine = NULL;

    (void) state;
    design->n_bpm = 0;
    assert_int_equal(machine_create(&machine, design, &errors), RC_INPUT);
    assert_null(machine);
    lattice_destroy(design);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_ring_has_its_orbit_on_the_axis),
        cmocka_unit_test(one_seed_is_one_machine),
        cmocka_unit_test(the_response_is_the_derivative_of_the_nonlinear_orbit),
        cmocka_unit_test(an_impossible_kick_has_no_orbit_and_the_next_possible_one_has),
        cmocka_unit_test(patterns_of_moving_quadrupoles_have_rms_1_and_differ),
        cmocka_unit_test(a_ring_without_devices_is_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
