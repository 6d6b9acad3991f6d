/* How the beam moves in a window: spectra, integrated motion per band, plane and mode, as it
 * was and without kicks, corrector usage and coupling. Any thread; the window stays untouched.
 */
#ifndef ORBIT_IO_REPLAY_MOTION_H
#define ORBIT_IO_REPLAY_MOTION_H

#include <stdint.h>

#include "io/replay/window.h"
#include "io/spectra/spectra.h"
#include "rt/base/rc.h"

enum { MOTION_BANDS = 5 };
enum motion_side { MOTION_WITH, MOTION_WITHOUT, MOTION_SIDES }; /* kicks */

struct motion_band {
    double from_hz, to_hz;
    double rms_m[2][MOTION_SIDES]; /* x, y; over the good BPMs */
};

struct motion {
    const struct window *window;
    struct spectra row[MOTION_SIDES];     /* of every row, m^2/Hz */
    struct spectra mode[2][MOTION_SIDES]; /* x, y: of the amplitude of every mode, m^2/Hz */
    unsigned n_band; /* those that the rate and the length of the window let see */
    struct motion_band band[MOTION_BANDS];
    double kick_rad[2]; /* H, V: rms of the set points about their means */
    double use;         /* largest |u|/limit */
    /* Share of the motion in y without kicks that goes along with that in x at the same BPM,
     * mean over the n_coupled BPMs where both move and are good. */
    double coupling;
    uint64_t n_coupled;
};

/* RC_RANGE: the window is too short (spectra.h); RC_NOMEM. After a failure there is nothing to
 * free. */
MUST_USE enum rc motion_compute(struct motion *motion, const struct window *window);
void motion_free(struct motion *motion);

/* rms amplitude of a mode, m. */
double motion_mode_rms(const struct motion *motion, unsigned plane, enum motion_side side,
                       uint64_t mode);

/* Mean density over the good BPMs of a plane at frequency (f + 1) df, m^2/Hz. */
double motion_density(const struct motion *motion, unsigned plane, enum motion_side side,
                      uint64_t f);

/* 20 log10 of with over without, negative where the loop helps; NaN where nothing moves. */
double motion_db(const double rms_m[MOTION_SIDES]);

#endif
