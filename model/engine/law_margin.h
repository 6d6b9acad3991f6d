/* The control law of a configuration as a loop whose margins can be told (model/margin.h), and
 * what the configuration demands of it. No LAPACK: orbitd's manager asks this, too.
 */
#ifndef ORBIT_MODEL_ENGINE_LAW_MARGIN_H
#define ORBIT_MODEL_ENGINE_LAW_MARGIN_H

#include <stddef.h>

#include "config/cfg.h"
#include "model/margin.h"
#include "rt/base/rc.h"
#include "rt/loop/law/terms.h"

enum { LAW_MARGIN_PLANES = 2 }; /* H, V: they may have other gains */

/* A column's law as a rational function: law_frequency_response() in closed form. RC_RANGE: too
 * long a delay. */
MUST_USE enum rc law_margin_transfer(struct transfer *out, const struct law_terms *terms,
                                     uint64_t col);

/* One loop a plane: frames at law.frame_hz (0: at loop.rate_hz), law.every of them averaged in
 * a step; delay and pole are those of actuator.* and bpm.delay_ms. RC_RANGE: the law is
 * refused, or cannot be judged; RC_NOMEM. */
MUST_USE enum rc law_margin_create(struct margin_loop loop[LAW_MARGIN_PLANES],
                                   const struct cfg *cfg);
void law_margin_free(struct margin_loop loop[LAW_MARGIN_PLANES]);

/* margin.gain, margin.phase_deg, margin.peak. */
struct margin_need law_margin_need(const struct cfg *cfg);

/* "gain 3.1, phase 62 deg, peak of the sensitivity 1.3", or "unstable". */
void law_margin_text(const struct margin *margin, char *text, size_t size);

/* The law on a machine that is as its model says, and corrects fully (lambda 1). RC_RANGE: no
 * margin, although margin.required; the text has the figures and the keys. */
MUST_USE enum rc law_margin_check(const struct cfg *cfg);

#endif
