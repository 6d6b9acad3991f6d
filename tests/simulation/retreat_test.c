/* What correctors do after a trip, by the real loop in virtual time: hold, back to where they
 * were at closing, to zero; and that nothing is written once the lease is over. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/loop_rig.h"

static const struct orbit_dims small = {.n_bpm = 24, .n_h = 10, .n_v = 12, .n_rf = 1};
enum { PERIOD_NS = 1000000, SECOND = 1000, KICKS = 22 };

static const double rate_rad_s = 20e-6;

/* Every second corrector is a fast one. */
static bool is_fast(uint64_t col)
{
    return col % 2;
}

static double kick_of_closing(uint64_t col)
{
    return 1e-6 * (double) (col + 1);
}

static int set_up(void **state)
{
    struct loop_rig *rig = calloc(1, sizeof *rig);

    rig_create(rig, &small, PERIOD_NS, 0.1);
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        rig->vm.orbit0_m[row] = 5e-4 * sin(1.0 + 2.3 * (double) row);
    for (uint64_t col = 0; col < KICKS; col++) {
        rig->vm.u_set[col] = rig->vm.u_actual[col] = kick_of_closing(col);
        rig->fast[col] = is_fast(col);
    }
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_destroy(*state);
    free(*state);
    return 0;
}

static void close_loop(struct loop_rig *rig, enum at_trip slow, enum at_trip fast)
{
    struct tuning tuning = rig_tuning();

    tuning.at_trip[0] = slow;
    tuning.at_trip[1] = fast;
    tuning.return_rad_s = rate_rad_s;
    rig_publish(rig, &tuning, 0.1);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    rig_step(rig, 100);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
    rig_step(rig, 2 * SECOND);
    assert_int_equal(rig->status->state, STATE_CLOSED);
}

/* The set points at the trip, in u. */
static void trip(struct loop_rig *rig, double u[KICKS])
{
    rig->vm.orbit0_m[3] += 0.015;
    for (unsigned i = 0; i < 100 && rig->status->state == STATE_CLOSED; i++)
        rig_step(rig, 1);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
    assert_int_equal(rig->status->cause, 1ULL << COND_ORBIT);
    memcpy(u, rig->vm.u_set, KICKS * sizeof *u);
    rig->vm.orbit0_m[3] -= 0.015;
}

static double most_from(const struct loop_rig *rig, const double *u)
{
    double most = 0.0;

    for (uint64_t col = 0; col < KICKS; col++)
        most = fmax(most, fabs(rig->vm.u_set[col] - u[col]));
    return most;
}

/* Until the arming is over; no corrector is ever faster than the rate. */
static void follow_way_back(struct loop_rig *rig)
{
    double before[KICKS];

    for (unsigned i = 0; i < 600 && rig->status->arm_id != 0; i++) {
        memcpy(before, rig->vm.u_set, sizeof before);
        rig_step(rig, 100);
        assert_true(most_from(rig, before) <= 2.0 * 0.1 * rate_rad_s * 1.001);
    }
    assert_int_equal(rig->status->arm_id, 0);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
}

static void nothing_is_written_any_more(struct loop_rig *rig)
{
    uint64_t written = rig->vm.n_written;

    rig_step(rig, 3 * SECOND);
    assert_int_equal(rig->vm.n_written, written);
    assert_int_equal(rig->vm.block.active, 0);
}

static void held_correctors_stay_and_nothing_is_written(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_HOLD, AT_TRIP_HOLD);
    trip(rig, u);
    assert_int_equal(rig->status->arm_id, 0);
    nothing_is_written_any_more(rig);
    assert_close(most_from(rig, u), 0.0, 0, 0);
}

static void each_class_goes_where_it_is_told(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_HOLD);
    trip(rig, u);
    assert_true(fabs(u[0] - kick_of_closing(0)) > 1e-6);
    assert_true(rig->status->arm_id != 0);
    follow_way_back(rig);
    for (uint64_t col = 0; col < KICKS; col++)
        if (is_fast(col)) /* a block of CLOSED was still on its way */
            assert_close(rig->vm.u_set[col], u[col], 0, 1e-9);
        else
            assert_close(rig->vm.u_set[col], kick_of_closing(col), 0, 1e-15);
    nothing_is_written_any_more(rig);
}

