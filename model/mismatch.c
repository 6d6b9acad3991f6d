#include "model/mismatch.h"

#include <math.h>
#include <stdlib.h>

#include "model/optics.h"

void mismatch_gains(struct random *random, double rms, double *r, uint32_t n_row,
                    uint32_t n_col)
{
    for (uint32_t i = 0; i < n_row; i++) {
        double gain = 1.0 + rms * random_normal(random);

        for (uint32_t j = 0; j < n_col; j++)
            r[(size_t) i * n_col + j] *= gain;
    }
    for (uint32_t j = 0; j < n_col; j++) {
        double gain = 1.0 + rms * random_normal(random);

        for (uint32_t i = 0; i < n_row; i++)
            r[(size_t) i * n_col + j] *= gain;
    }
}

void mismatch_elements(struct random *random, double rms, double *r, uint32_t n_row,
                       uint32_t n_col)
{
    for (size_t i = 0; i < (size_t) n_row * n_col; i++)
        r[i] *= 1.0 + rms * random_normal(random);
}

/* ---- quadrupoles --------------------------------------------------------------------- */

struct focus {
    struct lattice *lattice;
    struct optics *optics;
    double *k1; /* [n_element] as they were */
};

static enum rc focus_open(struct focus *focus, struct lattice *lattice)
{
    enum rc rc = optics_create(&focus->optics, lattice->n_element);

    focus->lattice = lattice;
    focus->k1 = calloc(lattice->n_element, sizeof *focus->k1);
    if (rc == RC_OK && !focus->k1)
        rc = err_set(RC_NOMEM, "no memory for the quadrupoles");
    for (uint32_t i = 0; rc == RC_OK && i < lattice->n_element; i++)
        focus->k1[i] = lattice->element[i].b[1];
    return rc == RC_OK ? optics_compute(focus->optics, lattice, INTEGRATOR_EXACT) : rc;
}

static void focus_close(struct focus *focus)
{
    optics_destroy(focus->optics);
    free(focus->k1);
}

static bool is_quadrupole(const struct focus *focus, uint32_t i)
{
    return focus->lattice->element[i].kind == ELEMENT_QUADRUPOLE;
}

/* scale[0]: of those that focus in x, scale[1]: in y. */
static enum rc scale_families(struct focus *focus, const double scale[2])
{
    for (uint32_t i = 0; i < focus->lattice->n_element; i++)
        if (is_quadrupole(focus, i))
            focus->lattice->element[i].b[1] = focus->k1[i] * scale[focus->k1[i] < 0];
    return optics_compute(focus->optics, focus->lattice, INTEGRATOR_EXACT);
}

/* d(tunes)/d(scales) by differences. */
static enum rc find_slopes(struct focus *focus, const double scale[2], double slope[2][2])
{
    const double step = 1e-6;
    double qx = focus->optics->tune_x, qy = focus->optics->tune_y;
    enum rc rc = RC_OK;

    for (int k = 0; k < 2 && rc == RC_OK; k++) {
        double moved[2] = {scale[0], scale[1]};

        moved[k] += step;
        rc = scale_families(focus, moved);
        slope[0][k] = (focus->optics->tune_x - qx) / step;
        slope[1][k] = (focus->optics->tune_y - qy) / step;
    }
    return rc;
}

static enum rc step_to_tunes(struct focus *focus, const double wanted[2], double scale[2])
{
    double dx = wanted[0] - focus->optics->tune_x, dy = wanted[1] - focus->optics->tune_y;
    double slope[2][2], determinant;
    enum rc rc = find_slopes(focus, scale, slope);

    if (rc != RC_OK)
        return rc;
    determinant = slope[0][0] * slope[1][1] - slope[0][1] * slope[1][0];
    if (!(fabs(determinant) > 0))
        return err_set(RC_NUMERIC, "the quadrupoles cannot move the tunes");
    scale[0] += (dx * slope[1][1] - dy * slope[0][1]) / determinant;
    scale[1] += (dy * slope[0][0] - dx * slope[1][0]) / determinant;
    return scale_families(focus, scale);
}

