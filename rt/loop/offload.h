/* Slow correctors take over what fast ones hold: u_s += gamma O mean(u_f), at most every 0.1 s.
 *
 * O = M_s^+ M_f is a part of OFFLOAD of the parameter set, rows of slow correctors and columns
 * of fast ones; the transposed places hold F = M_f^+ M_s, the fast kicks that undo what slow
 * ones do. While a slow step makes its way through delay and pole of its class, the fast
 * correctors step back by F du_s with the same delay and pole, less their own delay, so that
 * the orbit does not see the handing over. That part of their set points is contained in them
 * like a feed-forward: the law's own part does not know of it. One thread, the loop's.
 */
#ifndef ORBIT_RT_LOOP_OFFLOAD_H
#define ORBIT_RT_LOOP_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

struct params;

/* Of the configuration. */
struct offload_settings {
    double gain;       /* gamma; 0: off */
    int64_t period_ns; /* 0.1 s or more */
};

struct offload {
    uint64_t n_col;
    double *sum;       /* [n_col] fast set points since the last move */
    double *move;      /* [n_col] slow kicks of the last move */
    double *due;       /* [n_col] fast kicks that the last move will replace, not begun yet */
    double *owed;      /* [n_col] ... under way */
    double *paid;      /* [n_col] ... done: contained in the fast set points */
    uint64_t memory_b; /* of all five, from sum on */
    uint64_t n_sum, n_limited;
    bool pending;             /* due is not 0 */
    int64_t moved_ns, due_ns; /* last move; when its effect begins */
    int64_t stepped_ns;
};

MUST_USE enum rc offload_create(struct offload *offload, uint64_t n_col);
void offload_destroy(struct offload *offload);

/* RC_RANGE names the key and its limit. */
MUST_USE enum rc offload_check(const struct offload_settings *settings);

/* A law step at now_ns: fast set points of now in u [n_col]. Updates paid, and writes where
 * slow correctors are to be into u. closed: the loop drives. */
RT_SAFE void offload_step(struct offload *offload, const struct params *p, double *u,
                          int64_t now_ns, bool closed);

#endif
