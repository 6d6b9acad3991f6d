#include "rt/loop/state.h"

#define ACK_ONLY (1ULL << COND_ARM_ACK)

static RT_SAFE void enter(struct state_machine *machine, enum loop_state state, int64_t now_ns)
{
    machine->state = state;
    machine->since_ns = now_ns;
    if (state == STATE_OFF || state == STATE_SHADOW || state == STATE_HOLD ||
        state == STATE_TRIPPED)
        machine->arm_id = 0;
}

static RT_SAFE void new_arm_id(struct state_machine *machine)
{
    machine->arm_id = ++machine->arm_count;
}

void state_init(struct state_machine *machine, int64_t now_ns)
{
    *machine = (struct state_machine){
        .state = STATE_SHADOW, .offender = UINT64_MAX, .since_ns = now_ns};
}

static RT_SAFE enum answer lower(struct state_machine *machine, enum loop_state to,
                                 int64_t now_ns)
{
    if (machine->state == STATE_TRIPPED && machine->arm_id != 0) {
        machine->arm_id = 0; /* what goes back stops where it is */
        return ANSWER_DONE;
    }
    if (machine->state == STATE_TRIPPED)
        return ANSWER_TRIPPED;
    if (to == STATE_HOLD && machine->state != STATE_CLOSED)
        return machine->state == STATE_HOLD ? ANSWER_DONE : ANSWER_NOT_ARMED;
    machine->cause = 0;
    machine->offender = UINT64_MAX;
    enter(machine, to, now_ns);
    return ANSWER_DONE;
}

static RT_SAFE enum answer arm(struct state_machine *machine, uint64_t unmet, int64_t now_ns)
{
    if (machine->state == STATE_TRIPPED)
        return ANSWER_TRIPPED;
    if (machine->state == STATE_CLOSED)
        return ANSWER_DONE;
    if (unmet & CONDITIONS_TO_ARM)
        return ANSWER_UNMET;
    enter(machine, STATE_ARMED, now_ns);
    new_arm_id(machine);
    return ANSWER_DONE;
}

static RT_SAFE enum answer close_loop(struct state_machine *machine, uint64_t unmet,
                                      int64_t now_ns)
{
    if (machine->state == STATE_TRIPPED)
        return ANSWER_TRIPPED;
    if (machine->state == STATE_CLOSED)
        return ANSWER_DONE;
    if (machine->state != STATE_ARMED)
        return ANSWER_NOT_ARMED;
    if (unmet)
        return ANSWER_UNMET;
    enter(machine, STATE_CLOSED, now_ns);
    return ANSWER_DONE;
}

/* What is measured for the check cannot need the check. */
static RT_SAFE enum answer probe(struct state_machine *machine, uint64_t unmet, int64_t now_ns)
{
    if (machine->state == STATE_TRIPPED)
        return ANSWER_TRIPPED;
    if (machine->state != STATE_ARMED)
        return ANSWER_NOT_ARMED;
    if (unmet & ~CONDITIONS_TO_PROBE_LATER)
        return ANSWER_UNMET;
    enter(machine, STATE_PROBE, now_ns);
    return ANSWER_DONE;
}

static RT_SAFE enum answer reset(struct state_machine *machine, uint64_t unmet, int64_t now_ns)
{
    if (machine->state == STATE_TRIPPED && (unmet & machine->cause))
        return ANSWER_CAUSE_STAYS;
    machine->cause = 0;
    machine->offender = UINT64_MAX;
    if (machine->state == STATE_TRIPPED)
        enter(machine, STATE_SHADOW, now_ns);
    return ANSWER_DONE;
}

enum answer state_request(struct state_machine *machine, enum request request, uint64_t unmet,
                          int64_t now_ns)
{
    switch (request) {
    case REQUEST_OFF:
        return lower(machine, STATE_OFF, now_ns);
    case REQUEST_SHADOW:
        return lower(machine, STATE_SHADOW, now_ns);
    case REQUEST_HOLD:
        return lower(machine, STATE_HOLD, now_ns);
    case REQUEST_ARM:
        return arm(machine, unmet, now_ns);
    case REQUEST_CLOSE:
        return close_loop(machine, unmet, now_ns);
    case REQUEST_RESET:
        return reset(machine, unmet, now_ns);
    case REQUEST_PROBE:
        return probe(machine, unmet, now_ns);
    case REQUEST_BASELINE:
    case REQUEST_NONE:
        break;
    }
    return ANSWER_DONE;
}

