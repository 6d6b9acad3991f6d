#include "tests/support/test.h"

#include "rt/loop/state.h"

#define BIT(condition) (1ULL << (condition))
#define ACK            BIT(COND_ARM_ACK)

enum { MS = 1000000 };
static const struct state_limits limits = {
    .arm_timeout_ns = 1000LL * MS, .hold_max_ns = 10000LL * MS, .hold_settle_ns = 500LL * MS};

static struct state_machine closed_machine(void)
{
    struct state_machine m;

    state_init(&m, 0);
    assert_int_equal(state_request(&m, REQUEST_ARM, ACK, 0), ANSWER_DONE);
    assert_int_equal(state_request(&m, REQUEST_CLOSE, 0, 0), ANSWER_DONE);
    assert_int_equal(m.state, STATE_CLOSED);
    return m;
}

static void starts_in_shadow_unarmed(void **state)
{
    struct state_machine m;

    (void) state;
    state_init(&m, 5);
    assert_int_equal(m.state, STATE_SHADOW);
    assert_int_equal(m.arm_id, 0);
}

static void every_request_from_every_state_has_its_answer(void **state)
{
    static const struct {
        enum loop_state from;
        enum request request;
        uint64_t unmet;
        enum answer answer;
        enum loop_state to;
    } rows[] = {
        {STATE_SHADOW, REQUEST_OFF, ACK, ANSWER_DONE, STATE_OFF},
        {STATE_OFF, REQUEST_SHADOW, ACK, ANSWER_DONE, STATE_SHADOW},
        {STATE_SHADOW, REQUEST_CLOSE, 0, ANSWER_NOT_ARMED, STATE_SHADOW},
        {STATE_SHADOW, REQUEST_HOLD, 0, ANSWER_NOT_ARMED, STATE_SHADOW},
        {STATE_SHADOW, REQUEST_ARM, ACK | BIT(COND_PARAMETERS), ANSWER_UNMET, STATE_SHADOW},
        {STATE_SHADOW, REQUEST_ARM, ACK | BIT(COND_ACTUATORS), ANSWER_UNMET, STATE_SHADOW},
        {STATE_SHADOW, REQUEST_ARM, ACK | BIT(COND_PACE), ANSWER_DONE, STATE_ARMED},
        {STATE_ARMED, REQUEST_CLOSE, ACK, ANSWER_UNMET, STATE_ARMED},
        {STATE_ARMED, REQUEST_CLOSE, 0, ANSWER_DONE, STATE_CLOSED},
        {STATE_ARMED, REQUEST_SHADOW, 0, ANSWER_DONE, STATE_SHADOW},
        {STATE_CLOSED, REQUEST_HOLD, 0, ANSWER_DONE, STATE_HOLD},
        {STATE_CLOSED, REQUEST_ARM, 0, ANSWER_DONE, STATE_CLOSED},
        {STATE_CLOSED, REQUEST_OFF, 0, ANSWER_DONE, STATE_OFF},
        {STATE_HOLD, REQUEST_CLOSE, 0, ANSWER_NOT_ARMED, STATE_HOLD},
        {STATE_HOLD, REQUEST_ARM, ACK, ANSWER_DONE, STATE_ARMED},
        {STATE_TRIPPED, REQUEST_SHADOW, 0, ANSWER_TRIPPED, STATE_TRIPPED},
        {STATE_TRIPPED, REQUEST_OFF, 0, ANSWER_TRIPPED, STATE_TRIPPED},
        {STATE_TRIPPED, REQUEST_ARM, 0, ANSWER_TRIPPED, STATE_TRIPPED},
        {STATE_TRIPPED, REQUEST_CLOSE, 0, ANSWER_TRIPPED, STATE_TRIPPED},
        {STATE_TRIPPED, REQUEST_RESET, BIT(COND_ORBIT), ANSWER_CAUSE_STAYS, STATE_TRIPPED},
        {STATE_TRIPPED, REQUEST_RESET, ACK, ANSWER_DONE, STATE_SHADOW},
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct state_machine m;
        enum answer answer;

        state_init(&m, 0);
        m.state = rows[i].from;
        m.cause = rows[i].from == STATE_TRIPPED ? BIT(COND_ORBIT) : 0;
        answer = state_request(&m, rows[i].request, rows[i].unmet, MS);
        if (answer != rows[i].answer || m.state != rows[i].to)
            fail_msg("row %zu: answer %d, state %s", i, (int) answer, state_name(m.state));
    }
}

static void arming_ends_after_its_time(void **state)
{
    struct state_machine m;

    (void) state;
    state_init(&m, 0);
    assert_int_equal(state_request(&m, REQUEST_ARM, ACK, 0), ANSWER_DONE);
    state_advance(&m, 0, UINT64_MAX, &limits, limits.arm_timeout_ns);
    assert_int_equal(m.state, STATE_ARMED);
    state_advance(&m, 0, UINT64_MAX, &limits, limits.arm_timeout_ns + 1);
    assert_int_equal(m.state, STATE_SHADOW);
    assert_int_equal(m.arm_id, 0);
}

