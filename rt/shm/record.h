/* The parts of a record (SEG_RECORD), wherever its payload lies. Any thread. */
#ifndef ORBIT_RT_SHM_RECORD_H
#define ORBIT_RT_SHM_RECORD_H

#include <stdint.h>

#include "rt/shm/layout.h"

struct record_view {
    const struct record_head *head;
    const double *y;             /* [n_row] m */
    const uint64_t *row_quality; /* [n_row] */
    const double *u_cmd;         /* [n_col] rad, Hz */
    const double *u_found;       /* [n_col] */
    const double *u_readback;    /* [n_col] */
    const uint64_t *col_quality; /* [n_col] */
};

/* Points into a payload of record_size_b(dims) bytes, 8-byte aligned. */
struct record_view record_view(const struct orbit_dims *dims, const void *payload);

#endif
