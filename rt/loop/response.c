#include "rt/loop/response.h"

#include <stdlib.h>
#include <string.h>

enum rc response_create(struct response *response, uint64_t n_col, uint64_t depth)
{
    *response = (struct response){.n_col = n_col, .depth = depth};
    response->history = calloc(n_col * depth, sizeof *response->history);
    if (!response->history)
        return err_set(RC_NOMEM, "no memory for %llu x %llu past set points",
                       (unsigned long long) depth, (unsigned long long) n_col);
    return RC_OK;
}

void response_destroy(struct response *response)
{
    free(response->history);
    response->history = NULL;
}

void response_reset(struct response *response, const double *u, double *u_eff)
{
    for (uint64_t slot = 0; slot < response->depth; slot++)
        memcpy(response->history + slot * response->n_col, u, response->n_col * sizeof *u);
    memcpy(u_eff, u, response->n_col * sizeof *u);
    response->primed = true;
}

void response_advance(struct response *response, const double *u_cmd, double *u_eff,
                      uint64_t delay_cycles, double dt_over_tau)
{
    uint64_t n = response->n_col, depth = response->depth;
    uint64_t delay = delay_cycles < depth ? delay_cycles : depth - 1;
    /* 1 - exp(-z) by its [1/1] rational form, exact enough for z << 1 and stable for every z >
     * 0. */
    double gain = 2.0 * dt_over_tau / (2.0 + dt_over_tau);
    const double *arrived;

    gain = gain > 1.0 ? 1.0 : gain;
    response->head = (response->head + 1) % depth;
    memcpy(response->history + response->head * n, u_cmd, n * sizeof *u_cmd);
    arrived = response->history + (response->head + depth - delay) % depth * n;
    for (uint64_t j = 0; j < n; j++)
        u_eff[j] += gain * (arrived[j] - u_eff[j]);
}
