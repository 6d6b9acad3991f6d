/* The control laws in the real loop, on a machine in virtual time: nothing jumps when a law, a
 * matrix or a reference changes, limits are kept, injections and large orbits are survived, and
 * the energy has its own channel. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/inverse.h"
#include "tests/support/loop_rig.h"

static const struct orbit_dims small = {.n_bpm = 24, .n_h = 10, .n_v = 12, .n_rf = 1};
enum { PERIOD_NS = 1000000, SECOND = 1000, N_KICK = 22, RF = 22, N_COL = 23 };
static const double mu = 0.1;
static const double dac_step_rad = 2e-3 / 65536; /* 16 bits over +-1 mrad */

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create(rig, &small, PERIOD_NS, mu);
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        rig->vm.orbit0_m[row] = 1e-3 * sin(1.0 + 2.3 * (double) row);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    free(*state);
    return 0;
}

/* 100 steps a second; the gateway writes every 10 ms, the magnets have 100 Hz. */
static struct tuning fast_tuning(enum law_kind kind)
{
    struct tuning tuning = rig_tuning();

    tuning.every = 10;
    tuning.law.kind = kind;
    tuning.law.kp = kind == LAW_PI ? 0.1 : 0.0;
    tuning.law.ki = 0.1;
    tuning.law.bandwidth_hz = 2.0;
    tuning.law.lead_max = 20.0;
    tuning.law.period_s = 0.01;
    tuning.law.delay_s = 0.02;
    return tuning;
}

static void close_loop(struct loop_rig *rig)
{
    uint64_t unmet;

    rig_step(rig, 200);
    assert_int_equal(rig_request(rig, REQUEST_ARM, &unmet), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, &unmet), ANSWER_DONE);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

static void settle(struct loop_rig *rig, const struct tuning *tuning)
{
    rig_publish(rig, tuning, mu);
    close_loop(rig);
    rig_step(rig, 12 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

/* Largest change of a set point between two cycles during n cycles, kicks only. */
static double largest_move(struct loop_rig *rig, unsigned n)
{
    double before[N_COL], largest = 0.0;

    while (n-- > 0) {
        memcpy(before, rig->vm.block_value, sizeof before);
        rig_step(rig, 1);
        for (unsigned col = 0; col < N_KICK; col++)
            largest = fmax(largest, fabs(rig->vm.block_value[col] - before[col]));
    }
    return largest;
}

static const enum law_kind kinds[] = {LAW_PI, LAW_IMC};

static void both_laws_settle_where_least_squares_does(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);

        settle(rig, &tuning);
        assert_true(vm_rms_m(&rig->vm, 0) < 1.001 * rig_head(rig)->uncorrectable_x_m);
        assert_true(vm_rms_m(&rig->vm, 1) < 1.001 * rig_head(rig)->uncorrectable_y_m);
        for (unsigned col = 0; col < N_KICK; col++)
            rig->vm.u_set[col] = 0.0;
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
        rig_step(rig, SECOND);
    }
}

/* Every element a thousandth off, at random. */
static void spoil_model(struct loop_rig *rig, double relative)
{
    uint64_t random = 5;

    for (uint64_t i = 0; i < dims_n_row(&small) * N_COL; i++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        rig->r_model[i] *= 1.0 + relative * 3.46 * ((double) (random >> 11) / 0x1p53 - 0.5);
    }
}

static void a_matrix_a_thousandth_off_moves_no_set_point_by_a_dac_step(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);

        /* What is left is as on a real ring: 10 um, not the half of all that was there. */
        for (uint64_t row = 0; row < dims_n_row(&small); row++)
            rig->vm.orbit0_m[row] = 15e-6 * sin(1.0 + 2.3 * (double) row);
        settle(rig, &tuning);
        spoil_model(rig, 1e-3);
        rig_publish(rig, &tuning, mu);
        assert_true(largest_move(rig, 2 * SECOND) < dac_step_rad);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
    }
}

static void opening_and_closing_moves_no_set_point_by_a_dac_step(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);
        double before[N_COL];

        settle(rig, &tuning);
        memcpy(before, rig->vm.u_set, sizeof before);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
        rig_step(rig, SECOND);
        close_loop(rig);
        for (unsigned col = 0; col < N_KICK; col++)
            assert_close(rig->vm.block_value[col], before[col], 0.0, dac_step_rad);
        assert_true(largest_move(rig, SECOND) < dac_step_rad);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
    }
}

