/* Machines that differ from their model, to try a control law on: errors of gains, of single
 * elements of a response matrix, of the tunes, of the focusing. Seeded, so that a verdict can
 * be repeated.
 */
#ifndef ORBIT_MODEL_MISMATCH_H
#define ORBIT_MODEL_MISMATCH_H

#include <stdint.h>

#include "model/lattice.h"
#include "model/plant/random.h"
#include "rt/base/attr.h"
#include "rt/base/rc.h"

/* r [n_row][n_col], row-major: every row and every column times 1 + rms times a normal number.
 */
void mismatch_gains(struct random *random, double rms, double *r, uint32_t n_row,
                    uint32_t n_col);

/* Every element on its own. */
void mismatch_elements(struct random *random, double rms, double *r, uint32_t n_row,
                       uint32_t n_col);

/* Scales all focusing and all defocusing quadrupoles until the tunes have moved by dq_x and
 * dq_y. RC_NUMERIC: not reached (no stable motion there). */
MUST_USE enum rc mismatch_tune(struct lattice *lattice, double dq_x, double dq_y);

/* Random relative errors of all quadrupoles, of the size that makes a beta beat of `rms` (the
 * larger of both planes) at the BPMs. RC_NUMERIC: not reached. */
MUST_USE enum rc mismatch_beta(struct lattice *lattice, struct random *random, double rms);

#endif
