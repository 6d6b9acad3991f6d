/* Which kicks the measurement already contains: set points through the correctors' actuator
 * model.
 *
 * Per column: pure delay (power converter, network, BPM group delay) of its class, then a
 * first-order pole of its own. u_eff[k] = u_eff[k-1] + (1 - exp(-dt/tau)) (u_cmd[k-d] -
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
    uint64_t n_known; /* set points since the reset, at most depth */
    double *history;  /* [depth][n_col], newest at head; then what stood before the reset */
    bool primed;
};

MUST_USE enum rc response_create(struct response *response, uint64_t n_col, uint64_t depth);
void response_destroy(struct response *response);

/* Forgets the past: everything is as if u had been there for ever. */
RT_SAFE void response_reset(struct response *response, const double *u, double *u_eff);

enum { RESPONSE_SLOW, RESPONSE_FAST, RESPONSE_CLASSES };

struct response_model {
    uint64_t delay_cycles[RESPONSE_CLASSES]; /* limited to depth - 1 */
    const uint64_t *fast;                    /* [n_col] 1: of the fast class */
    const double *share;                     /* [n_col] response_share() of each column */
};

/* 1 - exp(-dt/tau) by its [1/1] rational form, exact enough for dt << tau and stable for every
 * dt. */
RT_SAFE static inline double response_share(double dt_over_tau)
{
    double share = 2.0 * dt_over_tau / (2.0 + dt_over_tau);

    return share > 1.0 ? 1.0 : share;
}

/* One cycle: u_cmd [n_col] in, u_eff [n_col] updated. */
RT_SAFE void response_advance(struct response *response, const double *u_cmd, double *u_eff,
                              const struct response_model *model);

#endif