static void changing_law_and_gains_while_closed_moves_nothing(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);

    settle(rig, &tuning);
    tuning = fast_tuning(LAW_IMC);
    rig_publish(rig, &tuning, mu);
    assert_true(largest_move(rig, SECOND) < dac_step_rad);
    tuning = fast_tuning(LAW_PI);
    tuning.law.kp = 0.3;
    tuning.law.ki = 0.3;
    rig_publish(rig, &tuning, mu);
    assert_true(largest_move(rig, SECOND) < dac_step_rad);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

/* rms that is left in x with one corrector held at `value` and the others free. */
static double best_rms_with(const struct loop_rig *rig, unsigned held, double value)
{
    double weight[10], k[10 * 24], u[N_COL] = {0}, sum = 0.0;
    struct inverse_block block = {
        .matrix = rig->vm.r, .stride = N_COL, .n_row = 24, .n_col = 10, .col_weight = weight};

    for (unsigned j = 0; j < 10; j++)
        weight[j] = j == held ? 0.0 : 1.0;
    assert_int_equal(inverse_tikhonov(&block, 0.0, k, NULL), RC_OK);
    u[held] = value;
    for (unsigned j = 0; j < 10; j++)
        for (unsigned i = 0; i < 24 && j != held; i++)
            u[j] -= k[j * 24 + i] * (rig->vm.orbit0_m[i] + rig->vm.r[i * N_COL + held] * value);
    for (unsigned i = 0; i < 24; i++) {
        double y = rig->vm.orbit0_m[i];

        for (unsigned j = 0; j < 10; j++)
            y += rig->vm.r[i * N_COL + j] * u[j];
        sum += y * y;
    }
    return sqrt(sum / 24);
}

static unsigned largest_h(const struct loop_rig *rig)
{
    unsigned largest = 0;

    for (unsigned col = 1; col < 10; col++)
        if (fabs(rig->vm.u_set[col]) > fabs(rig->vm.u_set[largest]))
            largest = col;
    return largest;
}

/* The newest note on a column's limit: its first argument; 2: there is none. */
static uint64_t noted_limit(struct loop_rig *rig, uint64_t col)
{
    struct event_record event;
    uint64_t found = 2;

    while (rig_next_event(rig, &event))
        if (event.kind == EVENT_LIMIT && event.arg[3] == col)
            found = event.arg[0];
    return found;
}

static void a_corrector_at_its_rail_is_made_up_for_by_the_rest(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);
        double free_rms_m, held_rms_m, sign;
        unsigned held;

        rig->limit_rad = 1e-3;
        for (uint64_t row = 0; row < dims_n_row(&small); row++)
            rig->vm.orbit0_m[row] =
                1e-4 * sin(1.0 + 2.3 * (double) row) - 2e-4 * rig->vm.r[row * N_COL + 3];
        settle(rig, &tuning);
        held = largest_h(rig);
        sign = rig->vm.u_set[held] > 0.0 ? 1.0 : -1.0;
        free_rms_m = vm_rms_m(&rig->vm, 0);
        rig->limit_rad = 0.85 * fabs(rig->vm.u_set[held]);
        for (unsigned col = 0; col < 10; col++)
            if (col != held)
                assert_true(fabs(rig->vm.u_set[col]) < 0.8 * rig->limit_rad);
        held_rms_m = best_rms_with(rig, held, sign * rig->limit_rad);
        assert_true(held_rms_m > 1.0005 * free_rms_m);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
        for (unsigned col = 0; col < N_KICK; col++)
            rig->vm.u_set[col] = 0.0;
        settle(rig, &tuning);
        assert_close(rig->vm.u_set[held], sign * rig->limit_rad, 1e-12, 0.0);
        assert_close(vm_rms_m(&rig->vm, 0), held_rms_m, 1e-4, 0.0);
        assert_true(rig_bits(rig, VEC_COL_QUALITY)[held] & QUALITY_SATURATED);
        assert_int_equal(rig_head(rig)->n_saturated, 1);
        assert_int_equal(noted_limit(rig, held), 1);
        /* Half the disturbance: it is wanted inside again, and comes back by itself. */
        for (uint64_t row = 0; row < dims_n_row(&small); row++)
            rig->vm.orbit0_m[row] *= 0.5;
        rig_step(rig, 12 * SECOND);
        assert_int_equal(rig->status->state, STATE_CLOSED);
        assert_int_equal(rig_head(rig)->n_saturated, 0);
        assert_int_equal(noted_limit(rig, held), 0);
        assert_close(vm_rms_m(&rig->vm, 0), 0.5 * free_rms_m, 1e-3, 0.0);
        for (uint64_t row = 0; row < dims_n_row(&small); row++)
            rig->vm.orbit0_m[row] *= 2.0;
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
        for (unsigned col = 0; col < N_KICK; col++)
            rig->vm.u_set[col] = 0.0;
    }
}

