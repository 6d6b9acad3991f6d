/* The innovation in the real loop on a machine in virtual time: BPMs that lie are found and
 * replaced, what the beam does is never held against them. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/loop_rig.h"

static const struct orbit_dims ring = {.n_bpm = 60, .n_h = 16, .n_v = 20, .n_rf = 1};
enum { PERIOD_NS = 1000000, SECOND = 1000 };
static const double noise_m = 1e-6;

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create(rig, &ring, PERIOD_NS, 0.1);
    rig->vm.noise_m = noise_m;
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    free(*state);
    return 0;
}

static void take_baseline(struct loop_rig *rig)
{
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_BASELINE, NULL), ANSWER_DONE);
    rig_step(rig, SECOND);
    assert_int_equal(rig_head(rig)->baseline, BASELINE_TAKEN);
}

static void close_loop(struct loop_rig *rig)
{
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

static uint64_t quality_of(const struct loop_rig *rig, uint64_t row)
{
    return rig_bits(rig, VEC_ROW_QUALITY)[row];
}

static uint64_t count_masked(const struct loop_rig *rig)
{
    uint64_t n = 0;

    for (uint64_t row = 0; row < dims_n_row(&ring); row++)
        n += (quality_of(rig, row) & QUALITY_MISFIT) != 0;
    assert_int_equal(rig_head(rig)->n_misfit, n);
    return n;
}

/* The orbit of a kick that no corrector of the loop made. */
static void kick_beam(struct loop_rig *rig, uint64_t col, double kick)
{
    for (uint64_t row = 0; row < dims_n_row(&ring); row++)
        rig->vm.orbit0_m[row] += rig->vm.r[row * dims_n_col(&ring) + col] * kick;
}

static void noise_alone_is_measured_and_masks_nothing(void **state)
{
    struct loop_rig *rig = *state;
    double chi2 = 0.0;

    take_baseline(rig);
    for (int i = 0; i < 20 * SECOND; i++) {
        rig_step(rig, 1);
        chi2 += rig_head(rig)->chi2_x / (20.0 * SECOND);
        assert_int_equal(rig_head(rig)->n_misfit, 0);
    }
    assert_close(rig_head(rig)->noise_x_m, noise_m, 0.15, 0);
    assert_close(rig_head(rig)->noise_y_m, noise_m, 0.15, 0);
    assert_close(chi2, 1.0, 0.3, 0);
    assert_true(rig_head(rig)->left_x_m < 1.2 * noise_m);
}

