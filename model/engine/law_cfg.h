/* What a configuration says of the control law, for the loop and for the tools that judge it.
 */
#ifndef ORBIT_MODEL_ENGINE_LAW_CFG_H
#define ORBIT_MODEL_ENGINE_LAW_CFG_H

#include "config/cfg.h"
#include "rt/loop/law/terms.h"

/* Pure delay of the correctors that the law drives: the fast ones', where they have their own.
 */
double law_actuator_delay_ms(const struct cfg *cfg);

/* Notches and harmonics that are not lists of numbers have NaN as their frequency, which
 * law_terms_make refuses by name. */
struct law_settings law_from_cfg(const struct cfg *cfg);

#endif
