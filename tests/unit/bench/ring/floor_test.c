#include "tests/support/test.h"

#include "bench/ring/floor.h"
#include "tests/support/ring_file.h"

#include <stdlib.h>

static const struct reading_errors reading_errors = {
    .seed = 11, .offset_m = 100e-6, .gain = 0.03, .roll_rad = 5e-3, .bba_m = 1e-6};

struct site {
    struct machine *machine;
    struct readings *readings;
    uint32_t n_bpm, n_corrector;
};

static struct site open_site(const char *ring, uint64_t seed)
{
    struct lattice *design = ring_file_lattice(ring);
    struct machine_errors errors = {.seed = seed, .misalignment_m = 30e-6};
    struct site site = {.n_bpm = design->n_bpm};
    struct plant_bpm_channel *channel = calloc(site.n_bpm, sizeof *channel);
    double *reference = calloc(2 * (size_t) site.n_bpm, sizeof *reference);

    assert_int_equal(machine_create(&site.machine, design, &errors), RC_OK);
    readings_draw(&reading_errors, site.n_bpm, channel, reference);
    assert_int_equal(readings_create(&site.readings, channel, site.n_bpm, reference), RC_OK);
    site.n_corrector = machine_correctors(site.machine);
    lattice_destroy(design);
    free(channel);
    free(reference);
    return site;
}

static void close_site(struct site *site)
{
    machine_destroy(site->machine);
    readings_destroy(site->readings);
}

/* The acceptance figures of BESSY II: 1.5/1.0 mm before, 6.8/9.6 um after, kicks up to 90 urad;
 * a seed is one draw of a distribution. */
static void bessy2_comes_from_millimetres_down_to_micrometres(void **state)
{
    struct site site = open_site("bessy2", 11);
    struct floor_result floor;

    (void) state;
    assert_int_equal(floor_find(site.machine, site.readings, &floor, NULL), RC_OK);
    assert_close(floor.before_m[0], 1.5e-3, 0.2, 0);
    assert_close(floor.before_m[1], 1.0e-3, 0.2, 0);
    assert_close(floor.after_m[0], 6.8e-6, 0.15, 0);
    assert_close(floor.after_m[1], 9.6e-6, 0.15, 0);
    assert_true(floor.kick_max_rad > 50e-6 && floor.kick_max_rad < 150e-6);
    close_site(&site);
}

static double error_of(struct site *site, const double *kick_rad)
{
    double *position = calloc(4 * (size_t) site->n_bpm, sizeof *position);
    double *error = position + 2 * site->n_bpm, rms[2];

    assert_int_equal(machine_solve(site->machine, kick_rad, 0, position), RC_OK);
    readings_error(site->readings, position, error);
    readings_rms(error, site->n_bpm, rms);
    free(position);
    return hypot(rms[0], rms[1]);
}

static void no_corrector_can_be_moved_to_a_smaller_error(void **state)
{
    struct site site = open_site("bessy2", 11);
    struct floor_result floor;
    double *kick = calloc(site.n_corrector, sizeof *kick), least;

    (void) state;
    assert_int_equal(floor_find(site.machine, site.readings, &floor, kick), RC_OK);
    least = error_of(&site, kick);
    assert_close(least, hypot(floor.after_m[0], floor.after_m[1]), 1e-6, 0);
    for (uint32_t c = 0; c < site.n_corrector; c += 5) {
        for (int sign = -1; sign <= 1; sign += 2) {
            double kept = kick[c];

            kick[c] += sign * 1e-6;
            assert_true(error_of(&site, kick) > least);
            kick[c] = kept;
        }
    }
    free(kick);
    close_site(&site);
}

static void as_many_correctors_as_bpms_reach_zero(void **state)
{
    struct site site = open_site("fodo", 3);
    struct floor_result floor;

    (void) state;
    assert_int_equal(floor_find(site.machine, site.readings, &floor, NULL), RC_OK);
    assert_true(floor.before_m[0] > 10e-6);
    assert_close(floor.after_m[0], 0, 0, 1e-9);
    assert_close(floor.after_m[1], 0, 0, 1e-9);
    close_site(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bessy2_comes_from_millimetres_down_to_micrometres),
        cmocka_unit_test(no_corrector_can_be_moved_to_a_smaller_error),
        cmocka_unit_test(as_many_correctors_as_bpms_reach_zero)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