static void a_step_of_one_bpm_masks_that_bpm_and_no_other(void **state)
{
    struct loop_rig *rig = *state;
    double before_m;

    close_loop(rig);
    rig_step(rig, SECOND);
    before_m = vm_rms_m(&rig->vm, 0);
    rig->vm.row_offset_m[7] = 60e-6;
    rig_step(rig, 30);
    assert_true(quality_of(rig, 7) & QUALITY_MISFIT);
    assert_int_equal(count_masked(rig), 1);
    rig_step(rig, 2 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_int_equal(count_masked(rig), 1);
    assert_true(vm_rms_m(&rig->vm, 0) < before_m + 0.5 * noise_m); /* nobody followed it */
    assert_true(fabs(rig_vector(rig, VEC_Z)[7]) > 8.0);
    assert_true(fabs(rig_vector(rig, VEC_Y)[7]) < 10.0 * noise_m); /* replaced */
    rig->vm.row_offset_m[7] = 0.0;
    rig_step(rig, 500);
    assert_int_equal(count_masked(rig), 1); /* not yet trusted */
    rig_step(rig, SECOND);
    assert_int_equal(count_masked(rig), 0);
}

static void a_jump_shorter_than_the_count_masks_nothing(void **state)
{
    struct loop_rig *rig = *state;

    take_baseline(rig);
    rig->vm.row_offset_m[70] = 1e-3;
    rig_step(rig, 15);
    rig->vm.row_offset_m[70] = 0.0;
    for (int i = 0; i < 100; i++) {
        rig_step(rig, 1);
        assert_int_equal(rig_head(rig)->n_misfit, 0);
    }
}

static void what_the_beam_does_is_never_held_against_a_bpm(void **state)
{
    struct loop_rig *rig = *state;

    take_baseline(rig);
    for (uint64_t col = 0; col < dims_n_col(&ring) - 1; col += 3) {
        kick_beam(rig, col, 30e-6);
        for (int i = 0; i < 100; i++) {
            rig_step(rig, 1);
            assert_int_equal(rig_head(rig)->n_misfit, 0);
        }
    }
    assert_true(rig_head(rig)->beam_x_m > 100e-6);
    assert_true(rig_head(rig)->left_x_m < 1.2 * noise_m);
    for (uint64_t row = 0; row < ring.n_bpm; row++)
        assert_close(rig_vector(rig, VEC_DIST)[row], rig->vm.orbit0_m[row], 0, 4.0 * noise_m);
}

/* The loop's own kicks are in the measurement and in u_eff: the innovation does not see them.
 */
static void the_loops_own_kicks_are_no_disturbance(void **state)
{
    struct loop_rig *rig = *state;

    kick_beam(rig, 3, 50e-6);
    kick_beam(rig, 20, 50e-6);
    close_loop(rig);
    rig_step(rig, 5 * SECOND);
    assert_true(vm_rms_m(&rig->vm, 0) < 2e-6);
    assert_true(rig_head(rig)->beam_x_m < 2e-6);
    assert_int_equal(count_masked(rig), 0);
    kick_beam(rig, 5, 20e-6); /* corrected by now, but still what the beam does */
    rig_step(rig, 5 * SECOND);
    assert_true(vm_rms_m(&rig->vm, 0) < 2e-6);
    assert_true(rig_head(rig)->beam_x_m > 50e-6);
}

static void a_bpm_that_becomes_noisy_is_found(void **state)
{
    struct loop_rig *rig = *state;
    bool masked = false;

    take_baseline(rig);
    for (int i = 0; i < 5 * SECOND; i++) { /* beyond the limit nearly always */
        rig->vm.row_offset_m[90] = (i & 1 ? 1.0 : -1.0) * (100e-6 + 1e-6 * (i % 90));
        rig_step(rig, 1);
        masked |= (quality_of(rig, 90) & QUALITY_MISFIT) != 0;
        assert_int_equal(count_masked(rig), quality_of(rig, 90) & QUALITY_MISFIT ? 1 : 0);
    }
    assert_true(masked);
}

static void eight_bpms_of_a_plane_are_found_and_a_ninth_is_hold(void **state)
{
    static const uint64_t lying[] = {2, 9, 17, 23, 31, 40, 48, 55};
    struct loop_rig *rig = *state;

    close_loop(rig);
    for (unsigned i = 0; i < 8; i++) {
        rig->vm.row_offset_m[lying[i]] = (i & 1 ? 1.0 : -1.0) * (80e-6 + 30e-6 * i);
        rig_step(rig, 50);
    }
    rig_step(rig, 2 * SECOND);
    for (unsigned i = 0; i < 8; i++)
        assert_true(quality_of(rig, lying[i]) & QUALITY_MISFIT);
    assert_int_equal(count_masked(rig), 8);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_true(vm_rms_m(&rig->vm, 0) < 3.0 * noise_m);
    rig->vm.row_offset_m[14] = 500e-6;
    rig_step(rig, 100);
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->status->cause & 1ULL << COND_BPMS);
    assert_int_equal(rig->status->offender, 14);
}

static void invalid_bpms_have_no_part_in_it(void **state)
{
    struct loop_rig *rig = *state;

    take_baseline(rig);
    for (uint64_t row = 0; row < 5; row++) {
        rig->vm.row_quality[row * 11] = QUALITY_INVALID;
        rig->vm.row_offset_m[row * 11] = 5e-3;
    }
    kick_beam(rig, 2, 100e-6);
    rig_step(rig, SECOND);
    assert_int_equal(rig_head(rig)->n_misfit, 0);
    for (uint64_t row = 0; row < ring.n_bpm; row++)
        assert_close(rig_vector(rig, VEC_DIST)[row], rig->vm.orbit0_m[row], 0, 4.0 * noise_m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(noise_alone_is_measured_and_masks_nothing),
        TEST(a_step_of_one_bpm_masks_that_bpm_and_no_other),
        TEST(a_jump_shorter_than_the_count_masks_nothing),
        TEST(what_the_beam_does_is_never_held_against_a_bpm),
        TEST(the_loops_own_kicks_are_no_disturbance),
        TEST(a_bpm_that_becomes_noisy_is_found),
        TEST(eight_bpms_of_a_plane_are_found_and_a_ninth_is_hold),
        TEST(invalid_bpms_have_no_part_in_it),
    };
#undef TEST

    return cmocka_run_group_tests_name("simulation/innovation", tests, NULL, NULL);
}
