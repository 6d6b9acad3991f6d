/* The energy: what of the orbit error is dispersion, and the RF frequency that removes it.
 *
 * With the RF column r = dy/df of the response (m/Hz), the error as if the frequency were wrong
 * is a = (r . e)/(r . r) in Hz, and the relative momentum is delta = -a/(alpha_c f). Removed
 * from e, it is the RF's alone; the RF is moved by -gain times the mean of a, once a period (1
 * s or more), when that mean is beyond the deadband, by one step's limit at most, within a
 * window about where it was found at closing. At the window's edge it holds, until the loop is
 * closed again or the channel is switched off and on. One thread.
 */
#ifndef ORBIT_RT_LOOP_LAW_ENERGY_H
#define ORBIT_RT_LOOP_LAW_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

enum law_energy_removal { ENERGY_REMOVED_WITH_RF, ENERGY_REMOVED, ENERGY_KEPT };

struct law_energy_settings {
    bool drive;       /* the loop moves the RF */
    uint64_t removal; /* enum law_energy_removal: whether e loses its dispersion */
    double gain;      /* of the mean, per move */
    double deadband_hz, step_hz, window_hz;
    int64_t period_ns; /* 1 s or more */
};

struct law_energy {
    double sum_hz; /* of a since the last move */
    uint64_t n_sum;
    double mean_hz;   /* of the last period, and of the one under way before there is one */
    double centre_hz; /* of the window */
    int64_t moved_ns; /* when a period ended last */
    uint64_t driving; /* the window has its centre */
    uint64_t holds;   /* at the window's edge, or its readback is not valid */
    uint64_t limited; /* moves cut by the step's limit */
};

/* RC_RANGE names the key and its limit. */
MUST_USE enum rc law_energy_check(const struct law_energy_settings *settings);

/* a of e [n_row], fit = r/(r . r) [n_row]. */
RT_SAFE double law_energy_fit(const double *fit, const double *e, uint64_t n_row);

/* e -= a r. */
RT_SAFE void law_energy_remove(const double *r, double a_hz, double *e, uint64_t n_row);

/* Takes a of one law step and returns where the RF is to be: f_now_hz (its present set point,
 * an offset) or one move from it. closed: the loop drives. good: set point and readback are
 * valid. */
RT_SAFE double law_energy_step(struct law_energy *energy,
                               const struct law_energy_settings *settings, double a_hz,
                               double f_now_hz, int64_t now_ns, bool closed, bool good);

/* What the RF should be changed by now, Hz. */
RT_SAFE double law_energy_suggest_hz(const struct law_energy *energy);

#endif
