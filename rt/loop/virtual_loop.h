/* The virtual closed loop: what the loop would achieve if it were closed, while it is not.
 *
 * The disturbance is what the orbit would be without kicks, y - R u_eff; a second instance of
 * the law with its own actuator model acts on it, y_virt = y + R (u_virt,eff - u_eff). That is
 * also right while somebody else's feedback moves the correctors, because u_eff has them. It
 * starts from the set points found, and steps when the law in the shadow does.
 */
#ifndef ORBIT_RT_LOOP_VIRTUAL_LOOP_H
#define ORBIT_RT_LOOP_VIRTUAL_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/loop/response.h"
#include "rt/loop/stepper.h"

struct virtual_loop {
    bool running;
    double *y, *u, *u_eff; /* [n_row], [n_col], [n_col] */
    double *next, *step;   /* [n_col] */
    double rms_x_m, rms_y_m, kick_h_rad, kick_v_rad;
    double use; /* largest |u|/limit */
    uint64_t n_saturated, steps;
    struct response response;
    struct stepper stepper; /* sums, means, v and the law's state; not its rhythm */
    double *memory;
    uint64_t memory_b;
};

MUST_USE enum rc virtual_loop_create(struct virtual_loop *self, const struct orbit_dims *dims);
void virtual_loop_destroy(struct virtual_loop *self);

/* After the law's phase, every cycle. */
RT_SAFE void phase_virtual(struct workspace *w, const struct params *p, double period_ns);

#endif
