/* All memory of a cycle. One file of rt/loop works on it per phase; nobody else sees it. */
#ifndef ORBIT_RT_LOOP_WORKSPACE_H
#define ORBIT_RT_LOOP_WORKSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/hist.h"
#include "rt/hal/hal.h"
#include "rt/loop/excite.h"
#include "rt/loop/innovation.h"
#include "rt/loop/params.h"
#include "rt/loop/response.h"
#include "rt/loop/rows.h"
#include "rt/loop/state.h"
#include "rt/loop/scorecard.h"
#include "rt/loop/stepper.h"
#include "rt/loop/virtual_loop.h"

/* The newest frame of a source, and what is known of its rhythm. */
struct source_input {
    struct frame_view view;
    bool seen;  /* a frame of the present generation was read */
    bool alive; /* seen, connected and young enough */
    uint64_t last_seq;
    int64_t last_sample_ns;
};

/* A prediction waits for its orbit. */
struct score {
    bool pending;
    int64_t due_ns;
    double *y_m;   /* [n_row] orbit when it was made */
    double *u_eff; /* [n_col] kicks when it was made */
    double error_x_m, error_y_m;
};

struct workspace {
    struct orbit_dims dims;
    uint64_t n_row, n_col, n_bpm_source;
    const struct rows_kernel *rows;

    struct source_input bpm[ORBIT_MAX_SOURCE];
    struct source_input actuator;
    bool new_frame; /* this cycle brought a new pace frame */
    bool new_echo;  /* ... a new actuator frame */

    /* Vectors of the cycle, named and shaped as in vectors.def. Those of a snapshot lie behind
     * each other as they do there: `vectors`. */
    void *vectors;
    uint64_t vectors_words;
    double *y, *error, *pred_now, *pred_full;
    double *full, *step, *sp, *u_cmd, *u_eff, *u_readback, *u_found;
    uint64_t *row_quality, *col_quality;

    double *slewed_m;    /* [n_row] follows the reference of the parameters */
    double *reference_m; /* [n_row] in force: with the orbit that feed-forward tables know */
    uint64_t reference_serial;
    bool reference_moves;
    int64_t reference_ns;

    double *scratch_row, *scratch_col;
    uint64_t *blank_left, n_blank; /* [n_row] frames that a change of gain still blanks; rows */
    uint64_t *tracking_count;      /* [n_col] consecutive frames off the set point */

    struct response response;
    struct innovation innovation;
    double *response_share; /* [n_col] */
    uint64_t response_serial;
    struct stepper stepper;
    struct virtual_loop virtual_loop;
    struct scorecard scorecard;
    struct score score;
    struct state_machine machine;
    struct excite excite;

    uint64_t unmet, offender;
    uint64_t missed;                   /* in this cycle, whatever the counts */
    uint64_t missed_count[COND_COUNT]; /* times in a row, in each condition's clock */
    uint64_t offender_of[COND_COUNT];
    uint64_t n_invalid, n_saturated;
    bool inhibited; /* injection: the law stands still, and its orbit does not count */
    int64_t inhibit_flag_ns, inhibit_began_ns; /* when the flag was last seen, and first */
    bool blind; /* some block has more invalid channels than can be masked */
    double current_a, median_sum;
    double rms_x_m, rms_y_m, max_x_m, max_y_m;

    bool stepped;  /* the law stepped in this cycle */
    bool driving;  /* a set-point block of this closing is out */
    uint64_t life; /* set-point blocks sent */
    uint64_t n_cycles, n_late, n_skipped, n_holds, n_trips, n_frames, n_frames_lost;
    uint64_t last_request; /* newest request seen, counted */

    int64_t retreat_ns;    /* when a step back was made last */
    int64_t echoed_ns;     /* when the echo last advanced, or nothing was outstanding */
    uint64_t block_cycle;  /* of the newest set-point block; 0: none since closing */
    uint64_t echoed_cycle; /* newest block that the gateway confirmed */

    uint64_t cycle, run_id;
    int64_t t_grid_ns, now_ns, utc_ns;
    uint64_t skipped;      /* grid points just before this cycle */
    int64_t first_late_ns; /* behind the first point that was due */
    enum timer_mode timer;
    double wake_late_ns, compute_ns;
    double
        *warm_row; /* [n_row] results of passes made to warm the caches: no part of the state */
    uint64_t *warm_bits;
    void *memory; /* of the vectors above */
    uint64_t memory_b;
};

/* Whether the loop moves a column: the RF without a channel of its own, disabled correctors and
 * a plane that is switched off are somebody else's, whatever the state. */
RT_SAFE static inline bool column_is_driven(const struct params *p, uint64_t col)
{
    bool is_rf = col >= p->dims.n_h + p->dims.n_v;

    return is_rf ? p->tuning.energy.drive : p->law.driven[col] > 0.0 || p->offloaded[col];
}

/* Excitation: a law step of PROBE, where the law stands still; and, once a cycle after the
 * state is known, the end of what was played or may be played no longer. */
RT_SAFE void probe_step(struct workspace *w, const struct params *p);
RT_SAFE void probe_tend(struct workspace *w);

/* The way back after a trip, while the arming is still there: whether a class is not to hold;
 * and once a cycle, true: u_cmd is new and to be sent. It ends the arming when all is done and
 * confirmed. */
RT_SAFE bool retreat_is_wanted(const struct params *p);
RT_SAFE bool retreat_step(struct workspace *w, const struct params *p);

/* 1: not good, and not because the configuration says so. Shifts instead of comparisons, which
 * vector units without 64-bit comparisons can do as well. */
RT_SAFE static inline uint64_t quality_is_bad(uint64_t quality)
{
    uint64_t not_good = (quality | -quality) >> 63;

    return not_good & ~(quality / QUALITY_DISABLED) & 1;
}

/* The phases, in the order of a cycle. */
RT_SAFE void phase_ingest(struct workspace *w, const struct hal *hal, const struct params *p);
RT_SAFE void phase_validate(struct workspace *w, const struct params *p);
RT_SAFE void phase_judge(struct workspace *w, const struct params *p);
RT_SAFE void phase_track(struct workspace *w, const struct params *p, double period_ns);
RT_SAFE void phase_estimate(struct workspace *w, const struct params *p);
RT_SAFE void phase_correct(struct workspace *w, const struct params *p);
RT_SAFE void phase_display(struct workspace *w, const struct params *p);
RT_SAFE void phase_predict(struct workspace *w, const struct params *p);
RT_SAFE void phase_drive(struct workspace *w, const struct hal *hal, const struct params *p);

/* One cycle of the actuator model: u [n_col] in, u_eff [n_col] on. */
RT_SAFE void track_kicks(const struct workspace *w, const struct params *p, double period_ns,
                         struct response *response, const double *u, double *u_eff);

/* Start and end; workspace_create allocates everything and is in SHADOW at now_ns. */
MUST_USE enum rc workspace_create(struct workspace **w, const struct orbit_dims *dims,
                                  uint64_t n_bpm_source, int64_t now_ns);
void workspace_destroy(struct workspace *w);

#endif