static RT_SAFE void lose_closed(struct state_machine *machine, uint64_t unmet,
                                uint64_t offender, const struct state_limits *limits,
                                int64_t now_ns)
{
    bool trip = (unmet & conditions_that_trip) != 0;
    bool retreats = trip && limits->retreats && !(unmet & CONDITIONS_TO_RETREAT);
    uint64_t arm_id = retreats ? machine->arm_id : 0;

    machine->cause = unmet & ~ACK_ONLY ? unmet & ~ACK_ONLY : unmet;
    machine->offender = offender;
    machine->unmet_ns = now_ns;
    enter(machine, trip ? STATE_TRIPPED : STATE_HOLD, now_ns);
    machine->arm_id = arm_id;
}

/* A measurement is not taken up again: the loop gives the set points back where they are. */
static RT_SAFE void lose_probe(struct state_machine *machine, uint64_t unmet, uint64_t offender,
                               int64_t now_ns)
{
    bool trip = (unmet & conditions_that_trip) != 0;

    machine->cause = unmet & ~ACK_ONLY ? unmet & ~ACK_ONLY : unmet;
    machine->offender = offender;
    enter(machine, trip ? STATE_TRIPPED : STATE_SHADOW, now_ns);
}

static RT_SAFE bool ends_by_itself(const struct state_machine *machine)
{
    bool foreign = (machine->cause & 1ULL << COND_MASTER) != 0;

    return machine->cause && (!foreign || (machine->cause & CONDITIONS_OF_PEERS));
}

/* HOLD ends by itself only where a condition caused it: first a new arm_id once everything but
 * its acknowledgement is there again, then CLOSED when the gateway has acknowledged it. */
static RT_SAFE void advance_hold(struct state_machine *machine, uint64_t unmet,
                                 const struct state_limits *limits, int64_t now_ns)
{
    /* What fails first is often a consequence: the cause is all that failed in the first
     * moment. */
    const int64_t first_moment_ns = 200000000;

    if (machine->cause && now_ns - machine->since_ns < first_moment_ns)
        machine->cause |= unmet & ~ACK_ONLY;
    if (unmet & ~ACK_ONLY)
        machine->unmet_ns = now_ns;
    if (now_ns - machine->since_ns > limits->hold_max_ns) {
        enter(machine, STATE_SHADOW, now_ns);
    } else if (!ends_by_itself(machine)) {
        return;
    } else if (unmet & ~ACK_ONLY) {
        machine->arm_id = 0;
    } else if (machine->arm_id == 0) {
        if (now_ns - machine->unmet_ns >= limits->hold_settle_ns)
            new_arm_id(machine);
    } else if (unmet == 0) {
        enter(machine, STATE_CLOSED, now_ns);
    }
}

static RT_SAFE void advance_armed(struct state_machine *machine, uint64_t unmet,
                                  const struct state_limits *limits, int64_t now_ns)
{
    if ((unmet & CONDITIONS_TO_ARM) || now_ns - machine->since_ns > limits->arm_timeout_ns)
        enter(machine, STATE_SHADOW, now_ns);
}

void state_advance(struct state_machine *machine, uint64_t unmet, uint64_t offender,
                   const struct state_limits *limits, int64_t now_ns)
{
    switch (machine->state) {
    case STATE_CLOSED:
        if (unmet)
            lose_closed(machine, unmet, offender, limits, now_ns);
        break;
    case STATE_HOLD:
        advance_hold(machine, unmet, limits, now_ns);
        break;
    case STATE_PROBE:
        if (unmet & ~CONDITIONS_TO_PROBE_LATER)
            lose_probe(machine, unmet & ~CONDITIONS_TO_PROBE_LATER, offender, now_ns);
        break;
    case STATE_ARMED:
        advance_armed(machine, unmet, limits, now_ns);
        break;
    case STATE_TRIPPED:
        if (unmet & CONDITIONS_TO_RETREAT)
            machine->arm_id = 0;
        break;
    case STATE_OFF:
    case STATE_SHADOW:
    case STATE_COUNT:
        break;
    }
}

const char *state_name(enum loop_state state)
{
    static const char *const names[STATE_COUNT] = {"OFF",  "SHADOW",  "ARMED", "CLOSED",
                                                   "HOLD", "TRIPPED", "PROBE"};

    return (unsigned) state < STATE_COUNT ? names[state] : "UNKNOWN";
}
