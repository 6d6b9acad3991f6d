/* From an excitation's levels to the response of the machine.
 *
 * With Y the orbits and U the set points of the levels, E the excitation that was asked for,
 * all without slow drift (the lowest cosines over the levels are taken out), the response is R
 * = (Y E^T)(U E^T)^-1. E is the instrument: what else moves orbit and set points, a closed loop
 * included, is not correlated with it. With one line per corrector this is lock-in demodulation
 * of each line, with one row of a code per corrector its correlation with the code.
 */
#ifndef ORBIT_IO_CTL_SYSID_ESTIMATE_H
#define ORBIT_IO_CTL_SYSID_ESTIMATE_H

#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/loop/excite.h"

/* One slice a level, settled parts only. */
struct slices {
    uint64_t n, n_row, n_col; /* n_col: all columns of the plan */
    uint64_t *level;          /* [n] from 0 */
    double *y;                /* [n][n_row] m */
    double *u;                /* [n][n_col] rad */
};

struct estimate {
    uint64_t n_row, n_used;
    uint64_t *col;     /* [n_used] columns that were excited */
    double *r;         /* [n_row][n_used] m/rad */
    double *error;     /* [n_used] standard error of an element of that column, m/rad */
    double residual_m; /* rms of what the response does not explain */
};

/* n_drift: how many of the lowest cosines, 1 at least (the mean). RC_RANGE: fewer slices than
 * unknowns; RC_NUMERIC: the excitation does not tell the columns apart; RC_NOMEM. *estimate is
 * empty on failure. */
MUST_USE enum rc estimate_response(struct estimate *estimate, const struct slices *slices,
                                   const struct excite_plan *plan, uint64_t n_drift);
void estimate_free(struct estimate *estimate);

/* A measured column on a model's, over n rows: gain <m, r>/<r, r> and correlation, the cosine.
 */
struct likeness {
    double gain, correlation;
};

struct likeness estimate_compare(const double *measured, uint64_t measured_stride,
                                 const double *model, uint64_t model_stride, uint64_t n);

/* First-order step after a delay, 1 - exp(-2 pi pole (t - delay)), fitted to the mean answer to
 * a step: value [n] at (i + 0.5) bin_s. Values that are not finite are passed over. */
struct step_fit {
    double delay_s, pole_hz, gain, rms; /* rms: of what is left */
};

MUST_USE enum rc estimate_step(struct step_fit *fit, const double *value, uint64_t n,
                               double bin_s);

#endif
