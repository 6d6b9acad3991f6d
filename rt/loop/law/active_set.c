/* Correctors at their absolute limits: the others make up for them.
 *
 * With P = (R^T W^2 R + M)^-1, the solution of the same least squares with v_s = 0 for the set
 * s is v - P_:s l, l = P_ss^-1 v_s. l_i P_ii is how much further the solution wants corrector i
 * while the rest of the set stands: once that points inside by more than the hysteresis for
 * some steps in a row, it is let go.
 */
#include "rt/loop/law/parts.h"

#include "rt/base/small_solve.h"

enum { STEPS_TO_RELEASE = 3 };

/* Without a metric every corrector is alone with its limit. */
static RT_SAFE double metric_at(const double *metric, uint64_t n, uint64_t i, uint64_t j)
{
    if (!metric)
        return i == j ? 1.0 : 0.0;
    return metric[i * n + j];
}

static RT_SAFE bool multipliers(const struct law_state *state, const double *metric,
                                const double *v, double *l)
{
    double a[SMALL_SOLVE_MAX][SMALL_SOLVE_MAX], least = 0.0;

    for (uint64_t i = 0; i < state->n_active; i++) {
        l[i] = v[state->active[i]];
        for (uint64_t j = 0; j < state->n_active; j++)
            a[i][j] = metric_at(metric, state->n_col, state->active[i], state->active[j]);
        least = fmax(least, a[i][i]);
    }
    return small_solve(a, l, state->n_active, 1e-9 * least);
}

static RT_SAFE void drop(struct law_state *state, uint64_t which)
{
    uint64_t last = --state->n_active;

    state->active[which] = state->active[last];
    state->side[which] = state->side[last];
    state->inward[which] = state->inward[last];
}

/* From the last to the first, so that dropping one leaves those still to come in place. */
static RT_SAFE bool let_go(const struct law_terms *terms, struct law_state *state,
                           const double *metric, const double *l)
{
    uint64_t before = state->n_active;

    for (uint64_t i = before; i-- > 0;) {
        uint64_t col = state->active[i];
        double wanted = state->side[i] * l[i] * metric_at(metric, state->n_col, col, col);

        state->inward[i] = wanted < -terms->release ? state->inward[i] + 1.0 : 0.0;
        if (state->inward[i] >= STEPS_TO_RELEASE)
            drop(state, i);
    }
    return state->n_active != before;
}

void law_redistribute(const struct law_terms *terms, struct law_state *state,
                      const double *metric, double *v)
{
    uint64_t n = state->n_col;
    double l[SMALL_SOLVE_MAX];

    if (state->n_active == 0)
        return;
    /* A set whose metric is singular shares one corrector's effect: the newest goes. */
    while (!multipliers(state, metric, v, l))
        drop(state, state->n_active - 1);
    if (let_go(terms, state, metric, l)) {
        state->primed = 0;
        if (state->n_active == 0 || !multipliers(state, metric, v, l))
            return;
    }
    for (uint64_t i = 0; metric && i < state->n_active; i++)
        for (uint64_t j = 0; j < n; j++)
            v[j] -= l[i] * metric[state->active[i] * n + j];
    for (uint64_t i = 0; i < state->n_active; i++)
        v[state->active[i]] = 0.0;
}

void law_activate(struct law_state *state, uint64_t col, double side)
{
    for (uint64_t i = 0; i < state->n_active; i++)
        if (state->active[i] == col)
            return;
    if (state->n_active == LAW_MAX_ACTIVE)
        return;
    state->active[state->n_active] = col;
    state->side[state->n_active] = side;
    state->inward[state->n_active++] = 0.0;
    state->primed = 0;
}
