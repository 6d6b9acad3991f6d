/* After a trip: correctors of classes that are not to hold go back, on a straight way and at a
 * bounded rate, a block per law period under the lease of the arming that is still there. */
#include "rt/loop/workspace.h"

#include <math.h>
#include <string.h>

/* Correctors only: the RF holds. */
static RT_SAFE double way_left(const struct workspace *w, const struct params *p, uint64_t col)
{
    enum at_trip at_trip = (enum at_trip) p->tuning.at_trip[p->fast[col] != 0];
    double to = at_trip == AT_TRIP_CLOSING ? w->stepper.u_closing[col] : 0.0;

    if (at_trip == AT_TRIP_HOLD || col >= w->dims.n_h + w->dims.n_v ||
        !column_is_driven(p, col))
        return 0.0;
    return fmin(fmax(to, p->lower[col]), p->upper[col]) - w->u_cmd[col];
}

bool retreat_is_wanted(const struct params *p)
{
    return p->tuning.at_trip[0] != AT_TRIP_HOLD || p->tuning.at_trip[1] != AT_TRIP_HOLD;
}

/* All arrive together: the orbit goes straight back as well. */
static RT_SAFE bool move(struct workspace *w, const struct params *p, double step_rad)
{
    double largest_rad = 0.0, share;

    for (uint64_t col = 0; col < w->n_col; col++)
        largest_rad = fmax(largest_rad, fabs(way_left(w, p, col)));
    if (!(largest_rad > 0.0))
        return false;
    share = fmin(step_rad / largest_rad, 1.0);
    for (uint64_t col = 0; col < w->n_col; col++) {
        w->step[col] = share * way_left(w, p, col);
        w->sp[col] = w->u_cmd[col] + w->step[col];
    }
    memcpy(w->u_cmd, w->sp, w->n_col * sizeof *w->u_cmd);
    return true;
}

/* The last difference may be rounding: what is nearer than this has arrived. */
static RT_SAFE bool has_arrived(const struct workspace *w, const struct params *p)
{
    const double near_rad = 1e-15;

    for (uint64_t col = 0; col < w->n_col; col++)
        if (fabs(way_left(w, p, col)) > near_rad)
            return false;
    return true;
}

bool retreat_step(struct workspace *w, const struct params *p)
{
    int64_t last_ns = w->retreat_ns > w->machine.since_ns ? w->retreat_ns : w->machine.since_ns;
    double due_ns = (double) p->tuning.every * w->stepper.frame_period_ns;
    double dt_ns = (double) (w->now_ns - last_ns);

    if (has_arrived(w, p)) {
        if (w->echoed_cycle >= w->block_cycle)
            w->machine.arm_id = 0;
        return false;
    }
    if (dt_ns < due_ns)
        return false;
    w->retreat_ns = w->now_ns;
    return move(w, p, 1e-9 * fmin(dt_ns, 2.0 * due_ns) * p->tuning.return_rad_s);
}
