/* A recording played through the loop, and compared with itself. */
#ifndef ORBIT_IO_REPLAY_PLAYBACK_H
#define ORBIT_IO_REPLAY_PLAYBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "io/replay/replay.h"
#include "io/stream/stream_format.h"

struct playback {
    uint64_t n_record;   /* in the recording */
    uint64_t n_stretch;  /* without a gap and without excitation */
    uint64_t n_compared; /* records behind a checkpoint of their stretch */
    uint64_t n_same;
    double tolerance; /* 0: every bit; else share of a vector's largest element */
    uint64_t kernel;  /* enum matvec_variant of the run */
    struct orbit_dims dims;
    uint64_t cycle; /* of the first difference; 0: none */
    struct replay_difference difference;
    char name[ORBIT_NAME_SIZE]; /* of its BPM or corrector, if it has one */
};

/* RC_INPUT: no recording, no checkpoint in it, a set missing or of another build; RC_SYS,
 * RC_NOMEM. Differences are no failure. After the first one of a stretch the rest of it is not
 * compared: a state that differs once does so ever after. */
MUST_USE enum rc playback_run(struct playback *playback, const char *path);

#endif
