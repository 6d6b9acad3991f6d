#include "io/ctl/ring/inside.h"

#include <math.h>
#include <stdlib.h>

/* How many points an element gets: at its entrance and evenly within. */
static uint32_t points(const struct element *element, double step_m)
{
    return element->length_m > 0 ? (uint32_t) ceil(element->length_m / step_m) : 1;
}

/* The first `share` of an element, without its exit edge. */
static void first_part(struct map *map, const struct element *element, double share)
{
    struct element part = *element;

    part.length_m *= share;
    part.angle_rad *= share;
    part.e2_rad = part.fint2 = 0;
    map_exact(map, &part);
}

/* Transformation of beta, e.g. S. Y. Lee, Accelerator Physics, chapter 2. */
static double beta_behind(const double m[4], double beta, double alpha)
{
    double gamma = (1 + alpha * alpha) / beta;

    return m[0] * m[0] * beta - 2 * m[0] * m[1] * alpha + m[1] * m[1] * gamma;
}

static void put(struct inside *inside, const struct optics *o, uint32_t i,
                const struct map *map)
{
    uint32_t at = inside->n++;

    inside->beta_x_m[at] = beta_behind(map->x, o->beta_x_m[i], o->alpha_x[i]);
    inside->beta_y_m[at] = beta_behind(map->y, o->beta_y_m[i], o->alpha_y[i]);
    inside->eta_x_m[at] = map->x[0] * o->eta_x_m[i] + map->x[1] * o->etap_x[i] + map->d[0];
}

static enum rc reserve(struct inside *inside, const struct lattice *ring, double step_m)
{
    size_t n = 1;

    for (uint32_t i = 0; i < ring->n_element; i++)
        n += points(&ring->element[i], step_m);
    *inside = (struct inside){.s_m = malloc(4 * n * sizeof(double))};
    if (!inside->s_m)
        return err_set(RC_NOMEM, "no memory for %zu points of a curve", n);
    inside->beta_x_m = inside->s_m + n;
    inside->beta_y_m = inside->s_m + 2 * n;
    inside->eta_x_m = inside->s_m + 3 * n;
    return RC_OK;
}

enum rc inside_compute(struct inside *inside, const struct lattice *ring,
                       const struct optics *optics, double step_m)
{
    enum rc rc = reserve(inside, ring, step_m);
    struct map map;

    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < ring->n_element; i++) {
        uint32_t n = points(&ring->element[i], step_m);

        for (uint32_t k = 0; k < n; k++) {
            map_identity(&map);
            if (k > 0)
                first_part(&map, &ring->element[i], (double) k / n);
            inside->s_m[inside->n] = ring->s_m[i] + k * ring->element[i].length_m / n;
            put(inside, optics, i, &map);
        }
    }
    map_identity(&map);
    inside->s_m[inside->n] = ring->circumference_m;
    put(inside, optics, ring->n_element, &map);
    return RC_OK;
}

void inside_free(struct inside *inside)
{
    free(inside->s_m);
    *inside = (struct inside){0};
}