enum rc mismatch_tune(struct lattice *lattice, double dq_x, double dq_y)
{
    enum { PARTS = 4, STEPS = 6 };
    struct focus focus = {0};
    double scale[2] = {1, 1}, start[2];
    enum rc rc = focus_open(&focus, lattice);

    start[0] = rc == RC_OK ? focus.optics->tune_x : 0;
    start[1] = rc == RC_OK ? focus.optics->tune_y : 0;
    /* In parts, so that no step goes past a resonance that the whole would not cross. */
    for (int i = 1; rc == RC_OK && i <= PARTS * STEPS; i++) {
        double part = i > PARTS ? 1.0 : (double) i / PARTS;
        double wanted[2] = {start[0] + part * dq_x, start[1] + part * dq_y};

        rc = step_to_tunes(&focus, wanted, scale);
    }
    if (rc == RC_OK && (fabs(focus.optics->tune_x - start[0] - dq_x) > 1e-6 ||
                        fabs(focus.optics->tune_y - start[1] - dq_y) > 1e-6))
        rc = err_set(RC_NUMERIC, "a tune change of %g, %g was not reached", dq_x, dq_y);
    focus_close(&focus);
    return rc;
}

/* ---- beta beat ----------------------------------------------------------------------- */

static double beat_rms(const struct focus *focus, const double *beta, const double *beta0)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < focus->lattice->n_bpm; i++) {
        uint32_t at = focus->lattice->bpm[i].element;
        double beat = beta[at] / beta0[at] - 1.0;

        sum += beat * beat;
    }
    return sqrt(sum / focus->lattice->n_bpm);
}

static enum rc apply_errors(struct focus *focus, const double *error, double size)
{
    for (uint32_t i = 0; i < focus->lattice->n_element; i++)
        if (is_quadrupole(focus, i))
            focus->lattice->element[i].b[1] = focus->k1[i] * (1.0 + size * error[i]);
    return optics_compute(focus->optics, focus->lattice, INTEGRATOR_EXACT);
}

static enum rc find_size(struct focus *focus, const double *error, const double *beta0,
                         double rms)
{
    enum { STEPS = 12 };
    uint32_t n = focus->lattice->n_element + 1;
    double size = 1e-4;
    enum rc rc = apply_errors(focus, error, size);

    for (int i = 0; rc == RC_OK && i < STEPS; i++) {
        double x = beat_rms(focus, focus->optics->beta_x_m, beta0);
        double y = beat_rms(focus, focus->optics->beta_y_m, beta0 + n);
        double beat = fmax(x, y);

        if (fabs(beat - rms) < 1e-3 * rms)
            return RC_OK;
        size *= fmin(fmax(rms / beat, 0.3), 3.0);
        rc = apply_errors(focus, error, size);
    }
    return rc == RC_OK ? err_set(RC_NUMERIC, "a beta beat of %g was not reached", rms) : rc;
}

enum rc mismatch_beta(struct lattice *lattice, struct random *random, double rms)
{
    uint32_t n = lattice->n_element + 1;
    double *error = calloc(n, sizeof *error), *beta0 = calloc(2 * (size_t) n, sizeof *beta0);
    struct focus focus = {0};
    enum rc rc = focus_open(&focus, lattice);

    if (rc == RC_OK && (!error || !beta0 || lattice->n_bpm == 0))
        rc = err_set(RC_NUMERIC, "no BPMs or no memory for a beta beat");
    for (uint32_t i = 0; rc == RC_OK && i < n; i++) {
        beta0[i] = focus.optics->beta_x_m[i];
        beta0[n + i] = focus.optics->beta_y_m[i];
        error[i] = random_normal_cut(random, 2.5);
    }
    if (rc == RC_OK && rms > 0)
        rc = find_size(&focus, error, beta0, rms);
    focus_close(&focus);
    free(error);
    free(beta0);
    return rc;
}
