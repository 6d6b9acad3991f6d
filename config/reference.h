/* The reference orbit: lines "BPM x_m y_m", '#' starts a comment. */
#ifndef ORBIT_CONFIG_REFERENCE_H
#define ORBIT_CONFIG_REFERENCE_H

#include "config/devices.h"
#include "rt/base/rc.h"

/* Fills reference_m [2 n_bpm], x then y; BPMs not named get 0. RC_INPUT with file and line:
 * unknown or repeated BPM, not two finite numbers, beyond 0.1 m. RC_SYS: not readable. */
MUST_USE enum rc reference_load(double *reference_m, const struct devices *devices,
                                const char *path);

#endif
