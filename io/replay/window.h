/* A stretch of frames in memory, for analysis: orbit errors as they were, what they would have
 * been without kicks, and the set points.
 *
 *   window_open -> { window_feed } -> window_close
 *
 * Without kicks: y - R u_eff as law_trial.h has it, less the reference. One thread.
 */
#ifndef ORBIT_IO_REPLAY_WINDOW_H
#define ORBIT_IO_REPLAY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/client.h"
#include "rt/shm/record.h"

struct window_machine; /* parameters and the correctors' model */

struct window {
    struct orbit_dims dims;
    uint64_t most, n;     /* frames of room, frames held: the newest */
    double *error, *free; /* [n][n_row] measured minus reference; the same without kicks, m */
    double *u;            /* [n][n_col] set points, rad, Hz */
    bool *good;           /* [n_row] in every frame */
    uint64_t n_closed;    /* frames in CLOSED */
    double fs_hz;         /* of the frames; 0: fewer than two */
    const double *limit;  /* [n_col] absolute, rad; infinite: none */
    uint64_t n_mode[2];
    const double *mode[2]; /* x, y: [n_bpm][n_mode] the set's fixed basis */

    int64_t first_ns, last_ns;
    uint64_t first_seq, last_seq;
    struct window_machine *machine;
};

/* Room for the newest `most` frames of a machine whose parameters are `image`. RC_INPUT,
 * RC_NOMEM.
 */
MUST_USE enum rc window_open(struct window *window, const struct set_head *image,
                             int64_t period_ns, uint64_t most);
void window_close(struct window *window);

/* A record; records follow each other. Rows that are not good are 0 and no longer good. When
 * the room is full nothing more is taken: false. */
bool window_feed(struct window *window, const struct record_view *record);

/* The newest `seconds` of a running orbitd. RC_STATE: no parameters, or no records yet. */
MUST_USE enum rc window_take(struct window *window, struct client *client, double seconds);

/* The first `seconds` of a recording that have parameters. RC_INPUT, RC_SYS. */
MUST_USE enum rc window_read(struct window *window, const char *path, double seconds);

#endif
