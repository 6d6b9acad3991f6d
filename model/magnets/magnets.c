#include "model/magnets/magnets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ELECTRON_REST_GEV = 0.51099895069e-3; /* CODATA 2022 */
static const double SPEED_OF_LIGHT_M_PER_S = 299792458.0;

double magnets_rigidity_t_m(double energy_gev)
{
    double momentum_gev = sqrt(energy_gev * energy_gev - ELECTRON_REST_GEV * ELECTRON_REST_GEV);

    return momentum_gev * 1e9 / SPEED_OF_LIGHT_M_PER_S;
}

int64_t magnets_find(const struct magnets *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_converter; i++)
        if (strcmp(m->converter[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- binding ---- */

static bool same_property(const struct magnet_link *a, const struct magnet_link *b)
{
    return strcmp(a->element, b->element) == 0 && a->property.kind == b->property.kind &&
           (a->property.kind != PROPERTY_FIELD ||
            (a->property.n == b->property.n && a->property.skew == b->property.skew));
}

static enum rc check_owner(const struct magnets *m, uint32_t i)
{
    const struct magnet_link *link = &m->link[i];
    uint32_t owners = 0, first = i;

    for (uint32_t k = 0; k < m->n_link; k++) {
        if (!m->link[k].owns || !same_property(&m->link[k], link))
            continue;
        first = owners++ ? first : k;
    }
    if (owners == 0)
        return err_set(RC_INPUT, "magnet %s: links only add to %s; one must have its reference",
                       link->element, link->property.word);
    if (owners > 1 && i != first && link->owns)
        return err_set(RC_INPUT, "magnet %s: %s and %s both claim its %s", link->element,
                       m->converter[m->link[first].power_converter].name,
                       m->converter[link->power_converter].name, link->property.word);
    return RC_OK;
}

static enum rc bind_link(struct magnet_link *link, const struct lattice *lattice)
{
    int64_t index = lattice_find(lattice, link->element, 0);
    const struct element *element;

    if (index < 0)
        return err_set(RC_INPUT, "magnet %s is not in the lattice", link->element);
    element = &lattice->element[index];
    if (element->kind == ELEMENT_MARKER || element->kind == ELEMENT_MONITOR ||
        element->kind == ELEMENT_CAVITY ||
        (link->property.kind == PROPERTY_FIELD && element->kind == ELEMENT_DRIFT))
        return err_set(RC_INPUT, "magnet %s: such an element has no %s", link->element,
                       link->property.word);
    link->index = (uint32_t) index;
    return RC_OK;
}

enum rc magnets_bind(struct magnets *m, const struct lattice *lattice)
{
    enum { ENERGY_PPM = 1 };

    if (fabs(m->energy_gev - lattice->energy_gev) > ENERGY_PPM * 1e-6 * m->energy_gev)
        return err_set(RC_INPUT, "reference points are for %.6f GeV, the lattice for %.6f",
                       m->energy_gev, lattice->energy_gev);
    for (uint32_t i = 0; i < m->n_link; i++) {
        enum rc rc = bind_link(&m->link[i], lattice);

        if (rc == RC_OK)
            rc = check_owner(m, i);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* ---- inputs to strengths ---- */

void magnets_reference_inputs(const struct magnets *m, double *input)
{
    for (uint32_t i = 0; i < m->n_converter; i++)
        input[i] = 0.0;
    for (uint32_t i = m->n_link; i-- > 0;)
        input[m->link[i].power_converter] = m->link[i].i_ref;
}

/* What one unit of g is worth as a strength. */
static double strength_per_output(const struct magnets *m, const struct conversion *c,
                                  double energy_gev)
{
    return c->is_strength ? pow(m->energy_gev / energy_gev, c->energy_exponent)
                          : 1.0 / magnets_rigidity_t_m(energy_gev);
}

static enum rc contribution(const struct magnets *m, const struct magnet_link *link,
                            double energy_gev, double input, double *k)
{
    const struct power_converter *converter = &m->converter[link->power_converter];
    const struct conversion *c = &m->conversion[link->conversion];
    bool clamped;
    enum rc rc = conversion_limit(&converter->range, &input, &clamped);

    if (rc != RC_OK)
        return err_add(rc, "power converter %s, %s", converter->name, converter->unit);
    *k = (conversion_forward(c, input) - conversion_forward(c, link->i_ref)) *
         strength_per_output(m, c, energy_gev);
    if (link->owns)
        *k += link->k_ref * pow(m->energy_gev / energy_gev, c->energy_exponent);
    return RC_OK;
}

/* Every piece of a magnet that the lattice splits has the same name. */
static enum rc set_property(struct lattice *lattice, const struct magnet_link *link, double k)
{
    struct element *element = &lattice->element[link->index];
    struct lattice_field field = {link->property.n, link->property.skew,
                                  k * link->property.factor};

    switch (link->property.kind) {
    case PROPERTY_HKICK:
        element->hkick_rad = k;
        return RC_OK;
    case PROPERTY_VKICK:
        element->vkick_rad = k;
        return RC_OK;
    case PROPERTY_FIELD:
        break;
    }
    return lattice_set_field_named(lattice, link->element, LATTICE_EVERY_OCCURRENCE, &field);
}

/* Owners set, the others add afterwards: two passes, whatever the order of the table. */
static enum rc set_strengths(const struct magnets *m, struct lattice *lattice, const double *k)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; i < m->n_link && rc == RC_OK; i++) {
        double sum = k[i];

        if (!m->link[i].owns)
            continue;
        for (uint32_t other = 0; other < m->n_link; other++)
            if (!m->link[other].owns && same_property(&m->link[other], &m->link[i]))
                sum += k[other];
        rc = set_property(lattice, &m->link[i], sum);
    }
    return rc;
}

enum rc magnets_apply(const struct magnets *m, struct lattice *lattice, double energy_gev,
                      const double *input)
{
    double *k = calloc(m->n_link ? m->n_link : 1, sizeof *k);
    enum rc rc = k ? RC_OK : err_set(RC_NOMEM, "no memory for %u strengths", m->n_link);

    for (uint32_t i = 0; i < m->n_link && rc == RC_OK; i++)
        rc = contribution(m, &m->link[i], energy_gev, input[m->link[i].power_converter], &k[i]);
    if (rc == RC_OK)
        rc = set_strengths(m, lattice, k);
    free(k);
    return rc;
}

/* What the other links of the same property give. */
static enum rc others(const struct magnets *m, uint32_t link, double energy_gev,
                      const double *input, double *sum)
{
    enum rc rc = RC_OK;

    *sum = 0.0;
    for (uint32_t i = 0; i < m->n_link && rc == RC_OK; i++) {
        double k;

        if (i == link || !same_property(&m->link[i], &m->link[link]))
            continue;
        rc = contribution(m, &m->link[i], energy_gev, input[m->link[i].power_converter], &k);
        *sum += k;
    }
    return rc;
}

enum rc magnets_solve(const struct magnets *m, uint32_t i, double energy_gev, double k,
                      const double *input, double *solved)
{
    const struct magnet_link *link = &m->link[i];
    const struct conversion *c = &m->conversion[link->conversion];
    const struct power_converter *converter = &m->converter[link->power_converter];
    double rest, per_output = strength_per_output(m, c, energy_gev);
    enum rc rc = others(m, i, energy_gev, input, &rest);

    if (rc != RC_OK)
        return rc;
    k -= rest;
    if (link->owns)
        k -= link->k_ref * pow(m->energy_gev / energy_gev, c->energy_exponent);
    rc = conversion_inverse(c, &converter->range,
                            k / per_output + conversion_forward(c, link->i_ref), solved);
    return rc == RC_OK ? rc
                       : err_add(rc, "power converter %s, for %s of %s", converter->name,
                                 link->property.word, link->element);
}
