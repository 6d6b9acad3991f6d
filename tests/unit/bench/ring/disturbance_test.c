#include "tests/support/test.h"

#include "bench/ring/disturbance.h"
#include "bench/ring/readings.h"
#include "tests/support/ring_file.h"

enum { MAX_ROWS = 100, MAX_CORRECTORS = 60 };

struct fixture {
    struct machine *machine;
    struct disturbance *disturbance;
    uint32_t n;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct lattice *design = ring_file_lattice("fodo");
    struct machine_errors errors = {.seed = 2, .misalignment_m = 30e-6};
    double kick[MAX_CORRECTORS] = {0}, position[MAX_ROWS];

    f.n = design->n_bpm;
    *state = &f;
    if (machine_create(&f.machine, design, &errors) ||
        machine_solve(f.machine, kick, 0, position) ||
        disturbance_create(&f.disturbance, f.machine, 9))
        return -1;
    lattice_destroy(design);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    disturbance_destroy(f->disturbance);
    machine_destroy(f->machine);
    return 0;
}

static void nothing_asked_for_is_nothing_added(void **state)
{
    struct fixture *f = *state;
    double position[MAX_ROWS] = {0};

    for (int k = 0; k < 100; k++)
        disturbance_add(f->disturbance, k * 1e-3, 1e-3, 0, 0, position);
    for (uint32_t i = 0; i < 2 * f->n; i++)
        assert_close(position[i], 0, 0, 0);
}

/* Over one period of 20 ms the ripple's mean is zero and its mean square what was asked for. */
static void ripple_has_50_hz_and_the_rms_asked_for(void **state)
{
    struct fixture *f = *state;
    double sum[MAX_ROWS] = {0}, square[2] = {0}, first[MAX_ROWS] = {0}, last[MAX_ROWS] = {0};

    for (int k = 0; k < 20; k++) {
        double position[MAX_ROWS] = {0}, rms[2];

        disturbance_add(f->disturbance, k * 1e-3, 1e-3, 2e-6, 0, position);
        readings_rms(position, f->n, rms);
        for (int plane = 0; plane < 2; plane++)
            square[plane] += rms[plane] * rms[plane] / 20;
        for (uint32_t i = 0; i < 2 * f->n; i++)
            sum[i] += position[i];
    }
    disturbance_add(f->disturbance, 0, 1e-3, 2e-6, 0, first);
    disturbance_add(f->disturbance, 20e-3, 1e-3, 2e-6, 0, last);
    assert_close(sqrt(square[0]), 2e-6, 1e-9, 0);
    assert_close(sqrt(square[1]), 2e-6, 1e-9, 0);
    for (uint32_t i = 0; i < 2 * f->n; i++) {
        assert_close(sum[i], 0, 0, 1e-18);
        assert_close(last[i], first[i], 0, 1e-15);
    }
}

static void drift_starts_at_zero_and_reaches_its_rms(void **state)
{
    struct fixture *f = *state;
    double mean_square = 0;
    enum { STEPS = 20000 };

    for (int k = 0; k < STEPS; k++) {
        double position[MAX_ROWS] = {0}, rms[2];

        disturbance_add(f->disturbance, k * 10.0, k == 0 ? 1e-3 : 10, 0, 1e-6, position);
        readings_rms(position, f->n, rms);
        if (k == 0)
            assert_true(rms[0] < 0.05e-6);
        mean_square += rms[0] * rms[0] / STEPS;
    }
    assert_close(sqrt(mean_square), 1e-6, 0.1, 0);
}

#define DISTURBANCE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISTURBANCE_TEST(nothing_asked_for_is_nothing_added),
        DISTURBANCE_TEST(ripple_has_50_hz_and_the_rms_asked_for),
        DISTURBANCE_TEST(drift_starts_at_zero_and_reaches_its_rms)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
