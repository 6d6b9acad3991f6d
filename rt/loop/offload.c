#include "rt/loop/offload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/loop/params.h"

enum { ARRAYS = 5, LEAST_PERIOD_NS = 100000000 };

enum rc offload_create(struct offload *o, uint64_t n_col)
{
    double *at = calloc(ARRAYS * n_col, sizeof *at);
    double **arrays[ARRAYS] = {&o->sum, &o->move, &o->due, &o->owed, &o->paid};

    if (!at)
        return err_set(RC_NOMEM, "no memory for offloading");
    o->n_col = n_col;
    o->memory_b = ARRAYS * n_col * sizeof *at;
    for (unsigned i = 0; i < ARRAYS; i++)
        *arrays[i] = at + i * n_col;
    return RC_OK;
}

/* sum is the first of one allocation. */
void offload_destroy(struct offload *o)
{
    free(o->sum);
}

enum rc offload_check(const struct offload_settings *s)
{
    if (!(s->gain >= 0.0 && s->gain <= 1.0))
        return err_set(RC_RANGE, "offload.gain %g: 0 to 1 are allowed", s->gain);
    if (s->period_ns < LEAST_PERIOD_NS)
        return err_set(RC_RANGE, "offload.rate_hz %g: at most 10", 1e9 / (double) s->period_ns);
    return RC_OK;
}

/* Opened: what was handed over is history, and nothing is under way. */
static RT_SAFE void forget(struct offload *o, int64_t now_ns)
{
    uint64_t size_b = o->n_col * sizeof(double);

    memset(o->sum, 0, size_b);
    memset(o->due, 0, size_b);
    memset(o->owed, 0, size_b);
    memset(o->paid, 0, size_b);
    o->n_sum = 0;
    o->pending = false;
    o->moved_ns = now_ns;
    o->stepped_ns = now_ns;
}

/* The fast correctors pay what the slow ones have reached since the last step: a first-order
 * pole, as the slow class has. */
static RT_SAFE void pay(struct offload *o, const struct params *p, int64_t now_ns)
{
    double dt_s = 1e-9 * (double) (now_ns - o->stepped_ns);
    double z = 2.0 * M_PI * p->tuning.actuator_pole_hz * dt_s;
    /* 1 - exp(-z), exact enough for small z and within 0 to 1 for all. */
    double share = z / (1.0 + 0.5 * z + z * z / 12.0);

    share = share > 1.0 ? 1.0 : share;
    o->stepped_ns = now_ns;
    if (o->pending && now_ns >= o->due_ns) {
        o->pending = false;
        for (uint64_t j = 0; j < o->n_col; j++)
            o->owed[j] += o->due[j];
    }
    for (uint64_t j = 0; j < o->n_col; j++) {
        double now = share * o->owed[j];

        o->owed[j] -= now;
        o->paid[j] += now;
    }
}

/* Slow kicks within limits; what they will do is due from the fast ones after the difference of
 * the classes' delays. */
static RT_SAFE void move(struct offload *o, const struct params *p, double *u, int64_t now_ns)
{
    double factor = p->tuning.offload.gain / (double) o->n_sum, over = 1.0;

    for (uint64_t j = 0; j < o->n_col; j++)
        o->sum[j] *= factor;
    matvec_apply(&p->offload, o->sum, o->move);
    for (uint64_t j = 0; j < o->n_col; j++) {
        o->move[j] = p->offloaded[j] ? o->move[j] : 0.0;
        over = fmax(over, fabs(o->move[j]) / p->law.step_limit[j]);
    }
    o->n_limited += over > 1.0;
    for (uint64_t j = 0; j < o->n_col; j++) {
        double to = fmin(fmax(u[j] + o->move[j] / over, p->lower[j]), p->upper[j]);

        o->move[j] = p->offloaded[j] ? to - u[j] : 0.0;
        u[j] = p->offloaded[j] ? to : u[j];
    }
    matvec_apply(&p->offload, o->move, o->due);
    for (uint64_t j = 0; j < o->n_col; j++)
        o->due[j] = p->offloaded[j] ? 0.0 : -o->due[j];
    o->due_ns = now_ns + p->tuning.response_delay_ns - p->tuning.fast_delay_ns;
    o->pending = true;
    memset(o->sum, 0, o->n_col * sizeof *o->sum);
    o->n_sum = 0;
    o->moved_ns = now_ns;
}

static RT_SAFE void collect(struct offload *o, const struct params *p, const double *u)
{
    for (uint64_t j = 0; j < o->n_col; j++)
        o->sum[j] += p->offloaded[j] ? 0.0 : p->law.driven[j] * u[j];
    o->n_sum++;
}

void offload_step(struct offload *o, const struct params *p, double *u, int64_t now_ns,
                  bool closed)
{
    if (!p->optional[PARAM_OFFLOAD].rows || !(p->tuning.offload.gain > 0.0) || !closed) {
        if (!closed)
            forget(o, now_ns);
        return;
    }
    pay(o, p, now_ns);
    collect(o, p, u);
    if (!o->pending && now_ns - o->moved_ns >= p->tuning.offload.period_ns)
        move(o, p, u, now_ns);
}
