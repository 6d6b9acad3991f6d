#include "io/stream/stream_format.h"

#include <stdio.h>
#include <string.h>

struct stream_record stream_record_parts(const struct orbit_dims *dims, const void *payload)
{
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);
    const struct record_head *head = payload;
    const uint64_t *word = (const void *) (head + 1);

    return (struct stream_record){
        .head = head,
        .y = (const void *) word,
        .row_quality = word + n_row,
        .u_cmd = (const void *) (word + 2 * n_row),
        .u_found = (const void *) (word + 2 * n_row + n_col),
        .col_quality = word + 2 * n_row + 2 * n_col,
    };
}

uint64_t stream_header_size_b(const struct orbit_dims *dims)
{
    return sizeof(struct stream_header) + (dims->n_bpm + dims_n_col(dims)) * ORBIT_NAME_SIZE;
}

int stream_names(char (*name)[ORBIT_NAME_SIZE], const struct orbit_dims *dims,
                 const struct devices *devices)
{
    memset(name, 0, (dims->n_bpm + dims_n_col(dims)) * ORBIT_NAME_SIZE);
    if (devices->n_bpm != dims->n_bpm || devices->n_h != dims->n_h ||
        devices->n_v != dims->n_v || devices->n_rf != dims->n_rf)
        return 0;
    for (uint64_t i = 0; i < dims->n_bpm; i++)
        snprintf(*name++, ORBIT_NAME_SIZE, "%s", devices->bpm[i].name);
    for (uint64_t i = 0; i < dims->n_h + dims->n_v; i++)
        snprintf(*name++, ORBIT_NAME_SIZE, "%s", devices->corrector[i].name);
    if (dims->n_rf)
        snprintf(*name, ORBIT_NAME_SIZE, "%s", devices->rf.name);
    return 1;
}
