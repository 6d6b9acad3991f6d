#include "model/coupled_optics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/normal_mode.h"
#include "model/solve.h"

enum { DELTA = 4, CT = 5, AT_ONCE = 2 };

enum rc coupled_optics_create(struct coupled_optics **optics, uint32_t n_element)
{
    struct coupled_optics *made = calloc(1, sizeof *made);

    if (made)
        made->point = calloc((size_t) n_element + 1, sizeof *made->point);
    if (!made || !made->point) {
        coupled_optics_destroy(made);
        return err_set(RC_NOMEM, "no memory for the optics of %u elements", n_element);
    }
    made->n_element = n_element;
    *optics = made;
    return RC_OK;
}

void coupled_optics_destroy(struct coupled_optics *optics)
{
    if (optics)
        free(optics->point);
    free(optics);
}

/* ---- one turn ---- */

struct pass {
    const struct lattice *lattice;
    const struct tracking *how;
    const double *start;
    struct normal_modes modes;
    double eta[TRACK_DIM]; /* at the start: what moves with delta */
    double last[AT_ONCE];  /* phase at the last point */
};

static enum rc one_turn(struct pass *pass, double turn[TRACK_DIM][TRACK_DIM])
{
    struct tangent tangent;
    double z[TRACK_DIM];
    enum rc rc;

    memcpy(z, pass->start, sizeof z);
    tangent_start_6d(&tangent);
    rc = track_range_as(pass->how, pass->lattice, 0, pass->lattice->n_element, z, &tangent);
    for (int row = 0; row < TRACK_DIM; row++)
        for (int column = 0; column < TRACK_DIM; column++)
            turn[row][column] = tangent.column[column][row];
    return rc;
}

/* (1 - M)^-1 of the delta column. */
static enum rc dispersion_4d(double turn[TRACK_DIM][TRACK_DIM], double eta[TRACK_DIM])
{
    double a[SOLVE_MAX][SOLVE_MAX], b[SOLVE_MAX];

    for (int row = 0; row < 4; row++) {
        b[row] = turn[row][DELTA];
        for (int column = 0; column < 4; column++)
            a[row][column] = (row == column ? 1 : 0) - turn[row][column];
    }
    if (!solve_small(a, b, 4))
        return err_set(RC_NUMERIC, "no dispersion: 1 - M is singular (integer resonance)");
    memcpy(eta, b, 4 * sizeof *eta);
    eta[DELTA] = 1;
    eta[CT] = 0;
    return RC_OK;
}

static enum rc start_pass(struct pass *pass, struct coupled_optics *optics)
{
    double turn[TRACK_DIM][TRACK_DIM];
    enum rc rc = one_turn(pass, turn);

    if (rc == RC_OK)
        rc = normal_modes_find(turn, pass->how->cavities ? 3 : 2, &pass->modes);
    if (rc == RC_OK && !pass->how->cavities)
        rc = dispersion_4d(turn, pass->eta);
    optics->synchrotron_tune = rc == RC_OK && pass->how->cavities
                                   ? fmin(pass->modes.tune[2], 1 - pass->modes.tune[2])
                                   : 0;
    return rc;
}

/* ---- along the ring ---- */

/* Columns that travel: real and imaginary part of two modes, then the dispersion, or both
 * parts of the longitudinal mode. */
static void load_columns(const struct pass *pass, struct tangent *tangent)
{
    memset(tangent, 0, sizeof *tangent);
    tangent->n = pass->how->cavities ? 6 : 5;
    for (int i = 0; i < TRACK_DIM; i++) {
        for (size_t k = 0; k < (size_t) pass->modes.n; k++) {
            tangent->column[2 * k][i] = creal(pass->modes.vector[k][i]);
            tangent->column[2 * k + 1][i] = cimag(pass->modes.vector[k][i]);
        }
        if (!pass->how->cavities)
            tangent->column[4][i] = pass->eta[i];
    }
}

/* v = (sqrt(beta), (i - alpha)/sqrt(beta)) up to a phase. */
static void beta_alpha(const double re[TRACK_DIM], const double im[TRACK_DIM], int at,
                       double *beta, double *alpha)
{
    *beta = re[at] * re[at] + im[at] * im[at];
    *alpha = -(re[at] * re[at + 1] + im[at] * im[at + 1]);
}

/* Phases of points are less than a turn apart; backwards, by coupling or rounding, only a
 * little. */
static double step_of(double angle, double *last)
{
    double step = angle - *last;

    *last = angle;
    while (step < -M_PI / 2)
        step += 2 * M_PI;
    return step;
}

/* Where delta oscillates: the part of the motion in phase with it. */
static double moves_with_delta(const struct tangent *t, int i)
{
    const double *re = t->column[4], *im = t->column[5];

    return (re[i] * re[DELTA] + im[i] * im[DELTA]) /
           (re[DELTA] * re[DELTA] + im[DELTA] * im[DELTA]);
}

static void read_point(struct pass *pass, const struct tangent *t, const double *mu,
                       struct coupled_point *point)
{
    for (size_t k = 0; k < 2; k++) {
        const double *re = t->column[2 * k], *im = t->column[2 * k + 1];

        beta_alpha(re, im, 0, &point->beta_x_m[k], &point->alpha_x[k]);
        beta_alpha(re, im, 2, &point->beta_y_m[k], &point->alpha_y[k]);
        point->mu_rad[k] = mu[k] + step_of(atan2(im[2 * k], re[2 * k]), &pass->last[k]);
    }
    for (int i = 0; i < 4; i++)
        point->eta[i] = pass->how->cavities ? moves_with_delta(t, i) : t->column[4][i];
}

static enum rc go_round(struct pass *pass, struct coupled_optics *optics, double *path)
{
    static const double zero[2];
    struct tangent tangent;
    double z[TRACK_DIM];

    memcpy(z, pass->start, sizeof z);
    load_columns(pass, &tangent);
    for (size_t k = 0; k < 2; k++)
        pass->last[k] = atan2(tangent.column[2 * k + 1][2 * k], tangent.column[2 * k][2 * k]);
    for (uint32_t i = 0; i <= optics->n_element; i++) {
        struct coupled_point *point = &optics->point[i];
        enum rc rc = RC_OK;

        if (i)
            rc = track_range_as(pass->how, pass->lattice, i - 1, i, z, &tangent);
        if (rc != RC_OK)
            return rc;
        memcpy(point->orbit, z, sizeof z);
        read_point(pass, &tangent, i ? optics->point[i - 1].mu_rad : zero, point);
    }
    *path = tangent.column[4][CT];
    return RC_OK;
}

enum rc coupled_optics_compute(struct coupled_optics *optics, const struct lattice *lattice,
                               const struct tracking *how, const double start[TRACK_DIM])
{
    struct pass pass = {.lattice = lattice, .how = how, .start = start};
    double path = 0;
    enum rc rc;

    if (lattice->n_element != optics->n_element)
        return err_set(RC_RANGE, "optics made for %u elements, the ring has %u",
                       optics->n_element, lattice->n_element);
    rc = start_pass(&pass, optics);
    if (rc == RC_OK)
        rc = go_round(&pass, optics, &path);
    if (rc != RC_OK)
        return rc;
    for (int k = 0; k < 2; k++)
        optics->tune[k] = optics->point[optics->n_element].mu_rad[k] / (2 * M_PI);
    optics->path_per_delta_m = how->cavities ? 0 : path;
    optics->alpha_c = optics->path_per_delta_m / lattice->circumference_m;
    return RC_OK;
}
