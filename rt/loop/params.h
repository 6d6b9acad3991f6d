/* A parameter set: everything the law uses that may change while the loop runs, swapped
 * together.
 *
 * Four slots are allocated at start. The manager fills a free one (params_fill, params_tune,
 * params_reference), publishes it with params_publish, and gets its predecessor back once the
 * loop cannot see it any more (liburcu QSBR; the loop is offline while it waits, so a stalled
 * loop never blocks the manager: only the reclaim thread waits). The loop reads with
 * params_current(), once a cycle.
 */
#ifndef ORBIT_RT_LOOP_PARAMS_H
#define ORBIT_RT_LOOP_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/loop/bases.h"
#include "rt/loop/law/energy.h"
#include "rt/loop/law/feed_forward.h"
#include "rt/loop/law/terms.h"
#include "rt/loop/matvec.h"
#include "rt/loop/offload.h"
#include "rt/shm/layout.h"
#include "rt/shm/param_set.h"

enum { PARAM_SLOTS = 4, MAX_MASKED = 8, MAX_DELAY_CYCLES = 4096 };

/* Closing from large orbits: until every error is below orbit_m, steps may be larger and gains
 * are lower, and the orbit trips later. */
struct capture {
    double orbit_m; /* 0: no such stage */
    double gain, step_scale, trip_orbit_m;
};

/* What a leak and the second form of regularisation pull the kicks to. */
enum reference_kicks { KICKS_ZERO, KICKS_OF_CLOSING };

/* What correctors do when CLOSED trips: stay, go back to their set points at closing, or, if
 * they are trims, to zero. */
enum at_trip { AT_TRIP_HOLD, AT_TRIP_CLOSING, AT_TRIP_ZERO };

/* Numbers of the law, limits and conditions; from the configuration's live keys. */
struct tuning {
    bool drive_h, drive_v;
    uint64_t every;          /* pace frames per law step */
    struct law_settings law; /* what params_make_law derives the terms from */
    struct law_energy_settings energy;
    struct offload_settings offload;
    struct capture capture;
    uint64_t reference_kicks; /* enum reference_kicks */
    bool pull_to_reference;   /* second form: weak modes are pulled to the reference kicks */
    int64_t ramp_ns;          /* after closing the gain rises within this */
    double slew_m_per_s;      /* of a new reference in CLOSED; 0: at once */
    int64_t inhibit_tail_ns;  /* the inhibit goes on this long after its flag */
    int64_t inhibit_max_ns;   /* a flag that stays longer is not believed */
    uint64_t gain_blank;      /* frames */
    uint64_t max_saturated, max_masked, trip_count;
    uint64_t at_trip[2];           /* enum at_trip of slow and of fast correctors ... */
    double return_rad_s;           /* ... and how fast they go back */
    uint64_t patience[COND_COUNT]; /* conditions.def: times in a row until it is unmet */
    double readback_tolerance_rad;
    double bpm_max_m, bpm_min_sum, min_current_a, trip_orbit_m;
    int64_t bpm_max_age_ns, actuator_max_age_ns;
    double actuator_pole_hz;
    int64_t response_delay_ns; /* actuator delay plus BPM group delay */
    int64_t fast_delay_ns;     /* the same of fast correctors */
    int64_t arm_timeout_ns, hold_max_ns, hold_settle_ns, lease_min_ns;
    uint64_t lease_law_periods;
    bool virtual_loop;
    bool mask_misfits; /* BPMs that contradict the others, as innovation.h says: */
    double mask_z, mask_min_m, model_error;
    uint64_t mask_count, release_count, noise_frames, baseline_frames;
};

