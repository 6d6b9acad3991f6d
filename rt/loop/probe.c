/* Excitation in the set points: alone in PROBE, beside the law in CLOSED. */
#include <math.h>

#include "rt/loop/workspace.h"

/* In CLOSED the law itself puts the excitation beside its own set points, within its limits. */
void probe_step(struct workspace *w, const struct params *p)
{
    struct excite *excite = &w->excite;

    w->n_saturated = 0;
    for (uint64_t col = 0; col < w->n_col; col++) {
        double base = w->u_cmd[col] - excite->contained[col];
        double wanted = base + excite->wanted[col];
        double allowed = fmin(fmax(wanted, p->lower[col]), p->upper[col]);

        w->sp[col] = column_is_driven(p, col) ? allowed : w->u_cmd[col];
        w->step[col] = w->sp[col] - w->u_cmd[col];
        excite->contained[col] = column_is_driven(p, col) ? allowed - base : 0.0;
        if (column_is_driven(p, col) && (allowed < wanted || allowed > wanted)) {
            w->n_saturated++;
            w->col_quality[col] |= QUALITY_SATURATED;
        }
    }
    w->stepped = true;
}

static RT_SAFE bool confirmed(const struct workspace *w)
{
    return w->block_cycle != 0 && w->echoed_cycle >= w->block_cycle;
}

void probe_tend(struct workspace *w)
{
    struct excite *excite = &w->excite;
    enum loop_state state = w->machine.state;

    if (state == STATE_PROBE) {
        if ((!excite->plan || excite->done) && confirmed(w))
            (void) state_request(&w->machine, REQUEST_SHADOW, w->unmet, w->now_ns);
    } else if (excite->plan &&
               (excite->done || (state != STATE_CLOSED && state != STATE_ARMED))) {
        excite_drop(excite, w->n_col);
        /* What was played is no past for the law to go on from. */
        if (state != STATE_CLOSED)
            law_track(w->stepper.law, w->u_cmd);
    }
}
