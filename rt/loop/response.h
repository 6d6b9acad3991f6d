/* Which kicks the measurement already contains: set points through the correctors' actuator
 * model.
 *
 * Per column: pure delay (power converter, network, BPM group delay), then a first-order pole,
 * both common to all columns. u_eff[k] = u_eff[k-1] + (1 - exp(-dt/tau)) (u_cmd[k-d] -
 * u_eff[k-1]).
 */
#ifndef ORBIT_RT_LOOP_RESPONSE_H
#define ORBIT_RT_LOOP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

struct response {
    uint64_t n_col, depth, head;
    double *history; /* [depth][n_col], newest at head */
    bool primed;
};

MUST_USE enum rc response_create(struct response *response, uint64_t n_col, uint64_t depth);
void response_destroy(struct response *response);

/* Forgets the past: everything is as if u had been there for ever. */
RT_SAFE void response_reset(struct response *response, const double *u, double *u_eff);

/* One cycle: u_cmd [n_col] in, u_eff [n_col] updated. delay_cycles is limited to depth - 1. */
RT_SAFE void response_advance(struct response *response, const double *u_cmd, double *u_eff,
                              uint64_t delay_cycles, double dt_over_tau);

#endif
