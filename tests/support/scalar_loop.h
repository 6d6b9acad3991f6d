/* One corrector and one mode in a closed loop, in exact time: zero-order hold, a delay of any
 * fraction of a step, one first-order pole, a disturbance of the sampled orbit. What theory
 * says of it comes from rt/loop/law/frequency.h by another way: there a z-transform, here the
 * motion itself. */
#ifndef ORBIT_TESTS_SUPPORT_SCALAR_LOOP_H
#define ORBIT_TESTS_SUPPORT_SCALAR_LOOP_H

#include <complex.h>

#include "rt/loop/law/law.h"

enum { SCALAR_PAST = 256 };

struct scalar_loop {
    const struct law_terms *terms;
    struct law_state *state;
    double fs_hz, delay_s, pole_hz, gain; /* pole_hz 0: none */
    uint64_t steps, settle;               /* settle: steps before an answer counts as steady */
    double
        sent[SCALAR_PAST]; /* set points of the last steps, sent[k % SCALAR_PAST] of step k */
    double current;        /* of the corrector, at the time of the newest sample */
    double u;
};

void scalar_open(struct scalar_loop *loop, const struct law_terms *terms, double fs_hz,
                 double delay_s, double pole_hz);
void scalar_close(struct scalar_loop *loop);

/* One step with this disturbance; the orbit that the law saw. */
double scalar_step(struct scalar_loop *loop, double disturbance);

/* Steady answer of the orbit to a sine of amplitude 1 at f_hz. */
double complex scalar_response(struct scalar_loop *loop, double f_hz);

#endif
