#include "rt/loop/law/law.h"

#include <math.h>
#include <string.h>

#include "rt/loop/law/parts.h"

/* What was sent last, or what somebody else has set; feed-forward counts as contained in it. */
static RT_SAFE void take_set_points(struct law_state *state, const struct law_input *in)
{
    double *extra = law_array(state, LAW_EXTRA);

    if (!in->closed) {
        state->n_active = 0;
        law_quiet(state);
        if (in->u_ff)
            memcpy(extra, in->u_ff, state->n_col * sizeof *extra);
        else
            memset(extra, 0, state->n_col * sizeof *extra);
    }
    law_remember(state, in->u_now);
}

/* v behind notches, active set and gains; leaves it in LAW_V. */
static RT_SAFE void take_wish(const struct law_terms *terms, struct law_state *state,
                              const struct law_input *in)
{
    double *restrict v = law_array(state, LAW_V), *last = law_array(state, LAW_V_LAST);
    double gain = in->gain;

    memcpy(v, in->v, state->n_col * sizeof *v);
    if (!state->primed)
        law_filter_settle(terms, state, v);
    law_filter(terms, state, v);
    law_redistribute(terms, state, in->metric, v);
    for (uint64_t j = 0; j < state->n_col; j++)
        v[j] *= gain * terms->gain[j];
    if (!state->primed)
        memcpy(last, v, state->n_col * sizeof *v);
    state->primed = 1;
}

/* Takes `leak` [0 to 1] of the distance between `from` and the reference kicks out of base. */
static RT_SAFE void pull(const struct law_state *state, const struct law_input *in, double leak,
                         const double *from, double *base)
{
    if (!(leak > 0.0))
        return;
    for (uint64_t j = 0; j < state->n_col; j++)
        base[j] -= leak * (from[j] - (in->u_ref ? in->u_ref[j] : 0.0));
}

static RT_SAFE void step_pi(const struct law_terms *terms, struct law_state *state,
                            const struct law_input *in)
{
    const double *v = law_array(state, LAW_V), *last = law_array(state, LAW_V_LAST);
    const double *now = law_past(state, 0);
    double *restrict base = law_array(state, LAW_BASE), kp = terms->kp, ki = terms->ki;

    for (uint64_t j = 0; j < state->n_col; j++)
        base[j] = now[j] + (kp * (v[j] - last[j]) + ki * v[j]);
    pull(state, in, terms->leak, now, base);
}

static RT_SAFE void step_imc(const struct law_terms *terms, struct law_state *state,
                             const struct law_input *in)
{
    const double *v = law_array(state, LAW_V), *last = law_array(state, LAW_V_LAST);
    const double *now = law_past(state, 0), *then = law_past(state, terms->d);
    const double *a = terms->a, *lead = terms->lead;
    double *restrict base = law_array(state, LAW_BASE), b = terms->b;

    for (uint64_t j = 0; j < state->n_col; j++)
        base[j] = b * now[j] + (1.0 - b) * then[j] + lead[j] * (v[j] - a[j] * last[j]);
    pull(state, in, (1.0 - b) * terms->leak, then, base);
}

/* A corrector of the active set stands at its limit; the past that internal model control
 * returns to would take it back. */
static RT_SAFE void hold_active(struct law_state *state)
{
    const double *now = law_past(state, 0);
    double *base = law_array(state, LAW_BASE);

    for (uint64_t i = 0; i < state->n_active; i++)
        base[state->active[i]] = now[state->active[i]];
}

/* LAW_WANTED: what suppressors and feed-forward ask for. */
static RT_SAFE void ask_beside(const struct law_terms *terms, struct law_state *state,
                               const struct law_input *in)
{
    double *wanted = law_array(state, LAW_WANTED);

    if (in->u_ff)
        memcpy(wanted, in->u_ff, state->n_col * sizeof *wanted);
    else
        memset(wanted, 0, state->n_col * sizeof *wanted);
    if (in->closed)
        law_suppress(terms, state, law_array(state, LAW_V), wanted);
}

/* Comparisons instead of fmin and fmax, which are calls. */
static RT_SAFE inline double larger(double a, double b)
{
    return a > b ? a : b;
}

static RT_SAFE inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* By how much the largest step of a block is beyond its limit; several maxima side by side, one
 * alone would wait for each comparison in turn. */
