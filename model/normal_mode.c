#include "model/normal_mode.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

/* How far an eigenvalue may lie off the unit circle by rounding (a double one is off by its
 * square root). */
static const double off_circle = 1e-6, least_area = 1e-9;

struct eigen {
    int n;
    double turn[36], re[TRACK_DIM], im[TRACK_DIM], vector[36];
};

static enum rc decompose(double turn[TRACK_DIM][TRACK_DIM], int n, struct eigen *eigen)
{
    double none;

    eigen->n = n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            eigen->turn[i * n + j] = turn[i][j];
    for (int i = 0; i < n * n; i++)
        if (!isfinite(eigen->turn[i]))
            return err_set(RC_NUMERIC, "one-turn matrix is not finite");
    if (LAPACKE_dgeev(LAPACK_ROW_MAJOR, 'N', 'V', n, eigen->turn, n, eigen->re, eigen->im,
                      &none, n, eigen->vector, n))
        return err_set(RC_NUMERIC, "eigenvalues of the one-turn matrix do not converge");
    return RC_OK;
}

/* Im(conj(q) p) of a plane. */
static double area(const complex double v[TRACK_DIM], int plane)
{
    const complex double *q = v + 2 * (size_t) plane;

    return cimag(conj(q[0]) * q[1]);
}

/* Of the pair at `column` the member that turns with the motion, scaled to area 1. */
static enum rc take_mode(const struct eigen *eigen, int column, double *tune,
                         complex double v[TRACK_DIM])
{
    int n = eigen->n;
    double re = eigen->re[column], im = eigen->im[column], size = hypot(re, im), total = 0;

    if (!(fabs(im) > 0))
        return err_set(RC_NUMERIC,
                       "no stable motion: the one-turn matrix has the real eigenvalue %.6g",
                       re);
    if (!(fabs(size - 1) < off_circle))
        return err_set(RC_NUMERIC, "no stable motion: a mode grows by %.6g per turn",
                       fmax(size, 1 / size));
    memset(v, 0, TRACK_DIM * sizeof *v);
    for (int i = 0; i < n; i++)
        v[i] = CMPLX(eigen->vector[i * n + column], eigen->vector[i * n + column + 1]);
    for (int plane = 0; plane < n / 2; plane++)
        total += area(v, plane);
    if (!(fabs(total) > least_area))
        return err_set(RC_NUMERIC, "no stable motion: two modes meet (sum resonance)");
    *tune = atan2(total > 0 ? im : -im, re) / (2 * M_PI);
    *tune -= floor(*tune);
    for (int i = 0; i < n; i++)
        v[i] = (total > 0 ? v[i] : conj(v[i])) / sqrt(fabs(total));
    return RC_OK;
}

static void swap_modes(struct normal_modes *modes, int i, int j)
{
    complex double hold[TRACK_DIM];
    double tune = modes->tune[i];

    modes->tune[i] = modes->tune[j];
    modes->tune[j] = tune;
    memcpy(hold, modes->vector[i], sizeof hold);
    memcpy(modes->vector[i], modes->vector[j], sizeof hold);
    memcpy(modes->vector[j], hold, sizeof hold);
}

/* The longitudinal mode stands out most clearly: it is picked first. */
static void sort_modes(struct normal_modes *modes)
{
    for (int plane = modes->n - 1; plane > 0; plane--)
        for (int k = 0; k < plane; k++)
            if (area(modes->vector[k], plane) > area(modes->vector[plane], plane))
                swap_modes(modes, k, plane);
}

enum rc normal_modes_find(double turn[TRACK_DIM][TRACK_DIM], int n, struct normal_modes *modes)
{
    struct eigen eigen = {0};
    enum rc rc = decompose(turn, 2 * n, &eigen);

    *modes = (struct normal_modes){.n = n};
    for (int k = 0; k < n && rc == RC_OK; k++)
        rc = take_mode(&eigen, 2 * k, &modes->tune[k], modes->vector[k]);
    if (rc == RC_OK)
        sort_modes(modes);
    return rc;
}
