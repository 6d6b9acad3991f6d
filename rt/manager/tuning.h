/* From the configuration's live keys and the device table to what a parameter set holds. */
#ifndef ORBIT_RT_MANAGER_TUNING_H
#define ORBIT_RT_MANAGER_TUNING_H

#include "config/cfg.h"
#include "config/devices.h"
#include "rt/base/rc.h"
#include "rt/loop/params.h"
#include "rt/manager/check.h"

struct tuning tuning_from_cfg(const struct cfg *cfg);

/* Fills tuning, limits, disabled rows and columns and the reference orbit of a set, and
 * which corrector keeps the loop from closing because it is not checked. RC_INPUT: a
 * disabled device does not exist, or the reference file is faulty (text names it); params is
 * then partly changed and must be abandoned. */
MUST_USE enum rc tuning_apply(struct params *params, const struct cfg *cfg,
                              const struct devices *devices, const struct check *check);

#endif
