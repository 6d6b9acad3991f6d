#include "model/column_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>

/* ---- basis ---- */

static double *numbers(size_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* Each column of length 1 (or 0); the lengths stay in `length` when they are to count. */
static uint32_t normalise(double *a, uint32_t n_row, uint32_t n_col, double *length)
{
    uint32_t found = 0;

    for (uint32_t j = 0; j < n_col; j++) {
        length[j] = cblas_dnrm2((int) n_row, a + j, (int) n_col);
        if (!(length[j] > 0))
            continue;
        cblas_dscal((int) n_row, 1 / length[j], a + j, (int) n_col);
        found++;
    }
    return found;
}

/* Eigenvectors of A A^T, ascending: [n][n], columns. */
static enum rc principal_directions(const double *a, uint32_t n_row, uint32_t n_col,
                                    double *gram)
{
    double *value = numbers(n_row);
    int n = (int) n_row, m = (int) n_col;
    int info;

    if (!value)
        return err_set(RC_NOMEM, "no memory for %u principal directions", n_row);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, m, 1, a, m, 0, gram, n);
    info = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', n, gram, n, value);
    free(value);
    return info ? err_set(RC_NUMERIC, "principal directions of %d x %d do not converge", n, m)
                : RC_OK;
}

/* Squares of what is left of the columns after one more direction; the largest is returned. */
static double take_away(const double *part, double *left, uint32_t n_col)
{
    double most = 0;

    for (uint32_t j = 0; j < n_col; j++) {
        left[j] -= part[j] * part[j];
        most = fmax(most, left[j]);
    }
    return most;
}

/* How many directions it takes. part [n_row][n_col]: of each unit column along each direction.
 */
static uint32_t count_directions(struct column_space *space, const double *part,
                                 const double *length, uint32_t n_col, uint32_t max_rank,
                                 double tolerance)
{
    double *left = numbers(n_col);
    uint32_t n = space->n_row, rank = 0;
    double most = 1;

    if (!left)
        return 0;
    for (uint32_t j = 0; j < n_col; j++)
        left[j] = length[j] > 0 ? 1 : 0;
    while (rank < max_rank && most > tolerance * tolerance) {
        most = take_away(part + (size_t) (n - 1 - rank) * n_col, left, n_col);
        rank++;
    }
    space->left = sqrt(fmax(most, 0));
    free(left);
    return rank;
}

static enum rc cut(struct column_space *space, const double *direction, uint32_t rank)
{
    uint32_t n = space->n_row;

    space->basis = numbers((size_t) n * rank);
    if (!space->basis || rank == 0)
        return err_set(RC_NOMEM, "no memory for a basis of %u x %u", n, rank);
    space->rank = rank;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t q = 0; q < rank; q++)
            space->basis[(size_t) i * rank + q] = direction[(size_t) i * n + n - 1 - q];
    return RC_OK;
}

struct work {
    double *unit, *length, *direction, *part;
};

static enum rc work_create(struct work *work, const struct columns *columns)
{
    size_t n = columns->n_row, m = columns->n_col;

    *work = (struct work){numbers(n * m), numbers(m), numbers(n * n), numbers(n * m)};
    if (!work->unit || !work->length || !work->direction || !work->part)
        return err_set(RC_NOMEM, "no memory for the space of %zu x %zu", n, m);
    memcpy(work->unit, columns->a, n * m * sizeof *work->unit);
    if (normalise(work->unit, columns->n_row, columns->n_col, work->length) == 0)
        return err_set(RC_NUMERIC, "a matrix of zeros spans nothing");
    return RC_OK;
}

static void work_free(struct work *work)
{
    free(work->unit);
    free(work->length);
    free(work->direction);
    free(work->part);
}

enum rc column_space_find(struct column_space *space, const struct columns *columns,
                          uint32_t max_rank, double tolerance, bool equal)
{
    int n = (int) columns->n_row, m = (int) columns->n_col;
    struct work work;
    enum rc rc = work_create(&work, columns);
    uint32_t rank;

    *space = (struct column_space){.n_row = columns->n_row};
    if (rc == RC_OK)
        rc = principal_directions(equal ? work.unit : columns->a, columns->n_row,
                                  columns->n_col, work.direction);
    if (rc == RC_OK) {
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, m, n, 1, work.direction, n,
                    work.unit, m, 0, work.part, m);
        max_rank = max_rank < columns->n_row ? max_rank : columns->n_row;
        rank = count_directions(space, work.part, work.length, columns->n_col, max_rank,
                                tolerance);
        rc = cut(space, work.direction, rank);
    }
    work_free(&work);
    return rc;
}

void column_space_free(struct column_space *space)
{
    free(space->basis);
    *space = (struct column_space){0};
}

/* ---- kicks anywhere ---- */

struct plane_optics {
    const double *beta_m, *mu_rad;
    double half_turn_rad; /* pi Q */
};

static double orbit_of_kick(const struct plane_optics *plane, uint32_t at, uint32_t kick)
{
    double advance = fabs(plane->mu_rad[at] - plane->mu_rad[kick]);

    return sqrt(plane->beta_m[at] * plane->beta_m[kick]) / (2 * sin(plane->half_turn_rad)) *
           cos(advance - plane->half_turn_rad);
}

void columns_of_kicks(const struct optics *optics, const uint32_t *bpm, uint32_t n_bpm,
                      int plane, double *columns, uint32_t stride)
{
    const struct plane_optics x = {optics->beta_x_m, optics->mu_x_rad, M_PI * optics->tune_x};
    const struct plane_optics y = {optics->beta_y_m, optics->mu_y_rad, M_PI * optics->tune_y};
    uint32_t n = optics->n_element;

    for (uint32_t i = 0; i < n_bpm; i++) {
        double *row = columns + (size_t) i * stride;
        double eta_m = plane == 0 ? optics->eta_x_m[bpm[i]] : 0;

        for (uint32_t k = 0; k < n; k++)
            row[k] = orbit_of_kick(plane == 0 ? &x : &y, bpm[i], k) -
                     eta_m * optics->eta_x_m[k] / optics->path_per_delta_m;
        row[n] = eta_m;
    }
}
