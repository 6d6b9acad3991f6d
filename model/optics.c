#include "model/optics.h"

#include <math.h>
#include <stdlib.h>

enum { CURVES = 8 };

enum rc optics_create(struct optics **optics, uint32_t n_element)
{
    size_t points = (size_t) n_element + 1;
    struct optics *made = calloc(1, sizeof *made);
    double *curves = calloc(CURVES * points, sizeof *curves);

    if (made) {
        made->element_map = calloc(points, sizeof *made->element_map);
        made->transfer = calloc(points, sizeof *made->transfer);
    }
    if (!made || !curves || !made->element_map || !made->transfer) {
        free(curves);
        optics_destroy(made);
        return err_set(RC_NOMEM, "no memory for the optics of %u elements", n_element);
    }
    made->n_element = n_element;
    made->beta_x_m = curves;
    made->alpha_x = curves + points;
    made->mu_x_rad = curves + 2 * points;
    made->eta_x_m = curves + 3 * points;
    made->etap_x = curves + 4 * points;
    made->beta_y_m = curves + 5 * points;
    made->alpha_y = curves + 6 * points;
    made->mu_y_rad = curves + 7 * points;
    *optics = made;
    return RC_OK;
}

void optics_destroy(struct optics *optics)
{
    if (!optics)
        return;
    free(optics->beta_x_m);
    free(optics->element_map);
    free(optics->transfer);
    free(optics);
}

/* ---- one turn ---- */

static enum rc collect_maps(struct optics *optics, const struct lattice *lattice,
                            enum integrator integrator)
{
    struct map total;

    map_identity(&total);
    for (uint32_t i = 0; i < lattice->n_element; i++) {
        const struct element *element = &lattice->element[i];

        if (map_couples(element))
            return err_set(RC_NUMERIC,
                           "element %u '%s' couples the planes (roll or skew gradient): no "
                           "uncoupled optics",
                           i, element->name);
        optics->transfer[i] = total;
        if (integrator == INTEGRATOR_EXACT)
            map_exact(&optics->element_map[i], element);
        else
            map_sliced(&optics->element_map[i], element);
        if (element->length_m > 0)
            map_append(&total, &optics->element_map[i]);
    }
    optics->transfer[lattice->n_element] = total;
    optics->turn = total;
    return RC_OK;
}

/* beta and alpha of the periodic solution of a 2x2 turn. */
static enum rc periodic_start(const double m[4], char plane, double *beta, double *alpha)
{
    double cosine = 0.5 * (m[0] + m[3]), sine;

    if (!(fabs(cosine) < 1))
        return err_set(RC_NUMERIC, "no stable optics in %c: cos(2 pi Q) = %.6g", plane, cosine);
    sine = copysign(sqrt(1 - cosine * cosine), m[1]);
    *beta = m[1] / sine;
    *alpha = 0.5 * (m[0] - m[3]) / sine;
    return RC_OK;
}

static enum rc periodic_dispersion(const struct map *turn, double eta[2])
{
    double a = 1 - turn->x[0], b = -turn->x[1], c = -turn->x[2], d = 1 - turn->x[3];
    double det = a * d - b * c;

    if (!(fabs(det) > 1e-12))
        return err_set(RC_NUMERIC, "no dispersion: the horizontal tune is an integer");
    eta[0] = (d * turn->d[0] - b * turn->d[1]) / det;
    eta[1] = (a * turn->d[1] - c * turn->d[0]) / det;
    return RC_OK;
}

/* ---- along the ring ---- */

/* Phase advances are positive: what looks like a step back is the turn of atan2. */
static double unwrapped(double angle, double *last_angle, double mu)
{
    double step = angle - *last_angle;

    *last_angle = angle;
    return mu + (step < -1e-9 ? step + 2 * M_PI : step);
}

struct curve {
    double *beta, *alpha, *mu;
    double beta0, alpha0;
    double angle, sum; /* state of the unwrapping */
};

static void curve_point(struct curve *curve, uint32_t i, const double t[4])
{
    double cosine = curve->beta0 * t[0] - curve->alpha0 * t[1];
    double slope = curve->beta0 * t[2] - curve->alpha0 * t[3];

    curve->beta[i] = (cosine * cosine + t[1] * t[1]) / curve->beta0;
    curve->alpha[i] = -(cosine * slope + t[1] * t[3]) / curve->beta0;
    curve->sum = unwrapped(atan2(t[1], cosine), &curve->angle, curve->sum);
    curve->mu[i] = curve->sum;
}

static void repeat_point(struct curve *curve, uint32_t i)
{
    curve->beta[i] = curve->beta[i - 1];
    curve->alpha[i] = curve->alpha[i - 1];
    curve->mu[i] = curve->mu[i - 1];
}

static void along_ring(struct optics *optics, const struct lattice *lattice, struct curve *x,
                       struct curve *y)
{
    for (uint32_t i = 0; i <= optics->n_element; i++) {
        bool same = i > 0 && lattice->element[i - 1].length_m <= 0;
        const struct map *t = &optics->transfer[i];
        double eta = optics->eta_x_m[0], etap = optics->etap_x[0];

        if (same) {
            repeat_point(x, i);
            repeat_point(y, i);
        } else {
            curve_point(x, i, t->x);
            curve_point(y, i, t->y);
        }
        if (i > 0) {
            optics->eta_x_m[i] = t->x[0] * eta + t->x[1] * etap + t->d[0];
            optics->etap_x[i] = t->x[2] * eta + t->x[3] * etap + t->d[1];
        }
    }
}

enum rc optics_compute(struct optics *optics, const struct lattice *lattice,
                       enum integrator integrator)
{
    struct curve x = {
        .beta = optics->beta_x_m, .alpha = optics->alpha_x, .mu = optics->mu_x_rad};
    struct curve y = {
        .beta = optics->beta_y_m, .alpha = optics->alpha_y, .mu = optics->mu_y_rad};
    double eta[2] = {0};
    enum rc rc;

    if (lattice->n_element != optics->n_element)
        return err_set(RC_RANGE, "optics made for %u elements, the ring has %u",
                       optics->n_element, lattice->n_element);
    optics->integrator = integrator;
    rc = collect_maps(optics, lattice, integrator);
    if (rc == RC_OK)
        rc = periodic_start(optics->turn.x, 'x', &x.beta0, &x.alpha0);
    if (rc == RC_OK)
        rc = periodic_start(optics->turn.y, 'y', &y.beta0, &y.alpha0);
    if (rc == RC_OK)
        rc = periodic_dispersion(&optics->turn, eta);
    if (rc != RC_OK)
        return rc;
    optics->eta_x_m[0] = eta[0];
    optics->etap_x[0] = eta[1];
    along_ring(optics, lattice, &x, &y);
    optics->tune_x = x.sum / (2 * M_PI);
    optics->tune_y = y.sum / (2 * M_PI);
    optics->path_per_delta_m =
        optics->turn.p[0] * eta[0] + optics->turn.p[1] * eta[1] + optics->turn.pd;
    optics->alpha_c = optics->path_per_delta_m / lattice->circumference_m;
    return RC_OK;
}
