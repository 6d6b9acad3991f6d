/* One step of the control law: from the wanted static correction v = -(K e) to set points.
 *
 * Pure: no clock, no memory but the caller's. struct law_state is one contiguous block without
 * pointers, law_state_size() bytes: a checkpoint is a copy of it, and a second instance
 * (virtual closed loop, replay, design) costs its memory alone. One thread per state.
 *
 *   law_state_init -> { law_step (as often as the law steps), law_hold, law_track }
 */
#ifndef ORBIT_RT_LOOP_LAW_LAW_H
#define ORBIT_RT_LOOP_LAW_LAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/loop/law/terms.h"

struct law_state {
    uint64_t n_col, stride; /* of the arrays behind this, in doubles */
    uint64_t head;          /* history entry of the newest set points */
    uint64_t primed;        /* v_last and the notches know the past */
    uint64_t filled;        /* the history does */
    uint64_t n_active;      /* correctors at a limit that the others make up for */
    uint64_t active[LAW_MAX_ACTIVE];
    double side[LAW_MAX_ACTIVE];   /* +1: at the upper limit, -1: at the lower */
    double inward[LAW_MAX_ACTIVE]; /* consecutive steps that wanted it back */
    struct law_phasor turned[LAW_MAX_HARMONIC];
    struct law_resonator last[LAW_MAX_HARMONIC]; /* as they were in the last step */
    uint64_t fading[LAW_MAX_HARMONIC];           /* 1: has something to say or to fade */
    _Alignas(CACHE_LINE) double data[];
};

struct law_input {
    const double *v;      /* [n_col] -(K e); NaN-free */
    const double *u_now;  /* [n_col] set points that stand: last sent, or found */
    const double *u_ref;  /* [n_col] the leak's reference; NULL: 0 */
    const double *u_ff;   /* [n_col] feed-forward, contained in the set points; NULL: 0 */
    const double *metric; /* [n_col][n_col] (R^T W^2 R + M)^-1, 0 between blocks: how others
                             make up for a corrector at its limit; NULL: they do not */
    double gain;          /* of v, on top of the terms': capture, soft start; else 1 */
    double step_scale;    /* of the step limits; else 1 */
    bool closed;          /* the loop drives: u_now is what the law asked for last */
};

/* Arrays are the caller's. */
struct law_output {
    double *u;            /* [n_col] new set points; u_now where not driven */
    double *step;         /* [n_col] u - u_now */
    uint64_t *saturated;  /* [n_col] 1: cut at an absolute limit in this step */
    uint64_t n_saturated; /* of them */
    uint64_t n_limited;   /* blocks that were scaled to a step limit */
};

/* Bytes of a state for n_col columns; a multiple of CACHE_LINE. */
size_t law_state_size(uint64_t n_col);

/* memory: law_state_size(n_col) bytes, aligned to CACHE_LINE. Knows nothing of the past. */
struct law_state *law_state_init(void *memory, uint64_t n_col);

/* One law step. Moves nothing outside `out`; that the new set points were sent is told by the
 * next call's u_now, whatever became of them. */
RT_SAFE void law_step(const struct law_terms *terms, struct law_state *state,
                      const struct law_input *in, struct law_output *out);

/* A step in which the law stands still (injection, a gap in the data): the model of what was
 * sent runs on, errors are not integrated, and the next step takes the error as it then is. */
RT_SAFE void law_hold(struct law_state *state, const double *u_now);

/* The past is forgotten: as if u [n_col] had stood for ever. */
RT_SAFE void law_track(struct law_state *state, const double *u);

/* What is contained beside the law jumps from `before` to `after` [n_col] by a change of its
 * tables: the law's own part takes the difference, so that set points do not. */
RT_SAFE void law_hand_over(struct law_state *state, const double *before, const double *after);

/* New matrices: v of the last step's error as the new ones see it, so that neither lead nor
 * proportional term takes the change of the matrix for one of the orbit. */
RT_SAFE void law_rebase(struct law_state *state, const struct law_terms *terms,
                        const double *v);

#endif
