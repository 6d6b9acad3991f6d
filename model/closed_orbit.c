#include "model/closed_orbit.h"

#include <math.h>
#include <string.h>

#include "model/solve.h"

static const double default_step_m = 1e-12;
enum { DEFAULT_ITERATIONS = 20, DELTA = 4, CT = 5 };

/* One turn from z: the tangent map, and what is left of the conditions. */
static enum rc one_turn(const struct lattice *lattice,
                        const struct closed_orbit_request *request, const double z[TRACK_DIM],
                        struct tangent *tangent, double left[SOLVE_MAX])
{
    double end[TRACK_DIM];
    enum rc rc;

    memcpy(end, z, sizeof end);
    tangent_start(tangent);
    rc = track_range(lattice, 0, lattice->n_element, end, tangent);
    if (rc != RC_OK)
        return rc;
    for (int i = 0; i < 4; i++)
        left[i] = z[i] - end[i];
    left[4] = request->path_m - end[CT];
    return RC_OK;
}

/* The Newton step: (M - 1) step = left, in `unknowns` (4, or 5 with delta and path). */
static bool newton_step(const struct tangent *tangent, int unknowns, double left[SOLVE_MAX])
{
    double a[SOLVE_MAX][SOLVE_MAX] = {{0}};

    for (int column = 0; column < unknowns; column++) {
        for (int row = 0; row < 4; row++)
            a[row][column] = tangent->column[column][row] - (row == column ? 1 : 0);
        if (unknowns == 5)
            a[4][column] = tangent->column[column][CT];
    }
    return solve_small(a, left, unknowns);
}

static double longest(const double *v, int n)
{
    double most = 0;

    for (int i = 0; i < n; i++)
        most = isfinite(v[i]) ? fmax(most, fabs(v[i])) : HUGE_VAL;
    return most;
}

static enum rc iterate(const struct lattice *lattice,
                       const struct closed_orbit_request *request, double z[TRACK_DIM],
                       struct closed_orbit *orbit, struct tangent *tangent)
{
    double tolerance = request->step_m > 0 ? request->step_m : default_step_m;
    uint32_t most = request->max_iterations ? request->max_iterations : DEFAULT_ITERATIONS;
    int unknowns = request->mode == ORBIT_FIXED_RF ? 5 : 4;
    double step[SOLVE_MAX];

    for (orbit->iterations = 0; orbit->iterations < most;) {
        enum rc rc = one_turn(lattice, request, z, tangent, step);

        if (rc != RC_OK)
            return err_add(rc, "closed orbit, iteration %u", orbit->iterations + 1);
        if (!newton_step(tangent, unknowns, step))
            return err_set(RC_NUMERIC,
                           "no closed orbit: 1 - M is singular (integer resonance)");
        for (int i = 0; i < unknowns; i++)
            z[i] += step[i];
        orbit->iterations++;
        orbit->last_step = longest(step, unknowns);
        if (orbit->last_step < tolerance)
            return RC_OK;
    }
    return err_set(RC_NUMERIC, "closed orbit does not converge: step %.3g after %u iterations",
                   orbit->last_step, orbit->iterations);
}

enum rc closed_orbit_solve(const struct lattice *lattice,
                           const struct closed_orbit_request *request,
                           struct closed_orbit *orbit)
{
    struct tangent tangent;
    double z[TRACK_DIM], turn[4][4], tune[2];
    enum rc rc;

    memcpy(z, orbit->start, sizeof z);
    if (request->mode == ORBIT_FIXED_MOMENTUM)
        z[DELTA] = request->delta;
    z[CT] = 0;
    rc = iterate(lattice, request, z, orbit, &tangent);
    if (rc != RC_OK)
        return rc;
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++)
            turn[row][column] = tangent.column[column][row];
    if (!closed_orbit_is_stable(turn, tune))
        return err_set(RC_NUMERIC, "motion about the closed orbit is not stable");
    memcpy(orbit->turn, turn, sizeof turn);
    memcpy(orbit->start, z, sizeof z);
    return RC_OK;
}

enum rc closed_orbit_everywhere(const struct lattice *lattice, const double start[TRACK_DIM],
                                double z_all[][TRACK_DIM])
{
    memcpy(z_all[0], start, sizeof z_all[0]);
    for (uint32_t i = 0; i < lattice->n_element; i++) {
        enum rc rc;

        memcpy(z_all[i + 1], z_all[i], sizeof z_all[i]);
        rc = track_range(lattice, i, i + 1, z_all[i + 1], NULL);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc closed_orbit_at_bpms(const struct lattice *lattice, const double start[TRACK_DIM],
                             double *position_m)
{
    double z[TRACK_DIM];
    uint32_t reached = 0;

    memcpy(z, start, sizeof z);
    for (uint32_t i = 0; i < lattice->n_bpm; i++) {
        uint32_t element = lattice->bpm[i].element;
        enum rc rc;

        /* BPMs come in ring order nearly always; one that steps back costs a fresh start. */
        if (element < reached) {
            memcpy(z, start, sizeof z);
            reached = 0;
        }
        rc = track_range(lattice, reached, element, z, NULL);
        if (rc != RC_OK)
            return rc;
        reached = element;
        position_m[i] = z[0];
        position_m[lattice->n_bpm + i] = z[2];
    }
    return RC_OK;
}

/* With u = lambda + 1/lambda, the characteristic polynomial of a symplectic 4x4 matrix is
 * u^2 - tr(M) u + (c2 - 2), c2 = (tr(M)^2 - tr(M^2))/2: stable when both u are real and within
 * +-2. */
bool closed_orbit_is_stable(double turn[4][4], double tune[2])
{
    static const double equal_tunes = 1e-12;
    double trace = 0, trace_square = 0, c2, split;

    for (int i = 0; i < 4; i++) {
        trace += turn[i][i];
        for (int j = 0; j < 4; j++)
            trace_square += turn[i][j] * turn[j][i];
    }
    c2 = 0.5 * (trace * trace - trace_square);
    split = 0.25 * trace * trace - (c2 - 2);
    if (!(split > -equal_tunes))
        return false;
    split = sqrt(fmax(split, 0));
    for (int i = 0; i < 2; i++) {
        double half_u = 0.25 * trace + (i ? -0.5 : 0.5) * split;

        if (!(fabs(half_u) < 1))
            return false;
        tune[i] = acos(half_u) / (2 * M_PI);
    }
    return true;
}
