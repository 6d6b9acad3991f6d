/* Chromaticity dQ/d(delta), not divided by the tune.
 *
 * From the tunes about the nonlinear closed orbits at momentum errors +-1e-4 and +-2e-4 with
 * Richardson's extrapolation: strengths scale with momentum as they do, edges, sextupoles and
 * the dispersive orbit in all of them are in it.
 */
#ifndef ORBIT_MODEL_CHROMATICITY_H
#define ORBIT_MODEL_CHROMATICITY_H

#include "model/lattice.h"

/* xi[0] horizontal, xi[1] vertical, of the ring as it is, errors and kicks included. exact: see
 * struct tracking. RC_NUMERIC: an orbit or its stability fails at such a momentum. */
MUST_USE enum rc chromaticity_corrected(const struct lattice *lattice, bool exact,
                                        double xi[2]);

/* The same with the sextupole components of all elements but the bends off. */
MUST_USE enum rc chromaticity_natural(const struct lattice *lattice, bool exact, double xi[2]);

#endif
