/* The whole chain on BESSY II: misaligned quadrupoles, the nonlinear orbit, the inverse of the
 * *design* matrix, and what is left. 30 um rms make about 1.5 and 1.0 mm rms; correction comes
 * down to the least-squares floor of about 7 and 10 um with kicks up to about 90 urad. */
#include "tests/support/test.h"

#include <stdlib.h>

#include "model/closed_orbit.h"
#include "model/inverse.h"
#include "model/plant/random.h"
#include "model/response.h"
#include "tests/support/ring_file.h"

enum { SEEDS = 12, STEPS = 4, BPM = 123, H = 48, V = 64, COLS = H + V + 1 };

static struct lattice *ring;
static struct closed_orbit orbit;
static double r[2 * BPM * COLS], k_x[H * BPM], k_y[V * BPM], y[2 * BPM], u[H + V];

struct outcome {
    double before[2], floor[2], after[2], kick;
};

static int open_ring(void **state)
{
    struct inverse_block x = {.matrix = r, .stride = COLS, .n_row = BPM, .n_col = H};
    struct inverse_block v = {.matrix = r,
                              .stride = COLS,
                              .first_row = BPM,
                              .n_row = BPM,
                              .first_col = H,
                              .n_col = V};
    struct optics *optics;

    (void) state;
    ring = ring_file_lattice("bessy2");
    if (optics_create(&optics, ring->n_element) != RC_OK ||
        optics_compute(optics, ring, INTEGRATOR_EXACT) != RC_OK ||
        response_matrix_design(optics, ring, RESPONSE_FIXED_RF, r) != RC_OK)
        return 1;
    optics_destroy(optics);
    return inverse_tikhonov(&x, 0, k_x, NULL) != RC_OK ||
           inverse_tikhonov(&v, 0, k_y, NULL) != RC_OK;
}

static int close_ring(void **state)
{
    (void) state;
    lattice_destroy(ring);
    return 0;
}

static double rms(const double *value, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += value[i] * value[i];
    return sqrt(sum / n);
}

static void misalign(uint64_t seed, double scale)
{
    struct random random;

    random_seed(&random, seed);
    for (uint32_t i = 0; i < ring->n_element; i++) {
        if (ring->element[i].kind != ELEMENT_QUADRUPOLE)
            continue;
        ring->element[i].dx_m = scale * 30e-6 * random_normal_cut(&random, 3);
        ring->element[i].dy_m = scale * 30e-6 * random_normal_cut(&random, 3);
    }
    orbit = (struct closed_orbit){.iterations = 0};
    for (int j = 0; j < H + V; j++)
        u[j] = 0;
}

static void measure(void)
{
    struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF};

    for (int j = 0; j < H; j++)
        ring->element[ring->hcorrector[j].element].hkick_rad = u[j];
    for (int j = 0; j < V; j++)
        ring->element[ring->vcorrector[j].element].vkick_rad = u[H + j];
    assert_int_equal(closed_orbit_solve(ring, &request, &orbit), RC_OK);
    assert_int_equal(closed_orbit_at_bpms(ring, orbit.start, y), RC_OK);
}

/* du = -K y, per plane. */
static void correct(void)
{
    for (int j = 0; j < H; j++)
        for (int i = 0; i < BPM; i++)
            u[j] -= k_x[j * BPM + i] * y[i];
    for (int j = 0; j < V; j++)
        for (int i = 0; i < BPM; i++)
            u[H + j] -= k_y[j * BPM + i] * y[BPM + i];
}

/* y - R K y of the linear orbit, i.e. of misalignments so small that sextupoles do nothing. */
static void find_floor(uint64_t seed, double floor[2])
{
    const double scale = 1e-4;

    misalign(seed, scale);
    measure();
    correct();
    for (int i = 0; i < 2 * BPM; i++)
        for (int j = 0; j < H + V; j++)
            y[i] += r[i * COLS + j] * u[j];
    floor[0] = rms(y, BPM) / scale;
    floor[1] = rms(y + BPM, BPM) / scale;
}

static struct outcome correct_machine(uint64_t seed)
{
    struct outcome outcome = {.kick = 0};

    find_floor(seed, outcome.floor);
    misalign(seed, 1);
    measure();
    outcome.before[0] = rms(y, BPM);
    outcome.before[1] = rms(y + BPM, BPM);
    for (int step = 0; step < STEPS; step++) {
        correct();
        measure();
    }
    outcome.after[0] = rms(y, BPM);
    outcome.after[1] = rms(y + BPM, BPM);
    for (int j = 0; j < H + V; j++)
        outcome.kick = fmax(outcome.kick, fabs(u[j]));
    return outcome;
}

static void correction_reaches_the_least_squares_floor(void **state)
{
    double before[2] = {0}, floor[2] = {0}, kick = 0;

    (void) state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct outcome o = correct_machine(seed);

        for (int p = 0; p < 2; p++) {
            assert_true(o.after[p] <= 1.2 * o.floor[p]);
            before[p] += o.before[p] / SEEDS;
            floor[p] += o.floor[p] / SEEDS;
        }
        kick += o.kick / SEEDS;
    }
    assert_close(before[0], 1.5e-3, 0.4, 0);
    assert_close(before[1], 1.0e-3, 0.4, 0);
    assert_close(floor[0], 6.8e-6, 0.3, 0);
    assert_close(floor[1], 9.6e-6, 0.3, 0);
    assert_close(kick, 90e-6, 0.4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correction_reaches_the_least_squares_floor),
    };

    return cmocka_run_group_tests_name("physics/correction", tests, open_ring, close_ring);
}
