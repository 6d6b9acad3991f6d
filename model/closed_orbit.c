#include "model/closed_orbit.h"

#include <math.h>
#include <string.h>

#include "model/map.h"
#include "model/normal_mode.h"
#include "model/solve.h"

static const double default_step_m = 1e-12;
enum { DEFAULT_ITERATIONS = 20, DELTA = 4, CT = 5 };

static struct tracking way_of(const struct closed_orbit_request *request)
{
    return (struct tracking){.exact = request->exact, .cavities = request->mode == ORBIT_6D};
}

static int unknowns_of(enum orbit_mode mode)
{
    return mode == ORBIT_6D ? 6 : mode == ORBIT_FIXED_RF ? 5 : 4;
}

/* One turn from z: the tangent map, and what is left of the conditions. */
static enum rc one_turn(const struct lattice *lattice,
                        const struct closed_orbit_request *request, const double z[TRACK_DIM],
                        struct tangent *tangent, double left[SOLVE_MAX])
{
    struct tracking how = way_of(request);
    double end[TRACK_DIM];
    enum rc rc;

    memcpy(end, z, sizeof end);
    tangent_start_6d(tangent);
    if (request->mode != ORBIT_6D)
        tangent->n = 5;
    rc = track_range_as(&how, lattice, 0, lattice->n_element, end, tangent);
    if (rc != RC_OK)
        return rc;
    for (int i = 0; i < 5; i++)
        left[i] = z[i] - end[i];
    left[5] = z[CT] + request->path_m - end[CT];
    if (request->mode == ORBIT_FIXED_RF)
        left[4] = left[5];
    return RC_OK;
}

/* The Newton step: (M - 1) step = left; at fixed RF the row of delta gives way to that of ct.
 */
static bool newton_step(const struct tangent *tangent, enum orbit_mode mode,
                        double left[SOLVE_MAX])
{
    double a[SOLVE_MAX][SOLVE_MAX] = {{0}};
    int unknowns = unknowns_of(mode);

    for (int column = 0; column < unknowns; column++) {
        for (int row = 0; row < unknowns; row++)
            a[row][column] = tangent->column[column][row] - (row == column ? 1 : 0);
        if (mode == ORBIT_FIXED_RF)
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
    int unknowns = unknowns_of(request->mode);
    double step[SOLVE_MAX];

    for (orbit->iterations = 0; orbit->iterations < most;) {
        enum rc rc = one_turn(lattice, request, z, tangent, step);

        if (rc != RC_OK)
            return err_add(rc, "closed orbit, iteration %u", orbit->iterations + 1);
        if (!newton_step(tangent, request->mode, step))
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

/* The one-turn matrices out of the tangent map, and whether the motion is stable. */
static enum rc finish(const struct tangent *tangent, enum orbit_mode mode,
                      struct closed_orbit *orbit)
{
    struct normal_modes modes;
    double tune[2];
    enum rc rc;

    for (int row = 0; row < TRACK_DIM; row++)
        for (int column = 0; column < TRACK_DIM; column++)
            orbit->turn_6d[row][column] = tangent->column[column][row];
    for (int row = 0; row < 4; row++)
        memcpy(orbit->turn[row], orbit->turn_6d[row], sizeof orbit->turn[row]);
    if (mode == ORBIT_6D) {
        rc = normal_modes_find(orbit->turn_6d, 3, &modes);
        return rc == RC_OK ? rc : err_add(rc, "about the closed orbit in six dimensions");
    }
    if (closed_orbit_is_stable(orbit->turn, tune))
        return RC_OK;
    rc = normal_modes_find(orbit->turn_6d, 2, &modes);
    return rc == RC_OK ? err_set(RC_NUMERIC, "motion about the closed orbit is not stable")
                       : err_add(rc, "about the closed orbit");
}

enum rc closed_orbit_solve(const struct lattice *lattice,
                           const struct closed_orbit_request *request,
                           struct closed_orbit *orbit)
{
    struct closed_orbit found = *orbit;
    struct tangent tangent;
    enum rc rc;

    if (request->mode == ORBIT_6D && lattice->rf_frequency_hz <= 0)
        return err_set(RC_INPUT, "no orbit in six dimensions: the ring has no cavity");
    if (request->mode == ORBIT_FIXED_MOMENTUM)
        found.start[DELTA] = request->delta;
    if (request->mode != ORBIT_6D)
        found.start[CT] = 0;
    rc = iterate(lattice, request, found.start, &found, &tangent);
    orbit->iterations = found.iterations;
    orbit->last_step = found.last_step;
    if (rc != RC_OK)
        return rc;
    if (request->mode != ORBIT_6D)
        tangent.column[CT][CT] = 1;
    rc = finish(&tangent, request->mode, &found);
    if (rc == RC_OK)
        *orbit = found;
    return rc;
}

double closed_orbit_path_of_rf(const struct lattice *lattice)
{
    static const double light_m_s = 299792458.0;
    double f = lattice->rf_frequency_hz, c = lattice->circumference_m;

    return f > 0 ? round(f * c / light_m_s) * light_m_s / f - c : 0;
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

enum rc closed_orbit_at_bpms_as(const struct tracking *how, const struct lattice *lattice,
                                const double start[TRACK_DIM], double *position_m)
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
        rc = track_range_as(how, lattice, reached, element, z, NULL);
        if (rc != RC_OK)
            return rc;
        reached = element;
        position_m[i] = z[0];
        position_m[lattice->n_bpm + i] = z[2];
    }
    return RC_OK;
}

enum rc closed_orbit_at_bpms(const struct lattice *lattice, const double start[TRACK_DIM],
                             double *position_m)
{
    return closed_orbit_at_bpms_as(&(struct tracking){0}, lattice, start, position_m);
}

static bool acts_on_axis(const struct element *e)
{
    double sum = fabs(e->hkick_rad) + fabs(e->vkick_rad) + fabs(e->dx_m) + fabs(e->dy_m) +
                 fabs(e->ds_m) + fabs(e->roll_rad) + fabs(e->a[0]) + fabs(e->b[0]);

    return sum > 0 || map_couples(e);
}

bool closed_orbit_is_design(const struct lattice *lattice)
{
    for (uint32_t i = 0; i < lattice->n_element; i++)
        if (acts_on_axis(&lattice->element[i]))
            return false;
    return true;
}

/* With u = lambda + 1/lambda, the characteristic polynomial of a symplectic 4x4 matrix is
 * u^2 - tr(M) u + (c2 - 2), c2 = (tr(M)^2 - tr(M^2))/2: stable when both u are real and within
 * +-2. */
bool closed_orbit_is_stable(double (*turn)[4], double tune[2])
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
