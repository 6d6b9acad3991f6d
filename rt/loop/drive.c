/* Phase "drive": in CLOSED, the accepted step becomes the command, and a block goes out under
 * the lease; after a trip, the way back. */
#include "rt/loop/workspace.h"

#include <math.h>
#include <string.h>

static RT_SAFE void send_block(struct workspace *w, const struct hal *hal,
                               const struct params *p, int64_t valid_until_ns, bool active)
{
    struct setpoint_head head = {.run_id = w->run_id,
                                 .arm_id = w->machine.arm_id,
                                 .cycle = w->cycle,
                                 .valid_until_ns = valid_until_ns,
                                 .state = w->machine.state,
                                 .active = active,
                                 .life = ++w->life};

    for (uint64_t col = 0; col < w->n_col; col++)
        w->scratch_col[col] = column_is_driven(p, col) ? w->u_cmd[col] : (double) NAN;
    hal->write_setpoint(hal->self, &head, w->scratch_col);
    if (active)
        w->block_cycle = w->cycle;
}

static RT_SAFE int64_t lease_end_ns(const struct workspace *w, const struct params *p)
{
    double law_period_ns = (double) p->tuning.every * w->stepper.frame_period_ns;
    int64_t lease_ns = (int64_t) ((double) p->tuning.lease_law_periods * law_period_ns);

    return w->now_ns + (lease_ns > p->tuning.lease_min_ns ? lease_ns : p->tuning.lease_min_ns);
}

/* The first block equals the set points found: closing moves nothing. */
static RT_SAFE void begin_driving(struct workspace *w, const struct hal *hal,
                                  const struct params *p)
{
    stepper_close(w, p);
    innovation_restart(&w->innovation);
    w->driving = true;
    w->stepped = false;
    w->block_cycle = 0;
    w->echoed_cycle = 0;
    w->echoed_ns = w->now_ns;
    send_block(w, hal, p, lease_end_ns(w, p), true);
}

void phase_drive(struct workspace *w, const struct hal *hal, const struct params *p)
{
    bool drives = state_drives(w->machine.state, w->machine.arm_id);

    if (drives && !w->driving) {
        begin_driving(w, hal, p);
    } else if (drives && w->machine.state == STATE_TRIPPED) {
        if (retreat_step(w, p))
            send_block(w, hal, p, lease_end_ns(w, p), true);
    } else if (drives && w->stepped) {
        memcpy(w->u_cmd, w->sp, w->n_col * sizeof *w->u_cmd);
        send_block(w, hal, p, lease_end_ns(w, p), true);
    } else if (!drives && w->driving) {
        w->driving = false;
        w->block_cycle = 0;
        /* Steps back after a trip are no past for the law to go on from. */
        if (w->machine.state == STATE_TRIPPED)
            law_track(w->stepper.law, w->u_cmd);
        send_block(w, hal, p, 0, false);
    }
}
