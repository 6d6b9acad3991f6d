/* One kick somewhere in BESSY II, its orbit found by tracking and read with noise: which magnet
 * was it? */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/culprit.h"
#include "model/plant/random.h"
#include "tests/support/ring_file.h"

enum { TRIALS = 150, MOST_BPM = 256 };
static const double kick_rad = 20e-6;

static struct lattice *ring;
static struct optics *optics;
static struct culprit_finder finder;

static int start(void **state)
{
    uint32_t bpm[MOST_BPM];

    (void) state;
    ring = ring_file_lattice("bessy2");
    if (optics_create(&optics, ring->n_element) != RC_OK ||
        optics_compute(optics, ring, INTEGRATOR_EXACT) != RC_OK)
        return 1;
    for (uint32_t i = 0; i < ring->n_bpm; i++)
        bpm[i] = ring->bpm[i].element;
    return culprit_finder_create(&finder, ring, optics, bpm, ring->n_bpm) != RC_OK;
}

static int stop(void **state)
{
    (void) state;
    culprit_finder_destroy(&finder);
    optics_destroy(optics);
    lattice_destroy(ring);
    return 0;
}

/* Orbit of a kick that is a field error of the magnet, as the nonlinear tracking finds it. */
static void track_kick(uint32_t element, int plane, double *position_m)
{
    const struct closed_orbit_request request = {.mode = ORBIT_FIXED_RF, .exact = true};
    struct closed_orbit orbit = {.iterations = 0};
    struct lattice *copy;

    assert_int_equal(lattice_copy(&copy, ring), RC_OK);
    *(plane ? &copy->element[element].vkick_rad : &copy->element[element].hkick_rad) = kick_rad;
    assert_int_equal(closed_orbit_solve(copy, &request, &orbit), RC_OK);
    assert_int_equal(closed_orbit_at_bpms(copy, orbit.start, position_m), RC_OK);
    lattice_destroy(copy);
}

static double rms(const double *value, uint32_t n)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < n; i++)
        sum += value[i] * value[i];
    return sqrt(sum / n);
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    uint32_t d = a > b ? a - b : b - a;

    return d < finder.n_magnet - d ? d : finder.n_magnet - d;
}

static void a_kick_is_named_within_one_magnet_at_ten_times_the_noise(void **state)
{
    const uint64_t seed = 20261121;
    uint32_t n_named = 0;
    struct random random;

    (void) state;
    random_seed(&random, seed);
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        uint32_t magnet = (uint32_t) (random_uniform(&random) * finder.n_magnet);
        int plane = random_uniform(&random) < 0.5;
        double position_m[2 * MOST_BPM], *d = position_m + (plane ? ring->n_bpm : 0), noise_m;
        struct culprit found;

        track_kick(finder.element[magnet], plane, position_m);
        noise_m = rms(d, ring->n_bpm) / 10.0;
        for (uint32_t i = 0; i < ring->n_bpm; i++)
            d[i] += noise_m * random_normal(&random);
        assert_int_equal(
            culprit_find(&finder, (unsigned) plane, &(struct culprit_orbit){.re = d}, &found),
            RC_OK);
        n_named += apart(found.magnet, magnet) <= 1;
        assert_true(found.goodness > 0.95 && found.second_goodness <= found.goodness);
    }
    printf("seed %lu: %u of %d named within one magnet\n", seed, n_named, TRIALS);
    assert_true(n_named >= TRIALS * 95 / 100);
}

static void amplitude_and_sign_are_those_of_the_kick(void **state)
{
    double position_m[2 * MOST_BPM];
    struct culprit found;

    (void) state;
    for (uint32_t m = 5; m < finder.n_magnet; m += 61) {
        track_kick(finder.element[m], 1, position_m);
        assert_int_equal(culprit_find(&finder, 1,
                                      &(struct culprit_orbit){.re = position_m + ring->n_bpm},
                                      &found),
                         RC_OK);
        assert_true(apart(found.magnet, m) <= 1);
        assert_close(found.kick_rad, kick_rad, 0.1, 0);
    }
}

static void a_line_of_any_phase_is_fitted_and_bad_bpms_do_not_count(void **state)
{
    double position_m[2 * MOST_BPM], re[MOST_BPM], im[MOST_BPM];
    bool good[MOST_BPM];
    struct culprit found;
    uint32_t m = finder.n_magnet / 3;

    (void) state;
    track_kick(finder.element[m], 0, position_m);
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        good[i] = i % 9 != 4;
        re[i] = good[i] ? cos(2.1) * position_m[i] : 1.0;
        im[i] = good[i] ? sin(2.1) * position_m[i] : -1.0;
    }
    assert_int_equal(culprit_find(&finder, 0, &(struct culprit_orbit){re, im, good}, &found),
                     RC_OK);
    assert_true(apart(found.magnet, m) <= 1);
    assert_close(found.kick_rad, kick_rad, 0.1, 0);
    memset(good, 0, sizeof good);
    assert_int_equal(culprit_find(&finder, 0, &(struct culprit_orbit){re, im, good}, &found),
                     RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kick_is_named_within_one_magnet_at_ten_times_the_noise),
        cmocka_unit_test(amplitude_and_sign_are_those_of_the_kick),
        cmocka_unit_test(a_line_of_any_phase_is_fitted_and_bad_bpms_do_not_count),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
