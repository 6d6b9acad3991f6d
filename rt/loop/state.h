/* The states of the loop and what moves between them (CONTROL: OFF, SHADOW, ARMED, CLOSED,
 * HOLD, TRIPPED).
 *
 * Pure: no clock, no memory but the struct; the caller says the time, the unmet conditions and
 * the operator's request. One thread.
 */
#ifndef ORBIT_RT_LOOP_STATE_H
#define ORBIT_RT_LOOP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/shm/layout.h"

enum request {
    REQUEST_NONE,
    REQUEST_OFF,
    REQUEST_SHADOW,
    REQUEST_ARM,
    REQUEST_CLOSE,
    REQUEST_HOLD,
    REQUEST_RESET,
    REQUEST_PROBE,
    REQUEST_BASELINE /* not of the state: a new baseline of the innovation */
};

/* Answer to a request. */
enum answer {
    ANSWER_DONE,
    ANSWER_UNMET,      /* conditions are missing: see unmet */
    ANSWER_NOT_ARMED,  /* closing and probing need ARMED first */
    ANSWER_TRIPPED,    /* a trip is latched: reset first */
    ANSWER_CAUSE_STAYS /* reset refused: the cause of the trip is still there */
};

struct state_limits {
    int64_t arm_timeout_ns, hold_max_ns;
    int64_t hold_settle_ns; /* everything must have been there this long before HOLD ends */
    bool retreats; /* after a trip out of CLOSED correctors go back under the same arm_id */
};

struct state_machine {
    enum loop_state state;
    uint64_t cause;    /* conditions that ended CLOSED last; 0 in HOLD: the operator asked */
    uint64_t offender; /* first offender of the cause, or UINT64_MAX */
    uint64_t arm_id;   /* 0: not armed; unique within a run; in TRIPPED: correctors go back */
    uint64_t arm_count;
    int64_t since_ns; /* of the present state */
    int64_t unmet_ns; /* when a condition other than the acknowledgement was missing last */
};

/* Conditions that must hold to arm (the acknowledgement can only come afterwards). */
#define CONDITIONS_TO_ARM                                                                      \
    (1ULL << COND_PARAMETERS | 1ULL << COND_ACTUATORS | 1ULL << COND_READBACK)
/* Lost in CLOSED, these trip; every other one is HOLD. */
enum condition_effect { EFFECT_hold, EFFECT_trip };
#define CONDITION(id, clock, count, effect, offends, wrong, remedy)                            \
    | (uint64_t) EFFECT_##effect << COND_##id
static const uint64_t conditions_that_trip = 0
#include "rt/loop/conditions.def"
    ;
#undef CONDITION

/* Correctors go back after a trip only while all of these are met: what is wrong with the orbit
 * does not matter to it, what is wrong with the way to the correctors does. */
#define CONDITIONS_TO_RETREAT                                                                  \
    (1ULL << COND_PARAMETERS | 1ULL << COND_ACTUATORS | 1ULL << COND_MASTER |                  \
     1ULL << COND_READBACK | 1ULL << COND_ECHO | 1ULL << COND_ARM_ACK | 1ULL << COND_TIMING)

/* Missing, these keep the loop from closing but not from the measurement that brings them. */
#define CONDITIONS_TO_PROBE_LATER (1ULL << COND_CHECK)

/* HOLD by another master does not end by itself, unless the gateway or the machine went away
 * with it: who drives is the operators' to settle. */
#define CONDITIONS_OF_PEERS (1ULL << COND_PACE | 1ULL << COND_ACTUATORS | 1ULL << COND_ECHO)

/* Starts in SHADOW. */
void state_init(struct state_machine *machine, int64_t now_ns);

/* Carries out a request; a refusal changes nothing. */
RT_SAFE enum answer state_request(struct state_machine *machine, enum request request,
                                  uint64_t unmet, int64_t now_ns);

/* Moves by time and conditions; call once a cycle after the conditions are known. */
RT_SAFE void state_advance(struct state_machine *machine, uint64_t unmet, uint64_t offender,
                           const struct state_limits *limits, int64_t now_ns);

const char *state_name(enum loop_state state);

#endif
