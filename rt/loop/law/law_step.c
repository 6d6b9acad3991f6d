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
    double *v = law_array(state, LAW_V), *last = law_array(state, LAW_V_LAST);

    memcpy(v, in->v, state->n_col * sizeof *v);
    if (!state->primed)
        law_filter_settle(terms, state, v);
    law_filter(terms, state, v);
    law_redistribute(terms, state, in->metric, v);
    for (uint64_t j = 0; j < state->n_col; j++)
        v[j] *= in->gain * terms->gain[j];
    if (!state->primed)
        memcpy(last, v, state->n_col * sizeof *v);
    state->primed = 1;
}

static RT_SAFE double reference_of(const struct law_input *in, uint64_t col)
{
    return in->u_ref ? in->u_ref[col] : 0.0;
}

static RT_SAFE void step_pi(const struct law_terms *terms, struct law_state *state,
                            const struct law_input *in)
{
    const double *v = law_array(state, LAW_V), *last = law_array(state, LAW_V_LAST);
    const double *now = law_past(state, 0);
    double *base = law_array(state, LAW_BASE);

    for (uint64_t j = 0; j < state->n_col; j++)
        base[j] = now[j] + (terms->kp * (v[j] - last[j]) + terms->ki * v[j]) -
                  terms->leak * (now[j] - reference_of(in, j));
}

static RT_SAFE void step_imc(const struct law_terms *terms, struct law_state *state,
                             const struct law_input *in)
{
    const double *v = law_array(state, LAW_V), *last = law_array(state, LAW_V_LAST);
    const double *now = law_past(state, 0), *then = law_past(state, terms->d);
    double *base = law_array(state, LAW_BASE), b = terms->b, leak = terms->leak;

    for (uint64_t j = 0; j < state->n_col; j++)
        base[j] = b * now[j] + (1.0 - b) * (then[j] - leak * (then[j] - reference_of(in, j))) +
                  terms->lead[j] * (v[j] - terms->a[j] * last[j]);
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

/* A block's vector is scaled as one, so that the direction of the correction is kept. */
static RT_SAFE bool limit_block(const struct law_terms *terms, struct law_state *state,
                                const struct law_span *block, double step_scale, double *step)
{
    double *extra = law_array(state, LAW_EXTRA);
    const double *wanted = law_array(state, LAW_WANTED);
    double over = 1.0;

    for (uint64_t j = block->col0; j < block->col0 + block->n_col; j++)
        over = fmax(over, fabs(step[j]) / (step_scale * terms->step_limit[j]));
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
static RT_SAFE double within_limits(const struct law_terms *terms, uint64_t j, double now,
                                    double wanted)
{
    if (now < terms->lower[j] || now > terms->upper[j])
        return fabs(wanted) < fabs(now) ? wanted : now;
    return fmin(fmax(wanted, terms->lower[j]), terms->upper[j]);
}

static RT_SAFE void limit_absolutely(const struct law_terms *terms, struct law_state *state,
                                     const struct law_input *in, struct law_output *out)
{
    for (uint64_t j = 0; j < state->n_col; j++) {
        double now = in->u_now[j], wanted = now + out->step[j];
        double allowed = within_limits(terms, j, now, wanted);
        bool cut = allowed < wanted || allowed > wanted;

        out->u[j] = allowed;
        out->step[j] = allowed - now;
        out->saturated[j] = cut;
        if (cut && in->closed)
            law_activate(state, j, wanted > allowed ? 1.0 : -1.0);
    }
    for (uint64_t i = 0; i < state->n_active; i++)
        out->saturated[state->active[i]] = 1;
    out->n_saturated = 0;
    for (uint64_t j = 0; j < state->n_col; j++)
        out->n_saturated += out->saturated[j];
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
    for (uint64_t j = 0; j < state->n_col; j++)
        out->step[j] = terms->driven[j] * (base[j] + wanted[j] - in->u_now[j]);
    out->n_limited = 0;
    for (uint64_t b = 0; b < terms->n_block; b++)
        out->n_limited +=
            limit_block(terms, state, &terms->block[b], in->step_scale, out->step);
    limit_absolutely(terms, state, in, out);
    memcpy(law_array(state, LAW_V_LAST), law_array(state, LAW_V),
           state->n_col * sizeof(double));
}