static void trims_go_to_zero(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_ZERO);
    trip(rig, u);
    follow_way_back(rig);
    for (uint64_t col = 0; col < KICKS; col++)
        assert_close(rig->vm.u_set[col], is_fast(col) ? 0.0 : kick_of_closing(col), 0, 1e-15);
    nothing_is_written_any_more(rig);
}

static void it_goes_on_without_orbit(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_CLOSING);
    trip(rig, u);
    rig->vm.bpm_dead = true;
    follow_way_back(rig);
    for (uint64_t col = 0; col < KICKS; col++)
        assert_close(rig->vm.u_set[col], kick_of_closing(col), 0, 1e-15);
}

static void whatever_else_goes_wrong_ends_it_for_good(struct loop_rig *rig)
{
    rig_step(rig, 400);
    assert_int_equal(rig->status->arm_id, 0);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
    nothing_is_written_any_more(rig);
}

static void another_master_ends_it(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_CLOSING);
    trip(rig, u);
    rig_step(rig, 200);
    assert_true(rig->status->arm_id != 0);
    rig->vm.foreign[4] = true;
    whatever_else_goes_wrong_ends_it_for_good(rig);
    rig->vm.foreign[4] = false;
    nothing_is_written_any_more(rig);
}

static void a_silent_gateway_ends_it_and_gets_no_write_in_after_the_lease(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_CLOSING);
    trip(rig, u);
    rig_step(rig, 200);
    rig->vm.gateway_dead = true;
    rig_step(rig, SECOND);
    assert_int_equal(rig->status->arm_id, 0);
    rig->vm.gateway_dead = false;
    nothing_is_written_any_more(rig);
}

/* The loop stands: the gateway goes on with what it has. */
static void a_stalled_loop_writes_nothing_after_the_lease(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];
    int64_t lease_end_ns;

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_CLOSING);
    trip(rig, u);
    rig_step(rig, 400);
    lease_end_ns = rig->vm.block.valid_until_ns;
    rig->vm.stall_ns = 2000000000;
    rig_step(rig, 1);
    assert_true(rig->vm.last_write_ns < lease_end_ns);
    assert_true(rig->vm.now_ns > lease_end_ns + 1000000000);
}

static void an_operator_stops_it(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_CLOSING);
    trip(rig, u);
    rig_step(rig, 200);
    assert_int_equal(rig_request(rig, REQUEST_HOLD, NULL), ANSWER_DONE);
    assert_int_equal(rig->status->state, STATE_TRIPPED);
    assert_int_equal(rig->status->arm_id, 0);
    nothing_is_written_any_more(rig);
    assert_int_equal(rig_request(rig, REQUEST_HOLD, NULL), ANSWER_TRIPPED);
    assert_int_equal(rig_request(rig, REQUEST_RESET, NULL), ANSWER_DONE);
    assert_int_equal(rig->status->state, STATE_SHADOW);
}

static void the_loop_closes_again_without_a_step(void **state)
{
    struct loop_rig *rig = *state;
    double u[KICKS];

    close_loop(rig, AT_TRIP_CLOSING, AT_TRIP_CLOSING);
    trip(rig, u);
    follow_way_back(rig);
    assert_int_equal(rig_request(rig, REQUEST_RESET, NULL), ANSWER_DONE);
    rig_step(rig, 500);
    assert_int_equal(rig_request(rig, REQUEST_ARM, NULL), ANSWER_DONE);
    rig_step(rig, 100);
    memcpy(u, rig->vm.u_set, sizeof u);
    assert_int_equal(rig_request(rig, REQUEST_CLOSE, NULL), ANSWER_DONE);
    rig_step(rig, 30);
    assert_close(most_from(rig, u), 0.0, 0, 1e-15);
}

#define RETREAT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RETREAT_TEST(held_correctors_stay_and_nothing_is_written),
        RETREAT_TEST(each_class_goes_where_it_is_told),
        RETREAT_TEST(trims_go_to_zero),
        RETREAT_TEST(it_goes_on_without_orbit),
        RETREAT_TEST(another_master_ends_it),
        RETREAT_TEST(a_silent_gateway_ends_it_and_gets_no_write_in_after_the_lease),
        RETREAT_TEST(a_stalled_loop_writes_nothing_after_the_lease),
        RETREAT_TEST(an_operator_stops_it),
        RETREAT_TEST(the_loop_closes_again_without_a_step),
    };

    return cmocka_run_group_tests_name("simulation/retreat", tests, NULL, NULL);
}
