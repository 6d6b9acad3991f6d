#include "model/map.h"

#include <math.h>

#include "model/focus.h"
#include "model/track.h"

static void set_block(double block[4], const struct focus *f, double k)
{
    block[0] = f->c;
    block[1] = f->s;
    block[2] = -k * f->s;
    block[3] = f->c;
}

void map_identity(struct map *map)
{
    *map = (struct map){.x = {1, 0, 0, 1}, .y = {1, 0, 0, 1}};
}

static void map_drift(struct map *map, double length)
{
    *map = (struct map){.x = {1, length, 0, 1}, .y = {1, length, 0, 1}};
}

/* Body of a bend or quadrupole: curvature h, gradient k1. */
static void map_body(struct map *map, double h, double k1, double length)
{
    double kx = h * h + k1, ky = -k1;
    struct focus x = focus_over(kx, length), y = focus_over(ky, length);

    set_block(map->x, &x, kx);
    set_block(map->y, &y, ky);
    map->d[0] = h * x.one_minus_c;
    map->d[1] = h * x.s;
    map->p[0] = h * x.s;
    map->p[1] = h * x.one_minus_c;
    map->pd = h * h * x.length_minus_s;
}

/* A pole face turned by e: focusing in one plane, defocusing in the other, the latter reduced
 * by the extent of the fringe field (full gap times fint). */
static void edge_strengths(const struct element *e, double angle, double fint, double *x,
                           double *y)
{
    double h = e->angle_rad / e->length_m;
    double sine = sin(angle);
    double psi = h * e->gap_m * fint * (1 + sine * sine) / cos(angle);

    *x = h * tan(angle);
    *y = -h * tan(angle - psi);
}

static void enter_edge(struct map *map, double x, double y)
{
    map->x[0] += map->x[1] * x;
    map->x[2] += map->x[3] * x;
    map->y[0] += map->y[1] * y;
    map->y[2] += map->y[3] * y;
    map->p[0] += map->p[1] * x;
}

static void leave_edge(struct map *map, double x, double y)
{
    map->x[2] += x * map->x[0];
    map->x[3] += x * map->x[1];
    map->y[2] += y * map->y[0];
    map->y[3] += y * map->y[1];
    map->d[1] += x * map->d[0];
}

static bool bends(const struct element *element)
{
    return element->kind == ELEMENT_DIPOLE && element->length_m > 0;
}

void map_exact(struct map *map, const struct element *element)
{
    double x, y;

    if (bends(element)) {
        map_body(map, element->angle_rad / element->length_m, element->b[1], element->length_m);
        edge_strengths(element, element->e1_rad, element->fint1, &x, &y);
        enter_edge(map, x, y);
        edge_strengths(element, element->e2_rad, element->fint2, &x, &y);
        leave_edge(map, x, y);
    } else if (fabs(element->b[1]) > 0) {
        map_body(map, 0, element->b[1], element->length_m);
    } else {
        map_drift(map, element->length_m);
    }
}

bool map_couples(const struct element *element)
{
    bool has_planes =
        fabs(element->b[1]) > 0 || bends(element) || element->kind == ELEMENT_CORRECTOR;

    return fabs(element->a[1]) * element->length_m > 0 ||
           (has_planes && fabs(element->roll_rad) > 0);
}

static void kick_within_edges(struct kick_map *kick, const struct element *element)
{
    double x, y;

    edge_strengths(element, element->e2_rad, element->fint2, &x, &y);
    kick->x[1] += x * kick->x[0];
    kick->y[1] += y * kick->y[0];
}

void map_kick_exact(struct kick_map *kick, const struct element *element)
{
    double length = element->length_m;
    double h = bends(element) ? element->angle_rad / length : 0;
    double k1 = element->b[1];
    struct focus x, y;

    if (length <= 0 || (h * h + fabs(k1) <= 0)) {
        *kick = (struct kick_map){.x = {0.5 * length, 1}, .y = {0.5 * length, 1}};
        return;
    }
    x = focus_over(h * h + k1, length);
    y = focus_over(-k1, length);
    kick->x[0] = x.one_minus_c / length;
    kick->x[1] = x.s / length;
    kick->y[0] = y.one_minus_c / length;
    kick->y[1] = y.s / length;
    kick->ct_x = h * x.length_minus_s / length;
    if (bends(element))
        kick_within_edges(kick, element);
}

/* ---- from slices ---- */

static void track_design(struct tangent *tangent, const struct element *element)
{
    struct element design = *element;
    double z[TRACK_DIM] = {0};

    design.dx_m = design.dy_m = design.ds_m = design.roll_rad = 0;
    design.hkick_rad = design.vkick_rad = design.a[0] = design.b[0] = 0;
    track_element(&design, z, tangent);
}

void map_sliced(struct map *map, const struct element *element)
{
    struct tangent t;

    tangent_start(&t);
    track_design(&t, element);
    *map = (struct map){
        .x = {t.column[0][0], t.column[1][0], t.column[0][1], t.column[1][1]},
        .y = {t.column[2][2], t.column[3][2], t.column[2][3], t.column[3][3]},
        .d = {t.column[4][0], t.column[4][1]},
        .p = {t.column[0][5], t.column[1][5]},
        .pd = t.column[4][5],
    };
}

void map_kick_sliced(struct kick_map *kick, const struct element *element)
{
    struct tangent t = {.n = 2, .kick_x = {1, 0}, .kick_y = {0, 1}};

    track_design(&t, element);
    *kick = (struct kick_map){
        .x = {t.column[0][0], t.column[0][1]},
        .y = {t.column[1][2], t.column[1][3]},
        .ct_x = t.column[0][5],
    };
}

/* ---- products ---- */

static void append_block(double total[4], const double later[4])
{
    double a = total[0], b = total[1], c = total[2], d = total[3];

    total[0] = later[0] * a + later[1] * c;
    total[1] = later[0] * b + later[1] * d;
    total[2] = later[2] * a + later[3] * c;
    total[3] = later[2] * b + later[3] * d;
}

void map_append(struct map *total, const struct map *later)
{
    double d0 = total->d[0], d1 = total->d[1];

    total->pd += later->pd + later->p[0] * d0 + later->p[1] * d1;
    total->p[0] += later->p[0] * total->x[0] + later->p[1] * total->x[2];
    total->p[1] += later->p[0] * total->x[1] + later->p[1] * total->x[3];
    total->d[0] = later->x[0] * d0 + later->x[1] * d1 + later->d[0];
    total->d[1] = later->x[2] * d0 + later->x[3] * d1 + later->d[1];
    append_block(total->x, later->x);
    append_block(total->y, later->y);
}
