/* What the loop's estimation needs beside R and K: a basis of the orbits that a kick anywhere
 * can make, and the modes of the display, per plane. */
#ifndef ORBIT_MODEL_ENGINE_SPACES_H
#define ORBIT_MODEL_ENGINE_SPACES_H

#include "model/column_space.h"
#include "model/engine/inputs.h"
#include "rt/base/rc.h"
#include "rt/shm/layout.h"

struct spaces {
    struct column_space beam[2];  /* x, y: [n_bpm][rank] */
    struct column_space modes[2]; /* left singular vectors of the plane's own block of R */
};

/* r [n_row][n_col] in device order. Disabled BPMs have rows of zeros. RC_NOMEM, RC_NUMERIC. */
MUST_USE enum rc spaces_find(struct spaces *spaces, const struct inputs *inputs,
                             const struct optics *optics, const struct orbit_dims *dims,
                             const double *r);

/* An empty one is fine. */
void spaces_free(struct spaces *spaces);

#endif
