/* What a configuration says of the control law, for the loop and for the tools that judge it.
 */
#ifndef ORBIT_MODEL_ENGINE_LAW_CFG_H
#define ORBIT_MODEL_ENGINE_LAW_CFG_H

#include "config/cfg.h"
#include "rt/loop/law/terms.h"

struct law_settings law_from_cfg(const struct cfg *cfg);

#endif
