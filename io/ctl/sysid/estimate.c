#include "io/ctl/sysid/estimate.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *numbers(uint64_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* ---- drift --------------------------------------------------------------------------- */

/* v [n][width] loses its part along the unit vector q [n]. */
static void take_out(const double *q, double *v, uint64_t n, uint64_t width)
{
    for (uint64_t j = 0; j < width; j++) {
        double part = cblas_ddot((int) n, q, 1, v + j, (int) width);

        cblas_daxpy((int) n, -part, q, 1, v + j, (int) width);
    }
}

/* The lowest cosines over the levels that there are, made orthonormal: q [n_drift][n]. */
static void drift_basis(double *q, const struct slices *slices, uint64_t n_level,
                        uint64_t n_drift)
{
    for (uint64_t d = 0; d < n_drift; d++) {
        double *now = q + d * slices->n, norm;

        for (uint64_t k = 0; k < slices->n; k++)
            now[k] =
                cos(M_PI * (double) d * ((double) slices->level[k] + 0.5) / (double) n_level);
        for (uint64_t before = 0; before < d; before++)
            take_out(q + before * slices->n, now, slices->n, 1);
        norm = cblas_dnrm2((int) slices->n, now, 1);
        cblas_dscal((int) slices->n, norm > 0 ? 1 / norm : 0, now, 1);
    }
}

/* ---- response ------------------------------------------------------------------------ */

/* Everything of one estimate, drift taken out. */
struct work {
    uint64_t n, n_row, n_used, n_drift;
    double *q;         /* [n_drift][n] */
    double *y, *u, *e; /* [n][n_row], [n][n_used], [n][n_used] */
    double *ue, *ye;   /* [n_used][n_used], [n_used][n_row] */
};

static void work_free(struct work *work)
{
    free(work->q);
    free(work->y);
    free(work->u);
    free(work->e);
    free(work->ue);
    free(work->ye);
}

static enum rc work_open(struct work *work, const struct slices *slices, uint64_t n_used,
                         uint64_t n_drift)
{
    *work = (struct work){
        .n = slices->n, .n_row = slices->n_row, .n_used = n_used, .n_drift = n_drift};
    if (slices->n < n_used + n_drift + 1)
        return err_set(RC_RANGE,
                       "%llu levels were measured: %llu correctors and the drift need at least "
                       "%llu",
                       (unsigned long long) slices->n, (unsigned long long) n_used,
                       (unsigned long long) (n_used + n_drift + 1));
    work->q = numbers(n_drift * slices->n);
    work->y = numbers(slices->n * slices->n_row);
    work->u = numbers(slices->n * n_used);
    work->e = numbers(slices->n * n_used);
    work->ue = numbers(n_used * n_used);
    work->ye = numbers(n_used * slices->n_row);
    if (!work->q || !work->y || !work->u || !work->e || !work->ue || !work->ye)
        return err_set(RC_NOMEM, "no memory for an estimate");
    return RC_OK;
}

static void fill(struct work *work, const struct slices *slices, const struct excite_plan *plan,
                 const uint64_t *col)
{
    memcpy(work->y, slices->y, work->n * work->n_row * sizeof *work->y);
    for (uint64_t k = 0; k < work->n; k++)
        for (uint64_t j = 0; j < work->n_used; j++) {
            work->u[k * work->n_used + j] = slices->u[k * slices->n_col + col[j]];
            work->e[k * work->n_used + j] = excite_value(plan, col[j], slices->level[k]);
        }
    drift_basis(work->q, slices, plan->n_level, work->n_drift);
    for (uint64_t d = 0; d < work->n_drift; d++) {
        take_out(work->q + d * work->n, work->y, work->n, work->n_row);
        take_out(work->q + d * work->n, work->u, work->n, work->n_used);
        take_out(work->q + d * work->n, work->e, work->n, work->n_used);
    }
}

/* R^T from (E^T U) R^T = E^T Y. */
static enum rc solve(struct work *work)
{
    int n_used = (int) work->n_used, n_row = (int) work->n_row;
    lapack_int *pivot = calloc(work->n_used, sizeof *pivot);
    lapack_int info = -1;

    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n_used, n_used, (int) work->n, 1.0,
                work->e, n_used, work->u, n_used, 0.0, work->ue, n_used);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n_used, n_row, (int) work->n, 1.0,
                work->e, n_used, work->y, n_row, 0.0, work->ye, n_row);
    if (pivot)
        info = LAPACKE_dgesv(LAPACK_ROW_MAJOR, n_used, n_row, work->ue, n_used, pivot, work->ye,
                             n_row);
    free(pivot);
    return info == 0 ? RC_OK
                     : err_set(RC_NUMERIC,
                               "the set points did not follow the excitation: the columns "
                               "cannot be told apart");
}

/* What is left of Y, and from it the standard error of each column. */
static void judge(struct work *work, struct estimate *out)
{
    double freedom = (double) (work->n - work->n_used - work->n_drift), left;

    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int) work->n, (int) work->n_row,
                (int) work->n_used, -1.0, work->u, (int) work->n_used, work->ye,
                (int) work->n_row, 1.0, work->y, (int) work->n_row);
    left = cblas_dnrm2((int) (work->n * work->n_row), work->y, 1);
    out->residual_m = left / sqrt(freedom * (double) work->n_row);
    for (uint64_t j = 0; j < work->n_used; j++) {
        double size = cblas_dnrm2((int) work->n, work->u + j, (int) work->n_used);

        out->error[j] = size > 0 ? out->residual_m / size : (double) INFINITY;
        for (uint64_t i = 0; i < work->n_row; i++)
            out->r[i * work->n_used + j] = work->ye[j * work->n_row + i];
    }
}

