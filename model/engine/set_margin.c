/* The margins of a parameter set: eigenvalues of K R of each block under the configured law. */
#include <stdlib.h>

#include "model/engine/engine.h"
#include "model/engine/law_margin.h"
#include "model/stability.h"

static enum rc refuse(const struct param_block *block, const struct stability *verdict,
                      const struct margin_need *need)
{
    char text[160];

    law_margin_text(&verdict->margin, text, sizeof text);
    return err_set(
        RC_RANGE,
        "%s plane: no margin: %s, eigenvalue of K R %.3g%+.3gi; needed are gain "
        "%.3g, phase %.3g rad, peak %.3g (margin.*; orbitctl loop design shows more)",
        block->row0 == 0 ? "horizontal" : "vertical", text, creal(verdict->worst),
        cimag(verdict->worst), need->gain, need->phase_rad, need->peak);
}

static const double *law_inverse(const struct result *result)
{
    return result->inverses.law_k ? result->inverses.law_k : result->inverses.k;
}

static enum rc check_block(const struct result *result, const struct param_block *block,
                           const struct margin_loop *loop, const struct margin_need *need)
{
    uint64_t n_row = dims_n_row(&result->head.dims), n_col = dims_n_col(&result->head.dims);
    struct stability_block part = {.n_row = (uint32_t) block->n_row,
                                   .n_col = (uint32_t) block->n_col,
                                   .r = result->r + block->row0 * n_col + block->col0,
                                   .k = law_inverse(result) + block->col0 * n_row + block->row0,
                                   .r_stride = (uint32_t) n_col,
                                   .k_stride = (uint32_t) n_row};
    double complex *lambda = calloc(block->n_col, sizeof *lambda);
    struct stability verdict;
    enum rc rc = lambda ? stability_eigenvalues(&part, lambda)
                        : err_set(RC_NOMEM, "no memory for eigenvalues");

    if (rc == RC_OK) {
        verdict = stability_judge(loop, part.n_col, lambda, false);
        if (!margin_is_enough(&verdict.margin, need))
            rc = refuse(block, &verdict, need);
    }
    free(lambda);
    return rc;
}

enum rc engine_check_margin(const struct result *result, const struct cfg *cfg)
{
    struct margin_need need = law_margin_need(cfg);
    struct margin_loop loop[LAW_MARGIN_PLANES];
    enum rc rc;

    if (!cfg->margin_required)
        return RC_OK;
    rc = law_margin_create(loop, cfg);
    for (uint64_t b = 0; b < result->head.n_block && rc == RC_OK; b++)
        rc = check_block(result, &result->head.block[b], &loop[result->head.block[b].row0 != 0],
                         &need);
    law_margin_free(loop);
    return rc;
}