static RT_SAFE double beyond_limit(const struct law_terms *terms, const struct law_span *block,
                                   const double *step)
{
    enum { LANES = 4 };
    double over[LANES] = {0.0};
    uint64_t j = block->col0, end = block->col0 + block->n_col;

    for (; j + LANES <= end; j += LANES)
        for (unsigned lane = 0; lane < LANES; lane++)
            over[lane] = larger(over[lane], fabs(step[j + lane]) * terms->per_limit[j + lane]);
    for (; j < end; j++)
        over[0] = larger(over[0], fabs(step[j]) * terms->per_limit[j]);
    return larger(larger(over[0], over[1]), larger(over[2], over[3]));
}

/* A block's vector is scaled as one, so that the direction of the correction is kept. */
static RT_SAFE bool limit_block(const struct law_terms *terms, struct law_state *state,
                                const struct law_span *block, double step_scale, double *step)
{
    double *extra = law_array(state, LAW_EXTRA);
    const double *wanted = law_array(state, LAW_WANTED);
    double over = beyond_limit(terms, block, step) / step_scale;

    if (!(over > 1.0)) {
        memcpy(extra + block->col0, wanted + block->col0, block->n_col * sizeof *extra);
        return false;
    }
    for (uint64_t j = block->col0; j < block->col0 + block->n_col; j++) {
        step[j] /= over;
        extra[j] += (wanted[j] - extra[j]) / over;
    }
    return true;
}

/* One that is outside already, by somebody else's doing, may come back but not go further. */
static RT_SAFE uint64_t clamp_all(const struct law_terms *terms, const double *restrict now,
                                  struct law_output *out)
{
    double *restrict u = out->u, *restrict step = out->step;
    uint64_t *restrict saturated = out->saturated, n_cut = 0;

    for (uint64_t j = 0; j < terms->n_col; j++) {
        double wanted = now[j] + step[j];
        double allowed = smaller(larger(wanted, smaller(terms->lower[j], now[j])),
                                 larger(terms->upper[j], now[j]));
        uint64_t cut = (allowed < wanted) | (allowed > wanted);

        u[j] = allowed;
        saturated[j] = cut;
        n_cut += cut;
    }
    for (uint64_t j = 0; j < terms->n_col; j++)
        step[j] = u[j] - now[j];
    return n_cut;
}

/* What was cut leaves the solution from the next step on. */
static RT_SAFE void limit_absolutely(const struct law_terms *terms, struct law_state *state,
                                     const struct law_input *in, struct law_output *out)
{
    uint64_t n_cut = clamp_all(terms, in->u_now, out);

    for (uint64_t j = 0; n_cut && in->closed && j < state->n_col; j++)
        if (out->saturated[j])
            law_activate(state, j, out->u[j] >= terms->upper[j] ? 1.0 : -1.0);
    for (uint64_t i = 0; i < state->n_active; i++) {
        n_cut += 1 - out->saturated[state->active[i]];
        out->saturated[state->active[i]] = 1;
    }
    out->n_saturated = n_cut;
}

static RT_SAFE void join(const struct law_terms *terms, const double *base,
                         const double *wanted, const double *now, double *restrict step)
{
    for (uint64_t j = 0; j < terms->n_col; j++)
        step[j] = terms->driven[j] * (base[j] + wanted[j] - now[j]);
}

void law_step(const struct law_terms *terms, struct law_state *state,
              const struct law_input *in, struct law_output *out)
{
    const double *base = law_array(state, LAW_BASE), *wanted = law_array(state, LAW_WANTED);

    take_set_points(state, in);
    take_wish(terms, state, in);
    if (terms->kind == LAW_IMC)
        step_imc(terms, state, in);
    else
        step_pi(terms, state, in);
    hold_active(state);
    ask_beside(terms, state, in);
    join(terms, base, wanted, in->u_now, out->step);
    out->n_limited = 0;
    for (uint64_t b = 0; b < terms->n_block; b++)
        out->n_limited +=
            limit_block(terms, state, &terms->block[b], in->step_scale, out->step);
    limit_absolutely(terms, state, in, out);
    memcpy(law_array(state, LAW_V_LAST), law_array(state, LAW_V),
           state->n_col * sizeof(double));
}
