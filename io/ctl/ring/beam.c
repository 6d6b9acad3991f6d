#include "io/ctl/ring/beam.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/ctl/plot/figure.h"
#include "io/ctl/ring/finer.h"
#include "model/coupled_optics.h"
#include "model/optics.h"

enum { N_CURVES = 14 };

static enum rc reserve(struct beam *beam, uint32_t n)
{
    double **const curve[N_CURVES] = {
        &beam->beta_x_m, &beam->alpha_x,  &beam->mu_x_rad,       &beam->beta_y_m,
        &beam->alpha_y,  &beam->mu_y_rad, &beam->beta_x_mode2_m, &beam->beta_y_mode1_m,
        &beam->eta_x_m,  &beam->etap_x,   &beam->eta_y_m,        &beam->etap_y,
        &beam->x_m,      &beam->y_m};
    double *block = calloc((size_t) N_CURVES * n, sizeof *block);

    *beam = (struct beam){.n = n};
    if (!block)
        return err_set(RC_NOMEM, "no memory for optics at %u places", n);
    for (size_t k = 0; k < N_CURVES; k++)
        *curve[k] = block + k * n;
    return RC_OK;
}

void beam_free(struct beam *beam)
{
    free(beam->beta_x_m);
    *beam = (struct beam){.n = 0};
}

/* ---- about the design orbit ---------------------------------------------------------- */

static void keep_design(struct beam *beam, const struct optics *optics)
{
    size_t size = beam->n * sizeof(double);

    memcpy(beam->beta_x_m, optics->beta_x_m, size);
    memcpy(beam->alpha_x, optics->alpha_x, size);
    memcpy(beam->mu_x_rad, optics->mu_x_rad, size);
    memcpy(beam->beta_y_m, optics->beta_y_m, size);
    memcpy(beam->alpha_y, optics->alpha_y, size);
    memcpy(beam->mu_y_rad, optics->mu_y_rad, size);
    memcpy(beam->eta_x_m, optics->eta_x_m, size);
    memcpy(beam->etap_x, optics->etap_x, size);
    beam->tune[0] = optics->tune_x;
    beam->tune[1] = optics->tune_y;
    beam->alpha_c = optics->alpha_c;
}

static enum rc compute_design(struct beam *beam, const struct lattice *ring,
                              enum integrator integrator)
{
    struct optics *optics = NULL;
    enum rc rc = optics_create(&optics, ring->n_element);

    if (rc == RC_OK)
        rc = optics_compute(optics, ring, integrator);
    if (rc == RC_OK)
        keep_design(beam, optics);
    optics_destroy(optics);
    return rc;
}

/* ---- about the closed orbit ---------------------------------------------------------- */

static void keep_point(struct beam *beam, uint32_t i, const struct coupled_point *point)
{
    beam->beta_x_m[i] = point->beta_x_m[0];
    beam->beta_x_mode2_m[i] = point->beta_x_m[1];
    beam->alpha_x[i] = point->alpha_x[0];
    beam->mu_x_rad[i] = point->mu_rad[0];
    beam->beta_y_m[i] = point->beta_y_m[1];
    beam->beta_y_mode1_m[i] = point->beta_y_m[0];
    beam->alpha_y[i] = point->alpha_y[1];
    beam->mu_y_rad[i] = point->mu_rad[1];
    beam->eta_x_m[i] = point->eta[0];
    beam->etap_x[i] = point->eta[1];
    beam->eta_y_m[i] = point->eta[2];
    beam->etap_y[i] = point->eta[3];
    beam->x_m[i] = point->orbit[0];
    beam->y_m[i] = point->orbit[2];
}

static enum rc find_orbit(struct closed_orbit *orbit, const struct lattice *ring, bool exact,
                          enum ring_mode mode)
{
    static const enum orbit_mode modes[] = {[RING_4D] = ORBIT_FIXED_MOMENTUM,
                                            [RING_FIXED_RF] = ORBIT_FIXED_RF,
                                            [RING_6D] = ORBIT_6D};
    struct closed_orbit_request request = {.mode = modes[mode], .exact = exact};

    if (mode == RING_6D)
        request.path_m = closed_orbit_path_of_rf(ring);
    return closed_orbit_solve(ring, &request, orbit);
}

/* Momentum compaction is that of a ring whose cavities do not act, about the orbit at this
 * momentum. */
static enum rc find_compaction(struct beam *beam, struct coupled_optics *optics,
                               const struct lattice *ring, bool exact)
{
    struct closed_orbit_request request = {.delta = beam->delta, .exact = exact};
    struct closed_orbit orbit = {.iterations = 0};
    enum rc rc = closed_orbit_solve(ring, &request, &orbit);

    if (rc == RC_OK)
        rc = coupled_optics_compute(optics, ring, &(struct tracking){.exact = exact},
                                    orbit.start);
    beam->alpha_c = optics->alpha_c;
    return rc;
}

static enum rc compute_about(struct beam *beam, const struct lattice *ring, bool exact,
                             enum ring_mode mode)
{
    const struct tracking how = {.exact = exact, .cavities = mode == RING_6D};
    struct closed_orbit orbit = {.iterations = 0};
    struct coupled_optics *optics = NULL;
    enum rc rc = find_orbit(&orbit, ring, exact, mode);

    if (rc == RC_OK)
        rc = coupled_optics_create(&optics, ring->n_element);
    if (rc == RC_OK)
        rc = coupled_optics_compute(optics, ring, &how, orbit.start);
    if (rc == RC_OK) {
        for (uint32_t i = 0; i < beam->n; i++)
            keep_point(beam, i, &optics->point[i]);
        memcpy(beam->tune, optics->tune, sizeof beam->tune);
        beam->synchrotron_tune = optics->synchrotron_tune;
        beam->delta = orbit.start[4];
        beam->alpha_c = optics->alpha_c;
        if (how.cavities)
            rc = find_compaction(beam, optics, ring, exact);
    }
    coupled_optics_destroy(optics);
    return rc;
}

/* ---- either -------------------------------------------------------------------------- */

enum rc beam_compute(struct beam *beam, const struct lattice *ring, enum integrator integrator,
                     enum ring_mode mode)
{
    enum rc rc = reserve(beam, ring->n_element + 1);

    if (rc != RC_OK)
        return rc;
    beam->about_orbit = mode == RING_6D || !closed_orbit_is_design(ring);
    return beam->about_orbit ? compute_about(beam, ring, integrator == INTEGRATOR_EXACT, mode)
                             : compute_design(beam, ring, integrator);
}

enum rc beam_compute_fine(struct beam *beam, double **s_m, const struct request *request,
                          const struct lattice *ring)
{
    double step_m = fmax((request->to_m - request->from_m) / FIGURE_WIDTH, 1e-3);
    struct lattice *finer;
    enum rc rc;

    *beam = (struct beam){.n = 0};
    *s_m = NULL;
    rc = finer_ring(&finer, ring, step_m);
    if (rc != RC_OK)
        return rc;
    rc = beam_compute(beam, finer, request->integrator, request->mode);
    *s_m = finer->s_m;
    finer->s_m = NULL;
    lattice_destroy(finer);
    return rc;
}

double beam_coupling(const struct beam *beam, int plane)
{
    const double *own = plane ? beam->beta_y_m : beam->beta_x_m,
                 *other = plane ? beam->beta_y_mode1_m : beam->beta_x_mode2_m;
    double most = 0;

    for (uint32_t i = 0; i < beam->n; i++)
        most = fmax(most, other[i] / (own[i] + other[i]));
    return most;
}
