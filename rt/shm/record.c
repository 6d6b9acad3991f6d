#include "rt/shm/record.h"

struct record_view record_view(const struct orbit_dims *dims, const void *payload)
{
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);
    const struct record_head *head = payload;
    const uint64_t *row = (const void *) (head + 1), *col = row + 2 * n_row;

    return (struct record_view){
        .head = head,
        .y = (const void *) row,
        .row_quality = row + n_row,
        .u_cmd = (const void *) col,
        .u_found = (const void *) (col + n_col),
        .u_readback = (const void *) (col + 2 * n_col),
        .col_quality = col + 3 * n_col,
    };
}
