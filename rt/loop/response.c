#include "rt/loop/response.h"

#include <stdlib.h>
#include <string.h>

enum rc response_create(struct response *response, uint64_t n_col, uint64_t depth)
{
    *response = (struct response){.n_col = n_col, .depth = depth};
    response->history = calloc(n_col * (depth + 1), sizeof *response->history);
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
    memcpy(response->history + response->depth * response->n_col, u,
           response->n_col * sizeof *u);
    response->n_known = 0;
    memcpy(u_eff, u, response->n_col * sizeof *u);
    response->primed = true;
}

static RT_SAFE const double *arrived_now(const struct response *response, uint64_t delay_cycles)
{
    uint64_t depth = response->depth, delay = delay_cycles < depth ? delay_cycles : depth - 1;

    if (delay >= response->n_known)
        return response->history + depth * response->n_col;
    return response->history + (response->head + depth - delay) % depth * response->n_col;
}

void response_advance(struct response *response, const double *u_cmd, double *u_eff,
                      const struct response_model *model)
{
    uint64_t n = response->n_col;
    const double *slow, *fast;

    response->head = (response->head + 1) % response->depth;
    response->n_known += response->n_known < response->depth;
    memcpy(response->history + response->head * n, u_cmd, n * sizeof *u_cmd);
    slow = arrived_now(response, model->delay_cycles[RESPONSE_SLOW]);
    fast = arrived_now(response, model->delay_cycles[RESPONSE_FAST]);
    for (uint64_t j = 0; j < n; j++) {
        double arrived = model->fast[j] ? fast[j] : slow[j];

        u_eff[j] += model->share[j] * (arrived - u_eff[j]);
    }
}