static void steps_are_scaled_as_one_vector(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);
    double wanted[N_COL], scale = 0.0;

    tuning.law.kp = 0.0;
    tuning.law.step_limit = 1e-6;
    rig_publish(rig, &tuning, mu);
    close_loop(rig);
    memcpy(wanted, rig_vector(rig, VEC_FULL), sizeof wanted);
    rig_step(rig, 12);
    for (unsigned col = 0; col < 10; col++)
        scale = fmax(scale, fabs(wanted[col]));
    for (unsigned col = 0; col < 10; col++)
        assert_close(rig_vector(rig, VEC_STEP)[col], 1e-6 * wanted[col] / scale, 0.05, 1e-8);
}

static void a_rate_limit_holds_at_any_step_rate(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_IMC);

    tuning.law.rate_limit = 50e-6;
    rig_publish(rig, &tuning, mu);
    close_loop(rig);
    assert_true(largest_move(rig, SECOND) < 1.001 * 50e-6 * tuning.law.period_s);
}

static void an_inhibit_freezes_the_law_and_does_not_count(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);
        double rms_m;

        tuning.inhibit_tail_ns = 20000000;
        settle(rig, &tuning);
        rms_m = rig_head(rig)->rms_x_m;
        rig->vm.inhibit = true;
        rig->vm.orbit0_m[3] += 0.015; /* beyond the trip limit */
        rig_step(rig, 5);
        assert_true(rig_head(rig)->law_flags & LAW_FLAG_INHIBITED);
        assert_true(largest_move(rig, 100) < 1e-15);
        assert_close(rig_head(rig)->rms_x_m, rms_m, 1e-6, 0.0);
        rig->vm.orbit0_m[3] -= 0.015;
        rig->vm.inhibit = false;
        assert_true(largest_move(rig, SECOND) < dac_step_rad);
        assert_false(rig_head(rig)->law_flags & LAW_FLAG_INHIBITED);
        assert_int_equal(rig->status->state, STATE_CLOSED);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
    }
}

static void an_inhibit_that_stays_is_hold(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);

    settle(rig, &tuning);
    rig->vm.inhibit = true;
    rig_step(rig, 4 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    rig_step(rig, 2 * SECOND);
    assert_int_equal(rig->status->state, STATE_HOLD);
    assert_true(rig->status->cause & 1ULL << COND_INHIBIT);
}

static void a_large_orbit_is_captured_and_then_trips_as_ever(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);

    tuning.trip_orbit_m = 0.9e-3;
    tuning.law.step_limit = 10e-6;
    rig_publish(rig, &tuning, mu);
    /* All of it can be corrected. */
    for (uint64_t row = 0; row < dims_n_row(&small); row++) {
        rig->vm.orbit0_m[row] = 0.0;
        for (unsigned col = 0; col < N_KICK; col++)
            rig->vm.orbit0_m[row] += 5e-5 * cos(0.7 * col) * rig->vm.r[row * N_COL + col];
    }
    rig_step(rig, 300);
    assert_true(rig_head(rig)->unmet & 1ULL << COND_ORBIT);
    tuning.capture = (struct capture){
        .orbit_m = 0.5e-3, .gain = 0.3, .step_scale = 5.0, .trip_orbit_m = 5e-3};
    rig_publish(rig, &tuning, mu);
    rig_step(rig, 10);
    assert_false(rig_head(rig)->unmet & 1ULL << COND_ORBIT);
    close_loop(rig);
    rig_step(rig, 12);
    assert_true(rig_head(rig)->law_flags & LAW_FLAG_CAPTURING);
    assert_close(rig_head(rig)->gain_per_step, 0.3 * 0.1, 1e-9, 0.0);
    assert_close(rig_head(rig)->gain_per_s, 0.3 * 0.1 * 100.0, 1e-3, 0.0);
    rig_step(rig, 10 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    assert_false(rig_head(rig)->law_flags & LAW_FLAG_CAPTURING);
    rig->vm.orbit0_m[7] += 2e-3;
    rig_step(rig, 50);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
}

