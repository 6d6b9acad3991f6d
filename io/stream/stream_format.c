#include "io/stream/stream_format.h"

#include <stdio.h>
#include <string.h>

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