static uint64_t find_used(const struct excite_plan *plan, uint64_t *col)
{
    uint64_t n = 0;

    for (uint64_t j = 0; j < plan->n_col; j++)
        if (fabs(plan->wave[j].amplitude) > 0)
            col[n++] = j;
    return n;
}

enum rc estimate_response(struct estimate *out, const struct slices *slices,
                          const struct excite_plan *plan, uint64_t n_drift)
{
    struct work work = {.n = 0};
    enum rc rc = RC_OK;

    *out = (struct estimate){.n_row = slices->n_row};
    out->col = calloc(plan->n_col, sizeof *out->col);
    if (!out->col)
        return err_set(RC_NOMEM, "no memory for an estimate");
    out->n_used = find_used(plan, out->col);
    out->r = numbers(slices->n_row * out->n_used);
    out->error = numbers(out->n_used);
    if (!out->r || !out->error)
        rc = err_set(RC_NOMEM, "no memory for an estimate");
    if (rc == RC_OK)
        rc = work_open(&work, slices, out->n_used, n_drift);
    if (rc == RC_OK) {
        fill(&work, slices, plan, out->col);
        rc = solve(&work);
    }
    if (rc == RC_OK)
        judge(&work, out);
    work_free(&work);
    if (rc != RC_OK)
        estimate_free(out);
    return rc;
}

void estimate_free(struct estimate *estimate)
{
    free(estimate->col);
    free(estimate->r);
    free(estimate->error);
    memset(estimate, 0, sizeof *estimate);
}

struct likeness estimate_compare(const double *measured, uint64_t measured_stride,
                                 const double *model, uint64_t model_stride, uint64_t n)
{
    double mm = 0, mr = 0, rr = 0;

    for (uint64_t i = 0; i < n; i++) {
        double m = measured[i * measured_stride], r = model[i * model_stride];

        mm += m * m;
        mr += m * r;
        rr += r * r;
    }
    return (struct likeness){.gain = rr > 0 ? mr / rr : 0,
                             .correlation = mm > 0 && rr > 0 ? mr / sqrt(mm * rr) : 0};
}

/* ---- step ---------------------------------------------------------------------------- */

static double step_at(double t_s, double delay_s, double pole_hz)
{
    return t_s > delay_s ? -expm1(-2 * M_PI * pole_hz * (t_s - delay_s)) : 0;
}

/* The best gain for this delay and pole, and the squares left. */
static double left_over(struct step_fit *fit, const double *value, uint64_t n, double bin_s)
{
    double vv = 0, vs = 0, ss = 0;
    uint64_t used = 0;

    for (uint64_t i = 0; i < n; i++) {
        double s = step_at(((double) i + 0.5) * bin_s, fit->delay_s, fit->pole_hz);

        if (!isfinite(value[i]))
            continue;
        vv += value[i] * value[i];
        vs += value[i] * s;
        ss += s * s;
        used++;
    }
    fit->gain = ss > 0 ? vs / ss : 0;
    fit->rms = used ? sqrt(fmax(0, vv - fit->gain * vs) / (double) used) : (double) INFINITY;
    return fit->rms;
}

static void try_fit(struct step_fit *best, struct step_fit trial, const double *value,
                    uint64_t n, double bin_s)
{
    left_over(&trial, value, n, bin_s);
    if (trial.rms < best->rms)
        *best = trial;
}

enum rc estimate_step(struct step_fit *fit, const double *value, uint64_t n, double bin_s)
{
    enum { DELAYS = 60, POLES = 40, ROUNDS = 40 };
    double span_s = (double) n * bin_s, delay_step = span_s / DELAYS, ratio = 1.3;
    double slowest_hz = 0.5 / span_s;

    *fit = (struct step_fit){.rms = INFINITY};
    for (int d = 0; d < DELAYS; d++)
        for (int p = 0; p < POLES; p++)
            try_fit(fit,
                    (struct step_fit){.delay_s = d * delay_step,
                                      .pole_hz = slowest_hz * pow(ratio, p)},
                    value, n, bin_s);
    if (!isfinite(fit->rms) || !(fit->gain > 0))
        return err_set(RC_NUMERIC, "no step is seen in the answer of the machine");
    /* Ever smaller steps around the best so far. */
    for (int round = 0; round < ROUNDS; round++) {
        struct step_fit centre = *fit;

        for (int d = -1; d <= 1; d++)
            for (int p = -1; p <= 1; p++)
                try_fit(fit,
                        (struct step_fit){.delay_s = fmax(0, centre.delay_s + d * delay_step),
                                          .pole_hz = centre.pole_hz * pow(ratio, p)},
                        value, n, bin_s);
        if (!(fit->rms < centre.rms)) {
            delay_step *= 0.6;
            ratio = 1 + 0.6 * (ratio - 1);
        }
    }
    return RC_OK;
}