static void losing_any_condition_holds_and_the_orbit_trips(void **state)
{
    (void) state;
    for (unsigned c = 0; c < COND_COUNT; c++) {
        struct state_machine m = closed_machine();

        state_advance(&m, BIT(c), 3, &limits, MS);
        assert_int_equal(m.state, c == COND_ORBIT ? STATE_TRIPPED : STATE_HOLD);
        assert_int_equal(m.cause, BIT(c));
        assert_int_equal(m.offender, 3);
        assert_int_equal(m.arm_id, 0);
    }
}

static void hold_ends_with_a_new_arming_after_everything_settled(void **state)
{
    struct state_machine m = closed_machine();
    uint64_t first_arm_id = m.arm_id;

    (void) state;
    state_advance(&m, ACK | BIT(COND_PACE), 0, &limits, MS);
    state_advance(&m, ACK | BIT(COND_PACE), 0, &limits, 1000LL * MS);
    state_advance(&m, ACK, 0, &limits, 1400LL * MS);
    assert_int_equal(m.arm_id, 0);
    state_advance(&m, ACK, 0, &limits, 1500LL * MS);
    assert_int_equal(m.arm_id, first_arm_id + 1);
    state_advance(&m, ACK, 0, &limits, 1600LL * MS);
    assert_int_equal(m.state, STATE_HOLD);
    state_advance(&m, 0, 0, &limits, 1700LL * MS);
    assert_int_equal(m.state, STATE_CLOSED);
}

static void hold_takes_its_arming_back_when_something_fails_again(void **state)
{
    struct state_machine m = closed_machine();

    (void) state;
    state_advance(&m, ACK | BIT(COND_PACE), 0, &limits, MS);
    state_advance(&m, ACK, 0, &limits, 600LL * MS);
    assert_int_not_equal(m.arm_id, 0);
    state_advance(&m, ACK | BIT(COND_BPMS), 0, &limits, 700LL * MS);
    assert_int_equal(m.arm_id, 0);
    state_advance(&m, ACK, 0, &limits, 1100LL * MS);
    assert_int_equal(m.arm_id, 0);
}

static void cause_is_what_failed_in_the_first_moment(void **state)
{
    struct state_machine m = closed_machine();

    (void) state;
    state_advance(&m, BIT(COND_BPMS), 0, &limits, MS);
    state_advance(&m, ACK | BIT(COND_BPMS) | BIT(COND_BEAM), 0, &limits, 50LL * MS);
    state_advance(&m, ACK | BIT(COND_MASTER), 0, &limits, 900LL * MS);
    assert_int_equal(m.cause, BIT(COND_BPMS) | BIT(COND_BEAM));
}

static void another_master_is_the_operators_to_settle(void **state)
{
    struct state_machine m = closed_machine();

    (void) state;
    state_advance(&m, BIT(COND_MASTER), 2, &limits, MS);
    for (int64_t now_ns = 2LL * MS; now_ns < 9000LL * MS; now_ns += 100LL * MS)
        state_advance(&m, ACK, UINT64_MAX, &limits, now_ns);
    assert_int_equal(m.state, STATE_HOLD);
    assert_int_equal(m.arm_id, 0);
    assert_int_equal(state_request(&m, REQUEST_ARM, ACK, 9000LL * MS), ANSWER_DONE);
    assert_int_equal(m.state, STATE_ARMED);
}

static void a_machine_that_comes_back_with_other_set_points_is_no_other_master(void **state)
{
    struct state_machine m = closed_machine();

    (void) state;
    state_advance(&m, BIT(COND_PACE), 0, &limits, MS);
    state_advance(&m, ACK | BIT(COND_PACE) | BIT(COND_MASTER), 0, &limits, 100LL * MS);
    state_advance(&m, ACK, 0, &limits, 700LL * MS);
    state_advance(&m, 0, 0, &limits, 800LL * MS);
    assert_int_equal(m.state, STATE_CLOSED);
}

static void operators_hold_never_ends_in_closed(void **state)
{
    struct state_machine m = closed_machine();

    (void) state;
    assert_int_equal(state_request(&m, REQUEST_HOLD, 0, MS), ANSWER_DONE);
    for (int64_t now_ns = 2LL * MS; now_ns < 10000LL * MS; now_ns += 100LL * MS)
        state_advance(&m, ACK, UINT64_MAX, &limits, now_ns);
    assert_int_equal(m.state, STATE_HOLD);
    assert_int_equal(m.arm_id, 0);
    state_advance(&m, ACK, UINT64_MAX, &limits, 10002LL * MS);
    assert_int_equal(m.state, STATE_SHADOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_in_shadow_unarmed),
        cmocka_unit_test(every_request_from_every_state_has_its_answer),
        cmocka_unit_test(arming_ends_after_its_time),
        cmocka_unit_test(losing_any_condition_holds_and_the_orbit_trips),
        cmocka_unit_test(hold_ends_with_a_new_arming_after_everything_settled),
        cmocka_unit_test(hold_takes_its_arming_back_when_something_fails_again),
        cmocka_unit_test(cause_is_what_failed_in_the_first_moment),
        cmocka_unit_test(another_master_is_the_operators_to_settle),
        cmocka_unit_test(a_machine_that_comes_back_with_other_set_points_is_no_other_master),
        cmocka_unit_test(operators_hold_never_ends_in_closed),
    };

    return cmocka_run_group_tests_name("rt/loop/state", tests, NULL, NULL);
}
