#include <math.h>

#include "model/focus.h"
#include "model/track_parts.h"

/* One of the two directions in which a gradient field acts by itself: p' = -k u + force. With
 * momentum, u' = p/(1 + delta). */
struct direction {
    int at; /* X or Y */
    double k, length;
    double force, force_delta; /* force at delta = 0, and its slope */
    double curvature;          /* path per u and length */
};

/* The solution at one momentum. */
struct solution {
    struct focus f;
    double inverse, k, force, slope; /* 1/(1 + delta), K, F, u' at the entrance */
    double u, v, end, end_slope;     /* u at the entrance; energy v; at the exit */
    double area;                     /* integral of u */
};

/* The integral of u'^2 over the length is (end end' - u u' + v L + F area)/2, with the energy v
 * = u'^2 + K u^2 - 2 F u, which is constant. */
static struct solution solve(const struct direction *d, const double z[TRACK_DIM])
{
    struct solution s = {.inverse = 1 / (1 + z[DELTA]), .u = z[d->at]};

    s.k = d->k * s.inverse;
    s.force = (d->force + d->force_delta * z[DELTA]) * s.inverse;
    s.slope = z[d->at + 1] * s.inverse;
    s.f = focus_over(s.k, d->length);
    s.v = s.slope * s.slope + s.k * s.u * s.u - 2 * s.force * s.u;
    s.end = s.f.c * s.u + s.f.s * s.slope + s.f.one_minus_c * s.force;
    s.end_slope = -s.k * s.f.s * s.u + s.f.c * s.slope + s.f.s * s.force;
    s.area = s.f.s * s.u + s.f.one_minus_c * s.slope + s.f.length_minus_s * s.force;
    return s;
}

/* Differential of the solution along one tangent column: du, dp, d(delta), d(kick). */
static void direction_tangent(const struct direction *d, const struct solution *s,
                              const struct focus *by_k, double column[TRACK_DIM], double kick)
{
    double du = column[d->at], ddelta = column[DELTA];
    double shrink = -s->inverse * ddelta, dk = s->k * shrink;
    double df = s->force * shrink + (kick / d->length + d->force_delta * ddelta) * s->inverse;
    double dslope = s->slope * shrink + column[d->at + 1] * s->inverse;
    double end = s->f.c * du + s->f.s * dslope + s->f.one_minus_c * df +
                 dk * (by_k->c * s->u + by_k->s * s->slope + by_k->one_minus_c * s->force);
    double end_slope =
        -s->k * s->f.s * du + s->f.c * dslope + s->f.s * df +
        dk * (-(s->f.s + s->k * by_k->s) * s->u + by_k->c * s->slope + by_k->s * s->force);
    double area =
        s->f.s * du + s->f.one_minus_c * dslope + s->f.length_minus_s * df +
        dk * (by_k->s * s->u + by_k->one_minus_c * s->slope + by_k->length_minus_s * s->force);
    double v = 2 * (s->slope * dslope + s->k * s->u * du - df * s->u - s->force * du) +
               dk * s->u * s->u;
    double square = 0.5 * (end * s->end_slope + s->end * end_slope - du * s->slope -
                           s->u * dslope + v * d->length + df * s->area + s->force * area);

    column[d->at] = end;
    column[d->at + 1] = end_slope / s->inverse + s->end_slope * ddelta;
    column[CT] += d->curvature * area + 0.5 * square;
}

static void through(double z[TRACK_DIM], const struct direction *d, struct tangent *t)
{
    struct solution s = solve(d, z);
    struct focus by_k = t ? focus_slope(&s.f, s.k, d->length) : (struct focus){0};
    double square =
        0.5 * (s.end * s.end_slope - s.u * s.slope + s.v * d->length + s.force * s.area);

    for (uint32_t c = 0; t && c < t->n; c++)
        direction_tangent(d, &s, &by_k, t->column[c], d->at == X ? t->kick_x[c] : t->kick_y[c]);
    z[d->at] = s.end;
    z[d->at + 1] = s.end_slope / s.inverse;
    z[CT] += d->curvature * s.area + 0.5 * square;
}

void track_exact_body(double z[TRACK_DIM], const struct kicker *k, struct tangent *t)
{
    const struct element *e = k->element;
    double kx = k->h * k->h + e->b[1], kxy = -e->a[1], ky = -e->b[1];
    double turn = fabs(kxy) > 0 ? 0.5 * atan2(2 * kxy, kx - ky) : 0;
    double c = cos(turn), s = sin(turn);
    double force_x = k->along_x - e->b[0], force_y = k->along_y + e->a[0];
    const struct direction first = {.at = X,
                                    .k = c * c * kx + 2 * c * s * kxy + s * s * ky,
                                    .length = e->length_m,
                                    .force = c * force_x + s * force_y,
                                    .force_delta = c * k->h,
                                    .curvature = c * k->h};
    const struct direction second = {.at = Y,
                                     .k = s * s * kx - 2 * c * s * kxy + c * c * ky,
                                     .length = e->length_m,
                                     .force = c * force_y - s * force_x,
                                     .force_delta = -s * k->h,
                                     .curvature = -s * k->h};

    if (fabs(s) > 0)
        track_turn_frame(z, t, c, s);
    through(z, &first, t);
    through(z, &second, t);
    if (fabs(s) > 0)
        track_turn_frame(z, t, c, -s);
}
