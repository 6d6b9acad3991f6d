/* The file of feed-forward tables (feedforward.tables), text:
 *
 *   table NAME INPUT       a new table; INPUT: one of feedforward.inputs
 *   at POSITION            a point of it; positions ascend
 *   CORRECTOR KICK_RAD     what it adds there; "RF" in Hz
 *   BPM x|y POSITION_M     orbit there that is no error
 *
 * '#' starts a comment; what a point does not name is 0 there. `orbitctl ff learn` writes such
 * files. */
#ifndef ORBIT_RT_MANAGER_FF_FILE_H
#define ORBIT_RT_MANAGER_FF_FILE_H

#include "config/cfg.h"
#include "config/devices.h"
#include "rt/base/rc.h"
#include "rt/loop/law/feed_forward.h"

/* Fills tables and value [FF_MAX_TABLE * FF_MAX_POINT][n_col + n_row]. RC_INPUT with file and
 * line; RC_SYS: not readable. */
MUST_USE enum rc ff_load(struct ff_tables *tables, double *value, const struct cfg *cfg,
                         const struct devices *devices, const char *path);

#endif
