#include "tests/support/test.h"

#include "bench/ring/solver.h"
#include "rt/base/clock.h"
#include "tests/support/ring_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_COLUMNS = 60 };

static const int64_t patience_ns = 20 * NS_PER_S;

struct fixture {
    struct machine *machine, *twin; /* twin: the same errors, for direct solves */
    struct solver *solver;
    uint32_t rows, columns;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct lattice *design = ring_file_lattice("fodo");
    struct machine_errors errors = {.seed = 2, .misalignment_m = 30e-6};

    *state = &f;
    if (machine_create(&f.machine, design, &errors) || machine_create(&f.twin, design, &errors))
        return -1;
    lattice_destroy(design);
    f.rows = 2 * machine_bpms(f.machine);
    f.columns = machine_correctors(f.machine) + 1;
    return solver_start(&f.solver, f.machine, 500);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    solver_stop(f->solver);
    machine_destroy(f->machine);
    machine_destroy(f->twin);
    return 0;
}

/* The solution for this input; fails when it does not come. */
static const struct solution *wait_for(struct fixture *f, const double *input)
{
    int64_t deadline_ns = clock_mono_ns() + patience_ns;

    while (clock_mono_ns() < deadline_ns) {
        const struct solution *s = solver_exchange(f->solver, input);

        if (memcmp(s->input, input, f->columns * sizeof *input) == 0)
            return s;
        usleep(500);
    }
    fail_msg("no solution within %d s", (int) (patience_ns / NS_PER_S));
    return NULL;
}

static void there_is_a_solution_from_the_first_moment(void **state)
{
    struct fixture *f = *state;
    double input[MAX_COLUMNS] = {0}, position[2 * MAX_COLUMNS];
    const struct solution *s = solver_exchange(f->solver, input);

    assert_true(s->found);
    assert_int_equal(machine_solve(f->twin, input, 0, position), RC_OK);
    for (uint32_t r = 0; r < f->rows; r++)
        assert_close(s->position_m[r], position[r], 0, 1e-12);
}

static void new_kicks_are_solved_and_old_ones_are_not_solved_again(void **state)
{
    struct fixture *f = *state;
    double input[MAX_COLUMNS] = {0}, position[2 * MAX_COLUMNS];
    struct solver_counts counts;
    const struct solution *s;
    uint64_t rounds;

    input[3] = 50e-6;
    input[f->columns - 1] = 100;
    s = wait_for(f, input);
    assert_true(s->found);
    assert_int_equal(machine_solve(f->twin, input, 100, position), RC_OK);
    for (uint32_t r = 0; r < f->rows; r++)
        assert_close(s->position_m[r], position[r], 0, 1e-9);
    counts = solver_counts(f->solver);
    rounds = counts.rounds + 3;
    while (solver_counts(f->solver).rounds < rounds)
        solver_exchange(f->solver, input);
    assert_int_equal(solver_counts(f->solver).solves, counts.solves);
}

static void a_solution_stays_while_its_taker_looks_at_it(void **state)
{
    struct fixture *f = *state;
    double input[MAX_COLUMNS] = {0};
    uint64_t solves = solver_counts(f->solver).solves;

    for (int k = 0; k < 20; k++) {
        const struct solution *s;
        double seen, asked;

        input[0] = k * 5e-6;
        s = solver_exchange(f->solver, input);
        seen = s->position_m[0];
        asked = s->input[0];
        usleep(4000);
        assert_close(s->position_m[0], seen, 0, 0);
        assert_close(s->input[0], asked, 0, 0);
    }
    assert_true(solver_counts(f->solver).solves > solves);
}

static void kicks_without_an_orbit_are_told_and_recovered_from(void **state)
{
    struct fixture *f = *state;
    double input[MAX_COLUMNS] = {0};
    const struct solution *s;

    input[0] = 0.5;
    s = wait_for(f, input);
    assert_false(s->found);
    assert_true(s->why[0] != '\0');
    assert_int_equal(solver_counts(f->solver).failures, 1);
    input[0] = 0;
    s = wait_for(f, input);
    assert_true(s->found);
    assert_int_equal(s->why[0], '\0');
}

#define SOLVER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SOLVER_TEST(there_is_a_solution_from_the_first_moment),
        SOLVER_TEST(new_kicks_are_solved_and_old_ones_are_not_solved_again),
        SOLVER_TEST(a_solution_stays_while_its_taker_looks_at_it),
        SOLVER_TEST(kicks_without_an_orbit_are_told_and_recovered_from)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
