#include "model/chromaticity.h"

#include <math.h>
#include <string.h>

#include "model/closed_orbit.h"
#include "model/normal_mode.h"

static const double step = 1e-4;

/* The closed orbit is a start for the next one and changes with it. */
static enum rc tunes_at(const struct lattice *lattice, bool exact, double delta,
                        struct closed_orbit *orbit, double tune[2])
{
    struct closed_orbit_request request = {
        .mode = ORBIT_FIXED_MOMENTUM, .delta = delta, .exact = exact};
    struct normal_modes modes;
    enum rc rc = closed_orbit_solve(lattice, &request, orbit);

    if (rc == RC_OK)
        rc = normal_modes_find(orbit->turn_6d, 2, &modes);
    if (rc != RC_OK)
        return err_add(rc, "chromaticity, at delta = %g", delta);
    memcpy(tune, modes.tune, 2 * sizeof *tune);
    return RC_OK;
}

/* Central difference over +-delta. Tunes are known but for integers. */
static enum rc slope(const struct lattice *lattice, bool exact, double delta, double xi[2])
{
    struct closed_orbit orbit = {.iterations = 0};
    double up[2] = {0}, down[2] = {0};
    enum rc rc = tunes_at(lattice, exact, delta, &orbit, up);

    if (rc == RC_OK)
        rc = tunes_at(lattice, exact, -delta, &orbit, down);
    for (int k = 0; k < 2; k++)
        xi[k] = remainder(up[k] - down[k], 1) / (2 * delta);
    return rc;
}

enum rc chromaticity_corrected(const struct lattice *lattice, bool exact, double xi[2])
{
    double coarse[2] = {0}, fine[2] = {0};
    enum rc rc = slope(lattice, exact, 2 * step, coarse);

    if (rc == RC_OK)
        rc = slope(lattice, exact, step, fine);
    for (int k = 0; k < 2 && rc == RC_OK; k++)
        xi[k] = (4 * fine[k] - coarse[k]) / 3;
    return rc;
}

enum rc chromaticity_natural(const struct lattice *lattice, bool exact, double xi[2])
{
    static const struct lattice_field terms[] = {{.n = 2}, {.n = 2, .skew = true}};
    struct lattice *without;
    enum rc rc = lattice_copy(&without, lattice);

    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < without->n_element && rc == RC_OK; i++)
        for (int k = 0; k < 2 && rc == RC_OK && without->element[i].kind != ELEMENT_DIPOLE; k++)
            rc = lattice_set_field(without, i, terms[k].n, terms[k].skew, 0);
    if (rc == RC_OK)
        rc = chromaticity_corrected(without, exact, xi);
    lattice_destroy(without);
    return rc;
}
