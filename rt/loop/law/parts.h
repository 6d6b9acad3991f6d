/* Where the arrays of a state lie, and the pieces of a step that have files of their own. */
#ifndef ORBIT_RT_LOOP_LAW_PARTS_H
#define ORBIT_RT_LOOP_LAW_PARTS_H

#include "rt/loop/law/law.h"

/* Arrays of [n_col] behind a state's head. */
enum law_array {
    LAW_V_LAST,  /* v of the last step, behind notches and gains */
    LAW_V,       /* scratch: v of this step */
    LAW_BASE,    /* scratch: u of the law proper, without suppressors and feed-forward */
    LAW_EXTRA,   /* suppressors and feed-forward in the set points that were sent */
    LAW_WANTED,  /* scratch: suppressors and feed-forward that are wanted */
    LAW_NOTCH_1, /* [LAW_MAX_NOTCH] first delays */
    LAW_NOTCH_2 = LAW_NOTCH_1 + LAW_MAX_NOTCH,
    LAW_REAL = LAW_NOTCH_2 + LAW_MAX_NOTCH, /* [LAW_MAX_HARMONIC] amplitudes */
    LAW_IMAGINARY = LAW_REAL + LAW_MAX_HARMONIC,
    LAW_HISTORY = LAW_IMAGINARY + LAW_MAX_HARMONIC, /* [LAW_MAX_DELAY] past bases */
    LAW_ARRAYS = LAW_HISTORY + LAW_MAX_DELAY
};

static inline double *law_array(struct law_state *state, unsigned which)
{
    return state->data + which * state->stride;
}

/* Base set points of `back` steps ago; 0: the newest. */
static inline const double *law_past(struct law_state *state, uint64_t back)
{
    return law_array(
        state, LAW_HISTORY + (unsigned) ((state->head + LAW_MAX_DELAY - back) % LAW_MAX_DELAY));
}

/* Set points u [n_col] that stand, less what is beside the law, become the newest entry of the
 * history; the first time, every entry. */
RT_SAFE void law_remember(struct law_state *state, const double *u);

/* Suppressors forget what they did. */
RT_SAFE void law_quiet(struct law_state *state);

/* v [n_col] through the notches, in place. */
RT_SAFE void law_filter(const struct law_terms *terms, struct law_state *state, double *v);

/* The notches settled at v: as if it had always been there. */
RT_SAFE void law_filter_settle(const struct law_terms *terms, struct law_state *state,
                               const double *v);

/* Takes v of this step in and adds what the suppressors answer to `sum` [n_col]. */
RT_SAFE void law_suppress(const struct law_terms *terms, struct law_state *state,
                          const double *v, double *sum);

/* Lets go of correctors that the solution wants back inside, and makes v [n_col] the solution
 * with the others of the set standing still. */
RT_SAFE void law_redistribute(const struct law_terms *terms, struct law_state *state,
                              const double *metric, double *v);

/* A corrector was cut at its limit: side +1 upper, -1 lower. */
RT_SAFE void law_activate(struct law_state *state, uint64_t col, double side);

#endif
