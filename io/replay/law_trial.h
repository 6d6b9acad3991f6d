/* Another law on a recording, before anybody touches the machine.
 *
 * The disturbance is what the orbit would be without kicks, d = y - R u_eff, u_eff being the
 * set points through the correctors' delay and poles. On it act: no law (the kicks of the first
 * record stand), the law of the run and the new one, each through the same R: y' = d + R
 * u'_eff. Matrices, references, limits and the machine's delay are those of the first set of
 * the recording; rows that are not good are masked as the loop does. Capture, ramp, energy
 * channel, offloading and pulling to reference kicks do not take part. The first quarter
 * settles and does not count.
 */
#ifndef ORBIT_IO_REPLAY_LAW_TRIAL_H
#define ORBIT_IO_REPLAY_LAW_TRIAL_H

#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/loop/law/terms.h"
#include "rt/shm/layout.h"

enum trial_side { SIDE_OPEN, SIDE_RECORDED, SIDE_OLD, SIDE_NEW, SIDE_COUNT };

struct trial_law {
    struct law_settings settings;
    uint64_t every; /* frames per step */
    double gain_h, gain_v;
};

/* Of one side; rms over frames and good BPMs, or over frames. */
struct trial_figures {
    double square_m2[2];          /* sums while it runs */
    double rms_m[2];              /* x, y: error */
    double kick_rad[2];           /* H, V: rms of the change against the first record */
    double use;                   /* largest |u|/limit */
    uint64_t n_step, n_saturated; /* law steps, and those in which a corrector was cut */
    double *mode_m[2];            /* [n_mode] rms amplitude of each mode */
};

struct law_trial {
    struct orbit_dims dims;
    uint64_t n_record, n_frame; /* frames that count */
    uint64_t n_closed;          /* records of CLOSED among n_record */
    uint64_t n_mode[2];
    struct trial_figures side[SIDE_COUNT];
};

/* RC_INPUT: no recording, no parameter set for it, a set without modes; RC_RANGE: the law's
 * settings, by name; RC_SYS, RC_NOMEM. */
MUST_USE enum rc law_trial_run(struct law_trial *trial, const char *path,
                               const struct trial_law *law);
void law_trial_free(struct law_trial *trial);

#endif