static void a_new_reference_is_approached_not_jumped_to(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_IMC);
    struct params *params;
    double step_m = 0.0;

    tuning.slew_m_per_s = 200e-6;
    settle(rig, &tuning);
    params = params_begin(rig->params);
    assert_non_null(params);
    /* A bump that the correctors can make. */
    for (unsigned row = 0; row < 24; row++) {
        params->reference_m[row] = 10e-6 * rig->vm.r[row * N_COL + 4];
        step_m = fmax(step_m, fabs(params->reference_m[row]));
    }
    params_publish(rig->params, params);
    rig_step(rig, 10);
    assert_true(rig_head(rig)->law_flags & LAW_FLAG_SLEWING);
    /* 200 um/s against a response of 5 m/rad and more: no faster than 40 urad/s, in steps. */
    assert_true(largest_move(rig, 2 * SECOND) < 1e-6);
    assert_true(step_m / tuning.slew_m_per_s < 2.0);
    assert_false(rig_head(rig)->law_flags & LAW_FLAG_SLEWING);
    rig_step(rig, 5 * SECOND);
    assert_close(rig_head(rig)->rms_x_m, rig_head(rig)->uncorrectable_x_m, 1e-3, 0.0);
}

/* A dispersion orbit as of an RF that is 45 Hz too high. */
static void detune(struct loop_rig *rig, double hz)
{
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        rig->vm.orbit0_m[row] = hz * rig->vm.r[row * N_COL + RF];
}

static void energy_is_told_when_nobody_drives_the_rf(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);

    detune(rig, 45.0);
    rig_publish(rig, &tuning, mu);
    rig_step(rig, 3 * SECOND);
    assert_close(rig_head(rig)->rf_suggest_hz, -45.0, 1e-3, 0.0);
    assert_close(rig_head(rig)->delta, -45.0 / (1e-3 * 5e8), 1e-3, 0.0);
    close_loop(rig);
    rig_step(rig, SECOND);
    assert_true(isnan(rig->vm.block_value[RF]));
}

static void the_rf_takes_the_energy_and_correctors_leave_it_alone(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);
    double before_hz = 0.0;
    int64_t moved_ns;

    detune(rig, 45.0);
    tuning.energy.drive = true;
    rig_publish(rig, &tuning, mu);
    close_loop(rig);
    moved_ns = rig->vm.now_ns;
    for (unsigned k = 0; k < 12 * SECOND; k++) {
        rig_step(rig, 1);
        if (fabs(rig->vm.block_value[RF] - before_hz) < 1e-12)
            continue;
        assert_true(fabs(rig->vm.block_value[RF] - before_hz) < 10.0 + 1e-9);
        assert_true(k < SECOND || rig->vm.now_ns - moved_ns > 990000000);
        before_hz = rig->vm.block_value[RF];
        moved_ns = rig->vm.now_ns;
    }
    assert_close(before_hz, -45.0, 0.0, 1.1);
    for (unsigned col = 0; col < N_KICK; col++)
        assert_true(fabs(rig->vm.u_set[col]) < 1e-8);
    assert_true(rig_head(rig)->law_flags & LAW_FLAG_RF);
}

