/* A parameter set as it travels: one memfd, sealed against any change, param_head and the
 * matrices of sections.def that it carries. */
#ifndef ORBIT_RT_SHM_PARAM_SET_H
#define ORBIT_RT_SHM_PARAM_SET_H

#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"

/* rows = cols = 0, a NULL: the set does not carry it. */
struct param_matrix {
    const double *a; /* [rows][cols] */
    uint64_t rows, cols;
};

/* Indexed by enum param_section_id. */
struct param_matrices {
    struct param_matrix of[PARAM_SECTION_COUNT];
};

struct param_set {
    const struct param_head *head;
    struct param_matrices matrices;
};

/* The two that every set carries; r is [n_row][n_col], k is [n_col][n_row]. */
struct param_matrices param_matrices_of(const struct orbit_dims *dims, const double *r,
                                        const double *k);

/* Whether every matrix has the shape that sections.def demands. RC_INPUT: which has not. */
MUST_USE enum rc param_matrices_check(const struct param_matrices *matrices,
                                      const struct orbit_dims *dims);

/* Bytes of a set with these matrices. */
uint64_t param_size_b(const struct param_matrices *matrices);

/* Makes the memfd: head's magic, hashes (content and layout), size and sections are filled in
 * from head->dims and the matrices; the rest is the caller's. *fd is the caller's to close.
 * RC_SYS, RC_RANGE (dims), RC_INPUT (shape). */
MUST_USE enum rc param_set_create(int *fd, struct param_head *head,
                                  const struct param_matrices *matrices);

/* Maps a received set read-only after checking that it is sealed against writing and resizing
 * (so what is checked stays true), and size, magic, layout hash, content hash, sections,
 * n_block, dims and device hash (0: any). Does not take fd. RC_INPUT with the reason; values
 * are not judged. */
MUST_USE enum rc param_set_map(struct param_set *set, int fd, const struct orbit_dims *dims,
                               uint64_t device_hash);
void param_set_unmap(struct param_set *set);

#endif
