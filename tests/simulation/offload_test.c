/* Slow and fast correctors: the fast ones are free again soon, and the orbit does not notice.
 */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/inverse.h"
#include "tests/support/loop_rig.h"

static const struct orbit_dims dims = {.n_bpm = 16, .n_h = 14, .n_v = 3, .n_rf = 0};
enum { N_BPM = 16, N_COL = 17, N_ROW = 32, N_FAST = 6, N_H = 14, N_SLOW = 8 };
static const int64_t period_ns = 100000; /* 10 kHz */
static const double fast_range_rad = 100e-6;

/* Columns 0..5 are fast, 6..13 slow. An orbit that the fast ones make is one that slow ones can
 * make: each fast column is a mixture of slow ones. */
static void shape_response(struct loop_rig *rig)
{
    for (unsigned row = 0; row < N_BPM; row++)
        for (unsigned fast = 0; fast < N_FAST; fast++) {
            double sum = 0.0;

            for (unsigned slow = 0; slow < N_SLOW; slow++)
                sum += cos(1.3 * fast * slow + 0.7 * fast + slow * slow) *
                       rig->vm.r[row * N_COL + N_FAST + slow];
            rig->vm.r[row * N_COL + fast] = 0.4 * sum;
        }
    memcpy(rig->r_model, rig->vm.r, sizeof rig->r_model);
}

/* K of the columns with weight 1, whole block x-H, into k [N_H][N_BPM]. */
static void invert(const struct loop_rig *rig, bool fast, double *k)
{
    double weight[N_H];
    struct inverse_block block = {.matrix = rig->r_model,
                                  .stride = N_COL,
                                  .n_row = N_BPM,
                                  .n_col = N_H,
                                  .col_weight = weight};

    for (unsigned j = 0; j < N_H; j++)
        weight[j] = (j < N_FAST) == fast ? 1.0 : 0.0;
    assert_int_equal(inverse_tikhonov(&block, 0.01, k, NULL), RC_OK);
}

static void make_matrices(struct loop_rig *rig)
{
    double k[2][N_H * N_BPM];

    invert(rig, false, k[0]);
    invert(rig, true, k[1]);
    for (unsigned to = 0; to < N_H; to++)
        for (unsigned from = 0; from < N_H; from++) {
            bool to_fast = to < N_FAST, from_fast = from < N_FAST;
            double sum = 0.0;

            for (unsigned row = 0; row < N_BPM; row++)
                sum += k[to_fast][to * N_BPM + row] * rig->r_model[row * N_COL + from];
            rig->offload[to * N_COL + from] = to_fast == from_fast ? 0.0 : sum;
        }
    /* rig_publish makes K of all; the law's is that of the fast ones, and of V as it is. */
    memcpy(rig->law_k, rig->k, N_COL * N_ROW * sizeof *rig->law_k);
    for (unsigned j = 0; j < N_H; j++)
        memcpy(rig->law_k + j * N_ROW, k[1] + j * N_BPM, N_BPM * sizeof(double));
}

static struct tuning tuning_of(enum law_kind kind)
{
    struct tuning tuning = rig_tuning();

    tuning.every = 1;
    tuning.law.kind = kind;
    tuning.law.ki = 0.06;
    tuning.law.bandwidth_hz = 100.0;
    tuning.law.lead_max = 20.0;
    tuning.law.period_s = 1e-9 * (double) period_ns;
    tuning.law.delay_s = 640e-6;
    tuning.actuator_pole_hz = 20.0; /* of slow ones */
    tuning.response_delay_ns = 20000000;
    tuning.fast_delay_ns = 640000;
    return tuning;
}

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);
    struct tuning tuning = tuning_of(LAW_PI);

    rig_create(rig, &dims, period_ns, 0.01);
    shape_response(rig);
    rig->vm.frame_period_ns = period_ns;
    rig->vm.tick_ns = 20000;
    rig->vm.direct = true;
    rig->fast_pole_hz = 500.0;
    for (unsigned col = 0; col < N_COL; col++) {
        bool fast = col < N_FAST;

        rig->fast[col] = fast;
        rig->vm.delay_ns[col] = fast ? 640000 : 20000000;
        rig->vm.col_pole_hz[col] = fast ? 500.0 : 20.0;
    }
    rig->limit_rad = fast_range_rad;
    rig_publish(rig, &tuning, 0.01); /* fills rig->k */
    rig->offload = calloc(N_COL * N_COL, sizeof *rig->offload);
    rig->law_k = calloc(N_COL * N_ROW, sizeof *rig->law_k);
    make_matrices(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct loop_rig *rig = *state;

    free(rig->offload);
    free(rig->law_k);
    rig_destroy(rig);
    free(rig);
    return 0;
}

