/* The nonlinear closed orbit in a thread of its own, so that a solve of some ms holds nothing
 * up.
 *
 * The thread takes the newest kicks, solves, and hands solution and response over; between
 * solutions the taker goes on linearly from the last one. Kicks that did not change since the
 * last round are not solved again.
 */
#ifndef ORBIT_BENCH_RING_SOLVER_H
#define ORBIT_BENCH_RING_SOLVER_H

#include <stdbool.h>

#include "bench/ring/machine.h"

struct solution {
    bool found;    /* false: no closed orbit for these kicks; the orbit is then an older one */
    double *input; /* [correctors + 1]: kicks in rad, then the RF frequency's change in Hz */
    double *position_m; /* [2 bpms] */
    double *matrix;     /* [2 bpms][correctors + 1], see machine_response */
    char why[160];      /* found: empty */
};

struct solver_counts {
    uint64_t rounds;   /* the orbit was brought up to date, or found to be */
    uint64_t solves;   /* thereof solved anew */
    uint64_t failures; /* thereof without a result */
    double solve_ms;   /* time of the last solve and its response */
};

struct solver;

/* Solves at zero kicks, so that there is a solution from the first moment, and starts the
 * thread, which from now on owns the machine. rate_hz: rounds per second at most. */
MUST_USE enum rc solver_start(struct solver **solver, struct machine *machine, double rate_hz);

/* Ends the thread; NULL is fine. */
void solver_stop(struct solver *solver);

/* One taker: hands in the newest kicks [correctors + 1] and gets the newest solution, which
 * stays as it is until the next call. Never waits. */
const struct solution *solver_exchange(struct solver *solver, const double *input);

struct solver_counts solver_counts(struct solver *solver);

#endif
