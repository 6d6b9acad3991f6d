#include "model/culprit.h"

#include <math.h>
#include <stdlib.h>

#include "model/column_space.h"

static bool can_kick(const struct element *element)
{
    return element->kind >= ELEMENT_DIPOLE || element->kind == ELEMENT_CORRECTOR;
}

static enum rc find_magnets(struct culprit_finder *self, const struct lattice *lattice)
{
    self->element = calloc(lattice->n_element, sizeof *self->element);
    if (!self->element)
        return err_set(RC_NOMEM, "no memory for %u magnets", lattice->n_element);
    for (uint32_t i = 0; i < lattice->n_element; i++)
        if (can_kick(&lattice->element[i]))
            self->element[self->n_magnet++] = i;
    return self->n_magnet ? RC_OK : err_set(RC_RANGE, "nothing in the lattice can kick");
}

/* Column n_element is that of the frequency: the last element ends where the first begins. */
static enum rc fill_plane(struct culprit_finder *self, const struct optics *optics,
                          const uint32_t *bpm, int plane)
{
    uint32_t n = optics->n_element, stride = n + 1;
    double *all = calloc((size_t) self->n_bpm * stride, sizeof *all), *to;

    self->column[plane] = calloc((size_t) self->n_magnet * self->n_bpm, sizeof *to);
    if (!all || !self->column[plane]) {
        free(all);
        return err_set(RC_NOMEM, "no memory for the orbits of %u magnets", self->n_magnet);
    }
    columns_of_kicks(optics, bpm, self->n_bpm, plane, all, stride);
    to = self->column[plane];
    for (uint32_t m = 0; m < self->n_magnet; m++)
        for (uint32_t i = 0; i < self->n_bpm; i++) {
            const double *row = all + (size_t) i * stride;
            uint32_t at = self->element[m];

            *to++ = 0.5 * (row[at] + row[(at + 1) % n]);
        }
    free(all);
    return RC_OK;
}

enum rc culprit_finder_create(struct culprit_finder *self, const struct lattice *lattice,
                              const struct optics *optics, const uint32_t *bpm, uint32_t n_bpm)
{
    enum rc rc;

    *self = (struct culprit_finder){.n_bpm = n_bpm};
    rc = find_magnets(self, lattice);
    for (int plane = 0; plane < 2 && rc == RC_OK; plane++)
        rc = fill_plane(self, optics, bpm, plane);
    if (rc != RC_OK)
        culprit_finder_destroy(self);
    return rc;
}

void culprit_finder_destroy(struct culprit_finder *self)
{
    free(self->element);
    free(self->column[0]);
    free(self->column[1]);
    *self = (struct culprit_finder){0};
}

struct fit {
    double kick, goodness; /* kick with its sign where there is no im */
};

static struct fit fit_one(const double *column, uint32_t n_bpm,
                          const struct culprit_orbit *orbit, double square)
{
    double cc = 0.0, re = 0.0, im = 0.0, product;

    for (uint32_t i = 0; i < n_bpm; i++) {
        if (orbit->good && !orbit->good[i])
            continue;
        cc += column[i] * column[i];
        re += column[i] * orbit->re[i];
        im += orbit->im ? column[i] * orbit->im[i] : 0.0;
    }
    if (!(cc > 0.0))
        return (struct fit){0};
    product = re * re + im * im;
    return (struct fit){.kick = orbit->im ? sqrt(product) / cc : re / cc,
                        .goodness = product / (cc * square)};
}

static double square_of(const struct culprit_finder *self, const struct culprit_orbit *orbit)
{
    double square = 0.0;

    for (uint32_t i = 0; i < self->n_bpm; i++)
        if (!orbit->good || orbit->good[i])
            square +=
                orbit->re[i] * orbit->re[i] + (orbit->im ? orbit->im[i] * orbit->im[i] : 0.0);
    return square;
}

/* Along the ring, which closes. */
static bool are_neighbours(const struct culprit_finder *self, uint32_t a, uint32_t b)
{
    uint32_t apart = a > b ? a - b : b - a;

    return apart <= 1 || apart == self->n_magnet - 1;
}

static void find_second(const struct culprit_finder *self, const double *goodness,
                        struct culprit *culprit)
{
    culprit->second = culprit->magnet;
    culprit->second_goodness = 0.0;
    for (uint32_t m = 0; m < self->n_magnet; m++)
        if (!are_neighbours(self, m, culprit->magnet) &&
            goodness[m] > culprit->second_goodness) {
            culprit->second = m;
            culprit->second_goodness = goodness[m];
        }
    culprit->second_element = self->element[culprit->second];
}

enum rc culprit_find(const struct culprit_finder *self, unsigned plane,
                     const struct culprit_orbit *orbit, struct culprit *culprit)
{
    double square = square_of(self, orbit), *goodness;

    *culprit = (struct culprit){0};
    if (!(square > 0.0) || !isfinite(square))
        return err_set(RC_RANGE, "there is no orbit to fit");
    goodness = calloc(self->n_magnet, sizeof *goodness);
    if (!goodness)
        return err_set(RC_NOMEM, "no memory for %u fits", self->n_magnet);
    for (uint32_t m = 0; m < self->n_magnet; m++) {
        struct fit fit =
            fit_one(self->column[plane] + (size_t) m * self->n_bpm, self->n_bpm, orbit, square);

        goodness[m] = fit.goodness;
        if (fit.goodness <= culprit->goodness)
            continue;
        culprit->magnet = m;
        culprit->kick_rad = fit.kick;
        culprit->goodness = fit.goodness;
    }
    culprit->element = self->element[culprit->magnet];
    find_second(self, goodness, culprit);
    free(goodness);
    return RC_OK;
}