static void close_loop(struct loop_rig *rig, const struct tuning *tuning)
{
    rig_publish(rig, tuning, 0.01);
    rig_step(rig, 3000);
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    while (rig_head(rig)->unmet)
        rig_step(rig, 1);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
}

static double largest_fast(const struct loop_rig *rig)
{
    double largest = 0.0;

    for (unsigned col = 0; col < N_FAST; col++)
        largest = fmax(largest, fabs(rig->vm.u_set[col]));
    return largest;
}

static double rms_x(const struct loop_rig *rig)
{
    return vm_rms_m(&rig->vm, 0);
}

static double disturbance_rms(const struct loop_rig *rig)
{
    double sum = 0.0;

    for (unsigned row = 0; row < N_BPM; row++)
        sum += rig->vm.orbit0_m[row] * rig->vm.orbit0_m[row];
    return sqrt(sum / N_BPM);
}

/* A step of the orbit as of a 50 urad kick; `settle` steps for the fast loop alone. */
static void hand_over(struct loop_rig *rig, const struct tuning *tuning)
{
    const unsigned settle = 900; /* 90 ms: before the first slow step has arrived */
    double undisturbed_m, transient_m = 0.0;

    memset(rig->vm.orbit0_m, 0, sizeof rig->vm.orbit0_m);
    close_loop(rig, tuning);
    for (unsigned row = 0; row < N_BPM; row++)
        rig->vm.orbit0_m[row] = -50e-6 * rig->vm.r[row * N_COL + 2];
    undisturbed_m = disturbance_rms(rig);
    rig_step(rig, settle);
    assert_close(largest_fast(rig), 50e-6, 0.5, 0.0);
    for (unsigned k = 0; k < 100000 - settle; k++) {
        rig_step(rig, 1);
        transient_m = k > 200 ? fmax(transient_m, rms_x(rig)) : 0.0;
    }
    assert_int_equal(rig->status->state, STATE_CLOSED);
    if (!(largest_fast(rig) < 0.02 * fast_range_rad))
        fail_msg("fast correctors hold %g urad after 10 s", 1e6 * largest_fast(rig));
    if (!(transient_m < 0.05 * undisturbed_m))
        fail_msg("transient of %.2f %%", 100.0 * transient_m / undisturbed_m);
    print_message("fast: %.3f urad after 10 s, transient %.2f %%\n", 1e6 * largest_fast(rig),
                  100.0 * transient_m / undisturbed_m);
    assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
}

static void slow_correctors_take_over_what_fast_ones_hold_under_pi(void **state)
{
    struct tuning tuning = tuning_of(LAW_PI);

    hand_over(*state, &tuning);
}

static void slow_correctors_take_over_what_fast_ones_hold_under_imc(void **state)
{
    struct tuning tuning = tuning_of(LAW_IMC);

    hand_over(*state, &tuning);
}

static void without_offloading_fast_correctors_keep_it(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = tuning_of(LAW_PI);

    tuning.offload.gain = 0.0;
    close_loop(rig, &tuning);
    for (unsigned row = 0; row < N_BPM; row++)
        rig->vm.orbit0_m[row] = -50e-6 * rig->vm.r[row * N_COL + 2];
    rig_step(rig, 20000);
    assert_close(largest_fast(rig), 50e-6, 0.5, 0.0);
    for (unsigned col = N_FAST; col < N_H; col++)
        assert_close(rig->vm.u_set[col], 0.0, 0.0, 1e-15);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(slow_correctors_take_over_what_fast_ones_hold_under_pi),
        CASE(slow_correctors_take_over_what_fast_ones_hold_under_imc),
        CASE(without_offloading_fast_correctors_keep_it),
    };

    return cmocka_run_group_tests_name("simulation/offload", tests, NULL, NULL);
}
