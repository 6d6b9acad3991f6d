/* What orbitctl replay --law gives beside its tables: JSON and a picture. */
#ifndef ORBIT_IO_CTL_REPLAY_SHOW_H
#define ORBIT_IO_CTL_REPLAY_SHOW_H

#include <stdint.h>

#include "io/replay/law_trial.h"
#include "rt/base/rc.h"

extern const char *const replay_side_names[SIDE_COUNT];

/* rms amplitude of a mode against no law, dB; negative: smaller. Not finite where the mode does
 * not move. */
double replay_attenuation_db(const struct law_trial *trial, enum trial_side side,
                             unsigned plane, uint64_t mode);

/* On standard output; `most` modes per plane. A figure that does not exist is null. */
void replay_print_json(const struct law_trial *trial, uint64_t most);

/* The attenuation of every mode, per plane. path ends in .svg or .png. RC_SYS, RC_NOMEM. */
MUST_USE enum rc replay_draw(const struct law_trial *trial, const char *path);

#endif
