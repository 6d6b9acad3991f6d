/* Plays an excitation on a running instance and collects what the records say of it.
 *
 *   measure_open -> measure_run -> { slices, step answer } -> measure_close
 */
#ifndef ORBIT_IO_CTL_SYSID_MEASURE_H
#define ORBIT_IO_CTL_SYSID_MEASURE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "io/ctl/sysid/estimate.h"
#include "rt/shm/client.h"

struct measure {
    struct client *client;
    const struct orbit_dims *dims;
    const char *const *name; /* [n_h + n_v] of the correctors */
    const struct excite_plan *plan;
    const double *model;     /* [n_row][n_col] m/rad, weights of the step answer; or NULL */
    int64_t settle_ns;       /* after a change of level, the orbit is not used so long */
    const atomic_bool *stop; /* the user gives up */

    struct slices slices;
    uint64_t *row_bad;   /* [n_row] 1: not good all the time, or masked */
    uint64_t n_step_bin; /* mean answer to a change of level, over the model's */
    double step_bin_s, *step_value;
    uint64_t n_lost; /* records that were overwritten before they were read */
    bool closed;     /* the law was at work beside it */

    struct collector *collector; /* the measurement's own */
};

/* RC_NOMEM. The caller has filled the first part. */
MUST_USE enum rc measure_open(struct measure *measure);
void measure_close(struct measure *measure);

/* Arms if nothing drives, stages the plan, starts it, and waits for its end. RC_STATE with what
 * orbitd says; RC_GONE: it went away; RC_TIMEOUT: it did not go on; RC_RANGE: given up or ended
 * before its time (the reason is told). */
MUST_USE enum rc measure_run(struct measure *measure);

#endif
