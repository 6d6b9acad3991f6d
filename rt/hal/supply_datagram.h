/* Set points to power supplies and what they answer, as datagrams; orbit-streams(5) has the
 * bytes. Pure.
 *
 * SUPPLY_ORBITD is ours. SUPPLY_ALSU is the form that ALS-U's supplies take: command 0 carries
 * set points, answered with the set points held (command 0) and the currents (command 1); its
 * nonce carries the cycle.
 */
#ifndef ORBIT_RT_HAL_SUPPLY_DATAGRAM_H
#define ORBIT_RT_HAL_SUPPLY_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/datagram_format.h"

enum { SUPPLY_MAX = 256, SUPPLY_DATAGRAM_B = 4096 };

struct supply_setpoint {
    uint16_t supply;
    float a;
};

/* What goes to one device. */
struct supply_order {
    uint32_t device, state, valid_us, active;
    uint64_t run_id, arm_id, cycle, life;
    size_t n; /* up to SUPPLY_MAX */
    const struct supply_setpoint *setpoint;
};

/* Bytes of the datagram; 0: the form has none for it (ALS-U knows no giving up). */
RT_SAFE size_t supply_encode(enum supply_format format, const struct supply_order *order,
                             uint8_t byte[SUPPLY_DATAGRAM_B]);

struct supply_reading {
    uint16_t supply;
    bool ready;
    float set_a, current_a; /* as far as the answer has them; finite */
};

struct supply_answer {
    uint32_t device;           /* SUPPLY_ORBITD only */
    bool has_set, has_current; /* which of the two the readings have */
    uint64_t cycle;            /* of the set points taken last; 0: none */
    size_t n;                  /* up to SUPPLY_MAX */
    struct supply_reading reading[SUPPLY_MAX];
};

enum supply_verdict { SUPPLY_GOOD, SUPPLY_SIZE, SUPPLY_CONTENT };

/* *answer is undefined unless SUPPLY_GOOD. */
RT_SAFE enum supply_verdict supply_decode(enum supply_format format, const uint8_t *byte,
                                          size_t size_b, struct supply_answer *answer);

#endif