static void the_rf_holds_at_the_edge_of_its_window(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);

    detune(rig, 45.0);
    tuning.energy.drive = true;
    tuning.energy.window_hz = 25.0;
    rig_publish(rig, &tuning, mu);
    close_loop(rig);
    rig_step(rig, 12 * SECOND);
    assert_close(rig->vm.block_value[RF], -25.0, 0.0, 1e-9);
    assert_true(rig_head(rig)->law_flags & LAW_FLAG_RF_HOLD);
    assert_int_equal(rig->status->state, STATE_CLOSED);
    /* Off and on again: a new window about where it stands. */
    tuning.energy.drive = false;
    rig_publish(rig, &tuning, mu);
    rig_step(rig, 100);
    assert_true(isnan(rig->vm.block_value[RF]));
    tuning.energy.drive = true;
    rig_publish(rig, &tuning, mu);
    rig_step(rig, 8 * SECOND);
    assert_close(rig->vm.block_value[RF], -45.0, 0.0, 1.1);
}

/* Steps: mu only slows. Kicks: the orbit keeps what mu says is not worth its kicks. */
static void regularised_kicks_are_those_of_tikhonov(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);
    const double strong_mu = 5.0;
    double k[10 * 24];
    struct inverse_block block = {
        .matrix = rig->vm.r, .stride = N_COL, .n_row = 24, .n_col = 10};

    tuning.pull_to_reference = true;
    tuning.response_delay_ns = 10000000;
    rig_publish(rig, &tuning, strong_mu);
    close_loop(rig);
    rig_step(rig, 20 * SECOND);
    assert_int_equal(inverse_tikhonov(&block, strong_mu, k, NULL), RC_OK);
    for (unsigned j = 0; j < 10; j++) {
        double want = 0.0;

        for (unsigned i = 0; i < 24; i++)
            want -= k[j * 24 + i] * rig->vm.orbit0_m[i];
        assert_close(rig->vm.u_set[j], want, 1e-4, 1e-10);
    }
}

static void a_leak_lets_go_of_what_no_bpm_asks_for(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);

        memset(rig->vm.orbit0_m, 0, sizeof rig->vm.orbit0_m);
        memset(rig->vm.u_set, 0, sizeof rig->vm.u_set);
        /* A column that no BPM sees. */
        for (uint64_t row = 0; row < dims_n_row(&small); row++)
            rig->vm.r[row * N_COL + 2] = rig->r_model[row * N_COL + 2] = 0.0;
        rig->vm.u_set[2] = rig->vm.u_actual[2] = 1e-4;
        /* Internal model control leaks through its filter, (1 - b) leak per step. */
        tuning.law.leak = kinds[i] == LAW_PI ? 2e-3 : 2e-2;
        settle(rig, &tuning);
        assert_true(fabs(rig->vm.u_set[2]) < 0.6e-4);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
    }
}

/* A gap from 10 to 20 mm does to the orbit what these kicks do, in proportion to 20 - gap. */
static const double gap_kick_rad = 20e-6;

static void set_gap(struct loop_rig *rig, double gap_mm)
{
    rig->vm.input[1] = gap_mm;
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        rig->vm.orbit0_m[row] = gap_kick_rad * (20.0 - gap_mm) / 10.0 *
                                (rig->vm.r[row * N_COL + 4] + rig->vm.r[row * N_COL + 15]);
}

/* One table of three points, in which columns 4 and 15 undo `share` of it; with_orbit: the
 * reference follows it instead. */
static void publish_table(struct loop_rig *rig, double share, bool with_orbit)
{
    struct params *params = params_begin(rig->params);
    uint64_t width = dims_n_row(&small) + N_COL;

    assert_non_null(params);
    params->ff = (struct ff_tables){.n_table = 1,
                                    .table = {{.input = 1,
                                               .n_point = 3,
                                               .has_kicks = !with_orbit,
                                               .has_orbit = with_orbit,
                                               .at = {10.0, 14.0, 20.0}}}};
    for (unsigned point = 0; point < 3; point++) {
        double *value = params->ff_value + point * width;
        double part = (20.0 - params->ff.table[0].at[point]) / 10.0 * gap_kick_rad;

        memset(value, 0, width * sizeof *value);
        if (!with_orbit)
            value[4] = value[15] = -share * part;
        for (uint64_t row = 0; with_orbit && row < dims_n_row(&small); row++)
            value[N_COL + row] =
                part * (rig->vm.r[row * N_COL + 4] + rig->vm.r[row * N_COL + 15]);
    }
    params_publish(rig->params, params);
}

