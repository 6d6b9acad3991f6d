/* A parameter set as it travels: one memfd, sealed against any change, param_head and two
 * matrices. */
#ifndef ORBIT_RT_SHM_PARAM_SET_H
#define ORBIT_RT_SHM_PARAM_SET_H

#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"

struct param_set {
    const struct param_head *head;
    const double *r; /* [n_row][n_col] */
    const double *k; /* [n_col][n_row] */
};

/* Makes the memfd: head's magic, hashes (content and layout) and size are filled in from
 * head->dims and the matrices; the rest is the caller's. *fd is the caller's to close. RC_SYS,
 * RC_RANGE (dims). */
MUST_USE enum rc param_set_create(int *fd, struct param_head *head, const double *r,
                                  const double *k);

/* Maps a received set read-only after checking that it is sealed against writing and resizing
 * (so what is checked stays true), and size, magic, layout hash, content hash, n_block, dims
 * and device hash (0: any). Does not take fd. RC_INPUT with the reason; values are not judged.
 */
MUST_USE enum rc param_set_map(struct param_set *set, int fd, const struct orbit_dims *dims,
                               uint64_t device_hash);
void param_set_unmap(struct param_set *set);

#endif