struct params {
    uint64_t revision; /* 0: no matrices yet */
    uint64_t model_revision, content_hash;
    uint64_t image_hash;    /* of everything here (set_image.h); 0: nobody asked */
    struct param_head head; /* as the matrices came; sections are those of its sender */
    double alpha_c, rf_hz;  /* of the model */
    struct orbit_dims dims;
    uint64_t n_block;
    struct param_block block[ORBIT_MAX_BLOCK];
    struct matvec predict;                  /* R, n_row x n_col */
    struct matvec correct[ORBIT_MAX_BLOCK]; /* K of each block, block's n_col x n_row */
    struct matvec law_k[ORBIT_MAX_BLOCK];   /* K_LAW of each block, if the set carries it */
    struct matvec offload;                  /* OFFLOAD, n_col x n_col, if the set carries it */
    double *r;                              /* [n_row][n_col], for masking */
    double *k_by_row;                       /* [n_row][n_col]: K transposed, for masking */
    struct optional_matrix optional[PARAM_SECTION_COUNT]; /* not PARAM_R and PARAM_K */
    struct bases bases;
    double *reference_m;                   /* [n_row] */
    uint64_t *row_disabled, *col_disabled; /* [n_row], [n_col]: QUALITY_DISABLED or 0 */
    double *lower, *upper;                 /* [n_col] absolute limits, rad */
    double *pole_hz;                       /* [n_col] of the actuators */
    uint64_t *fast;                        /* [n_col] 1: a fast corrector */
    uint64_t *offloaded;     /* [n_col] 1: a slow one that takes over from fast ones */
    double *energy_m_per_hz; /* [n_row] RF column of R */
    double *energy_fit;      /* [n_row] the same over its square, enabled rows */
    uint64_t serial;         /* of every publishing */
    struct ff_tables ff;     /* feed-forward ... */
    double *ff_value;     /* [FF_MAX_TABLE * FF_MAX_POINT][n_col + n_row] ... and its values */
    double *law_gain;     /* [n_col] of v, on top of the law's own */
    struct law_terms law; /* by params_make_law */
    uint64_t unchecked_col; /* first enabled corrector without a check; UINT64_MAX: none, or
                               none is required */
    struct tuning tuning;
    void *memory; /* all of the above arrays */
};

struct params_store;

/* Allocates the four slots for these sizes; storage: of R and K in the kernel. */
MUST_USE enum rc params_create(struct params_store **store, const struct orbit_dims *dims,
                               enum matvec_storage storage);
void params_destroy(struct params_store *store);

/* ---- manager ---- */

/* A free slot, filled as a copy of the newest published set (or zeroed). NULL: all four are in
 * use, i.e. the loop has been stalled over three changes, or memory ran out. */
struct params *params_begin(struct params_store *store);

/* Puts matrices into a slot; optional ones that are not there are gone from it. RC_INPUT with
 * the place of the first non-finite element, for a wrong shape, or if blocks are out of range
 * or overlap; the slot is then as it was. */
MUST_USE enum rc params_fill(struct params *params, const struct param_head *head,
                             const struct param_matrices *matrices);

/* The display shows the slot's modes from now on, not those of earlier sets. */
MUST_USE enum rc params_renew_modes(struct params *params);

/* Derives the law's terms from tuning, limits, poles, gains and blocks of the slot: call it
 * after the last change of those. RC_RANGE names the key and its limit. */
MUST_USE enum rc params_make_law(struct params *params);

/* Publishes the slot and hands the old one to the reclaim thread. Gives it the next revision if
 * matrices are present. */
void params_publish(struct params_store *store, struct params *params);

/* The same under the numbers of another run: for replays. */
void params_publish_as(struct params_store *store, struct params *params, uint64_t revision,
                       uint64_t serial);

/* Gives a slot of params_begin() back unused. */
void params_abandon(struct params_store *store, struct params *params);

/* Revision of the newest published set; 0 before matrices came. */
uint64_t params_revision(const struct params_store *store);

/* What the law uses of a block: K_LAW, or K in a set without it. */
RT_SAFE static inline const struct matvec *params_law_matrix(const struct params *p, uint64_t b)
{
    return p->optional[PARAM_K_LAW].rows ? &p->law_k[b] : &p->correct[b];
}

/* METRIC, or NULL. */
RT_SAFE static inline const double *params_metric(const struct params *p)
{
    return p->optional[PARAM_METRIC].rows ? p->optional[PARAM_METRIC].a : NULL;
}

/* ---- loop ---- */

/* Registers the calling thread as the reader; call once, before the first cycle, and at the
 * end. */
void params_reader_enter(struct params_store *store);
void params_reader_leave(struct params_store *store);

/* Between these two a set stays valid; outside them (while waiting) it may be reclaimed. */
RT_SAFE const struct params *params_acquire(struct params_store *store);
RT_SAFE void params_release(struct params_store *store);

#endif