/* Largest rms of the true orbit while the gap closes within 2 s. */
static double close_gap(struct loop_rig *rig)
{
    double largest_m = 0.0;

    for (unsigned k = 0; k <= 2000; k++) {
        set_gap(rig, 20.0 - 10.0 * k / 2000.0);
        rig_step(rig, 1);
        largest_m = fmax(largest_m, vm_rms_m(&rig->vm, 0));
    }
    assert_int_equal(rig->status->state, STATE_CLOSED);
    return largest_m;
}

static void feed_forward_keeps_the_orbit_while_a_gap_moves(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_IMC);
    double alone_m, fed_m;

    set_gap(rig, 20.0);
    settle(rig, &tuning);
    alone_m = close_gap(rig);
    set_gap(rig, 20.0);
    rig_step(rig, 5 * SECOND);
    publish_table(rig, 1.0, false);
    rig_step(rig, SECOND);
    fed_m = close_gap(rig);
    assert_true(fed_m < 0.2 * alone_m);
    assert_close(rig->vm.u_set[4], -gap_kick_rad, 0.05, 0.0);
    assert_true(fabs(rig_vector(rig, VEC_U_EFF)[4]) > 0.9 * gap_kick_rad);
}

static void new_tables_and_lost_inputs_move_nothing(void **state)
{
    struct loop_rig *rig = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct tuning tuning = fast_tuning(kinds[i]);

        set_gap(rig, 12.0);
        publish_table(rig, 1.0, false);
        settle(rig, &tuning);
        publish_table(rig, 0.3, false);
        assert_true(largest_move(rig, SECOND) < dac_step_rad);
        rig->vm.input[1] = NAN;
        assert_true(largest_move(rig, SECOND) < dac_step_rad);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
        rig_step(rig, 100);
        close_loop(rig);
        assert_true(largest_move(rig, SECOND) < dac_step_rad);
        assert_int_equal(rig_request(rig, REQUEST_SHADOW, NULL), ANSWER_DONE);
    }
}

static void a_known_foreign_bump_is_no_error(void **state)
{
    struct loop_rig *rig = *state;
    struct tuning tuning = fast_tuning(LAW_PI);

    set_gap(rig, 20.0);
    publish_table(rig, 0.0, true);
    settle(rig, &tuning);
    (void) close_gap(rig);
    rig_step(rig, SECOND);
    for (unsigned col = 0; col < N_KICK; col++)
        assert_true(fabs(rig->vm.u_set[col]) < 1e-9);
    assert_true(rig_head(rig)->rms_x_m < 1e-9);
    assert_true(vm_rms_m(&rig->vm, 0) > 1e-5);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(both_laws_settle_where_least_squares_does),
        CASE(a_matrix_a_thousandth_off_moves_no_set_point_by_a_dac_step),
        CASE(opening_and_closing_moves_no_set_point_by_a_dac_step),
        CASE(changing_law_and_gains_while_closed_moves_nothing),
        CASE(a_corrector_at_its_rail_is_made_up_for_by_the_rest),
        CASE(steps_are_scaled_as_one_vector),
        CASE(a_rate_limit_holds_at_any_step_rate),
        CASE(an_inhibit_freezes_the_law_and_does_not_count),
        CASE(an_inhibit_that_stays_is_hold),
        CASE(a_large_orbit_is_captured_and_then_trips_as_ever),
        CASE(a_new_reference_is_approached_not_jumped_to),
        CASE(energy_is_told_when_nobody_drives_the_rf),
        CASE(the_rf_takes_the_energy_and_correctors_leave_it_alone),
        CASE(the_rf_holds_at_the_edge_of_its_window),
        CASE(regularised_kicks_are_those_of_tikhonov),
        CASE(a_leak_lets_go_of_what_no_bpm_asks_for),
        CASE(feed_forward_keeps_the_orbit_while_a_gap_moves),
        CASE(new_tables_and_lost_inputs_move_nothing),
        CASE(a_known_foreign_bump_is_no_error),
    };

    return cmocka_run_group_tests_name("simulation/law", tests, NULL, NULL);
}
