#include "rt/loop/law/law.h"

#include <string.h>

#include "rt/loop/law/parts.h"

enum { DOUBLES_A_LINE = CACHE_LINE / sizeof(double) };

static RT_SAFE uint64_t stride_of(uint64_t n_col)
{
    return (n_col + DOUBLES_A_LINE - 1) / DOUBLES_A_LINE * DOUBLES_A_LINE;
}

size_t law_state_size(uint64_t n_col)
{
    return sizeof(struct law_state) + LAW_ARRAYS * stride_of(n_col) * sizeof(double);
}

struct law_state *law_state_init(void *memory, uint64_t n_col)
{
    struct law_state *state = memory;

    memset(memory, 0, law_state_size(n_col));
    state->n_col = n_col;
    state->stride = stride_of(n_col);
    for (unsigned h = 0; h < LAW_MAX_HARMONIC; h++)
        state->turned[h].re = 1.0;
    return state;
}

void law_remember(struct law_state *state, const double *u)
{
    const double *extra = law_array(state, LAW_EXTRA);
    uint64_t first = state->filled ? LAW_MAX_DELAY - 1 : 0;

    /* The first time, every entry; later the oldest becomes the newest. */
    for (uint64_t entry = first; entry < LAW_MAX_DELAY; entry++) {
        double *restrict base;

        state->head = (state->head + 1) % LAW_MAX_DELAY;
        base = law_array(state, LAW_HISTORY + (unsigned) state->head);
        for (uint64_t j = 0; j < state->n_col; j++)
            base[j] = u[j] - extra[j];
    }
    state->filled = 1;
}

void law_hold(struct law_state *state, const double *u_now)
{
    law_remember(state, u_now);
    state->primed = 0;
}

void law_track(struct law_state *state, const double *u)
{
    state->filled = 0;
    state->primed = 0;
    state->n_active = 0;
    memset(law_array(state, LAW_EXTRA), 0, state->n_col * sizeof(double));
    law_quiet(state);
    law_remember(state, u);
}

void law_rebase(struct law_state *state, const struct law_terms *terms, const double *v)
{
    double *last = law_array(state, LAW_V_LAST);

    law_filter_settle(terms, state, v);
    for (uint64_t j = 0; j < state->n_col; j++)
        last[j] = terms->gain[j] * v[j];
}

void law_hand_over(struct law_state *state, const double *before, const double *after)
{
    double *extra = law_array(state, LAW_EXTRA);

    for (uint64_t j = 0; j < state->n_col; j++)
        extra[j] += after[j] - before[j];
    for (unsigned entry = 0; entry < LAW_MAX_DELAY; entry++) {
        double *base = law_array(state, LAW_HISTORY + entry);

        for (uint64_t j = 0; j < state->n_col; j++)
            base[j] -= after[j] - before[j];
    }
}
