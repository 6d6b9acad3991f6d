/* When the law steps, and on what: one step per law.every new frames of the pace, on the mean
 * of their errors, with the time since the last step within 0.5 to 2 of nominal. */
#ifndef ORBIT_RT_LOOP_STEPPER_H
#define ORBIT_RT_LOOP_STEPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/loop/law/energy.h"
#include "rt/loop/law/feed_forward.h"
#include "rt/loop/law/law.h"
#include "rt/loop/offload.h"
#include "rt/shm/layout.h"

struct params;
struct workspace;

struct stepper {
    double *sum_m, *sum_u;   /* [n_row], [n_col] errors and kicks since the last step */
    double *mean_m, *mean_u; /* their means in the last step */
    double *v;               /* [n_col] -(K e) of it */
    double *beside;          /* [n_col] what set points contain beside the law's own part */
    double *fed;             /* [n_col] feed-forward in it */
    double *u_ref;           /* [n_col] kicks that leak and regularisation pull to */
    double *u_closing;       /* [n_col] set points at the last closing */
    uint64_t *saturated;     /* [n_col] by the last step */
    uint64_t n_sum, n_still; /* frames collected; frames let go by since the last step */
    int64_t last_step_ns;
    double frame_period_ns; /* smoothed; 0: not known yet */
    uint64_t revision;      /* of the matrices that made v; 0: none yet */
    uint64_t steps, skipped;
    bool capturing; /* closed from a large orbit that is not small yet */
    uint64_t n_small;
    struct law_energy energy;
    struct offload offload;
    struct ff_hold ff;
    uint64_t ff_serial;    /* of the tables in fed; 0: none yet */
    struct law_state *law; /* first of memory_b bytes that hold all of the above */
    uint64_t memory_b;
};

MUST_USE enum rc stepper_create(struct stepper *stepper, uint64_t n_row, uint64_t n_col);
void stepper_destroy(struct stepper *stepper);

/* A new frame of the pace: its rhythm. */
RT_SAFE void stepper_learn_period(struct workspace *w);

/* ... and its errors: a law step when they are enough. */
RT_SAFE void stepper_take_frame(struct workspace *w, const struct params *p);

/* Forgets what was collected since the last step: after an inhibit, and in stepper_close. */
RT_SAFE void stepper_restart(struct workspace *w);

/* The same of any stepper: sums and their number to zero; and from its sums its means and v,
 * with everything that the configuration says of the error, but no step. */
RT_SAFE void stepper_forget(struct stepper *stepper, uint64_t n_row, uint64_t n_col);
RT_SAFE void stepper_find_wish(struct workspace *w, const struct params *p,
                               struct stepper *stepper);

/* The loop closes: a capture begins if the orbit is large. */
RT_SAFE void stepper_close(struct workspace *w, const struct params *p);

/* For display: enum law_flag, gain per step and steps per second (0: not known), delta. */
RT_SAFE uint64_t stepper_flags(const struct workspace *w, const struct params *p);
RT_SAFE double stepper_gain(const struct workspace *w, const struct params *p);
RT_SAFE double stepper_rate_hz(const struct workspace *w, const struct params *p);
RT_SAFE double stepper_delta(const struct workspace *w, const struct params *p);

#endif
