#include "tests/support/scalar_loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void scalar_open(struct scalar_loop *loop, const struct law_terms *terms, double fs_hz,
                 double delay_s, double pole_hz)
{
    void *memory = aligned_alloc(CACHE_LINE, law_state_size(1));

    memset(loop, 0, sizeof *loop);
    loop->terms = terms;
    loop->state = law_state_init(memory, 1);
    loop->fs_hz = fs_hz;
    loop->delay_s = delay_s;
    loop->pole_hz = pole_hz;
    loop->gain = 1.0;
    loop->settle = 4000;
}

void scalar_close(struct scalar_loop *loop)
{
    free(loop->state);
}

/* Set point that is in force at the corrector's input in step k - back. */
static double sent(const struct scalar_loop *loop, uint64_t back)
{
    return loop->steps > back ? loop->sent[(loop->steps - 1 - back) % SCALAR_PAST] : 0.0;
}

static void follow(struct scalar_loop *loop, double target, double dt_s)
{
    double left = loop->pole_hz > 0.0 ? exp(-2.0 * M_PI * loop->pole_hz * dt_s) : 0.0;

    if (dt_s > 0.0)
        loop->current = target + (loop->current - target) * left;
}

/* From the last sample to this one: the set point of step m arrives at m T + delay. */
static void advance(struct scalar_loop *loop)
{
    double period_s = 1.0 / loop->fs_hz, whole;
    double part_s = modf(loop->delay_s / period_s, &whole) * period_s;
    uint64_t d = (uint64_t) whole;

    follow(loop, sent(loop, d + 1), part_s);
    follow(loop, sent(loop, d), period_s - part_s);
}

double scalar_step(struct scalar_loop *loop, double disturbance)
{
    uint64_t saturated;
    double orbit, v, step, u;
    struct law_input in = {
        .v = &v, .u_now = &loop->u, .gain = 1.0, .step_scale = 1.0, .closed = true};
    struct law_output out = {.u = &u, .step = &step, .saturated = &saturated};

    advance(loop);
    orbit = loop->gain * loop->current + disturbance;
    v = -orbit;
    law_step(loop->terms, loop->state, &in, &out);
    loop->u = u;
    loop->sent[loop->steps++ % SCALAR_PAST] = u;
    return orbit;
}

double complex scalar_response(struct scalar_loop *loop, double f_hz)
{
    /* Whole periods, as nearly as steps allow, and as many again to settle. */
    double per_period = loop->fs_hz / f_hz, periods = ceil(2000.0 / per_period) + 4.0;
    uint64_t n = (uint64_t) (periods * per_period + 0.5), settle = loop->settle + n;
    double complex sum = 0.0, reference = 0.0;

    for (uint64_t k = 0; k < settle + n; k++) {
        double angle = 2.0 * M_PI * f_hz / loop->fs_hz * (double) loop->steps;
        double disturbance = cos(angle), orbit = scalar_step(loop, disturbance);

        if (k < settle)
            continue;
        sum += orbit * CMPLX(cos(angle), -sin(angle));
        reference += disturbance * CMPLX(cos(angle), -sin(angle));
    }
    return sum / reference;
}
