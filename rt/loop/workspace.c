#include "rt/loop/workspace.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_A_LINE = CACHE_LINE / 8 };

/* One allocation for every vector, each on its own cache line. */
static enum rc allocate_vectors(struct workspace *w)
{
    double **rows[] = {&w->y,           &w->error,       &w->pred_now, &w->pred_full,
                       &w->scratch_row, &w->reference_m, &w->score.y_m};
    double **cols[] = {&w->full,
                       &w->step,
                       &w->sp,
                       &w->u_cmd,
                       &w->u_eff,
                       &w->u_readback,
                       &w->u_found,
                       &w->scratch_col,
                       &w->score.u_eff,
                       &w->excite.wanted,
                       &w->excite.contained,
                       &w->response_share};
    size_t row = (w->n_row + WORDS_A_LINE - 1) / WORDS_A_LINE * WORDS_A_LINE;
    size_t col = (w->n_col + WORDS_A_LINE - 1) / WORDS_A_LINE * WORDS_A_LINE;
    size_t n_rows = sizeof rows / sizeof rows[0], n_cols = sizeof cols / sizeof cols[0];
    size_t n_word = row * (n_rows + 1) + col * (n_cols + 2);
    double *at = aligned_alloc(CACHE_LINE, n_word * sizeof *at);
    void *bits;

    w->memory = at;
    w->memory_b = n_word * sizeof *at;
    if (!at)
        return err_set(RC_NOMEM, "no memory for %zu words of vectors", n_word);
    memset(at, 0, n_word * sizeof *at);
    for (size_t i = 0; i < n_rows; i++, at += row)
        *rows[i] = at;
    for (size_t i = 0; i < n_cols; i++, at += col)
        *cols[i] = at;
    bits = at;
    w->row_quality = bits;
    w->col_quality = w->row_quality + row;
    w->tracking_count = w->col_quality + col;
    return RC_OK;
}

enum rc workspace_create(struct workspace **out, const struct orbit_dims *dims,
                         uint64_t n_bpm_source, int64_t now_ns)
{
    struct workspace *w = calloc(1, sizeof *w);
    enum rc rc;

    *out = NULL;
    if (!w)
        return err_set(RC_NOMEM, "no memory for the loop");
    w->dims = *dims;
    w->n_row = dims_n_row(dims);
    w->n_col = dims_n_col(dims);
    w->n_bpm_source = n_bpm_source;
    for (unsigned v = 0; v < VEC_COUNT; v++) {
        w->vector_offset_b[v] = snapshot_offset_b(dims, (enum snapshot_vector) v);
        w->vector_is_row[v] = vector_shape((enum snapshot_vector) v) == SHAPE_ROW;
    }
    state_init(&w->machine, now_ns);
    rc = allocate_vectors(w);
    if (rc == RC_OK)
        rc = response_create(&w->response, w->n_col, MAX_DELAY_CYCLES);
    if (rc == RC_OK)
        rc = stepper_create(&w->stepper, w->n_row, w->n_col);
    if (rc == RC_OK)
        rc = innovation_create(&w->innovation, dims);
    if (rc == RC_OK)
        rc = virtual_loop_create(&w->virtual_loop, dims);
    if (rc == RC_OK)
        rc = scorecard_create(&w->scorecard, dims);
    if (rc != RC_OK) {
        workspace_destroy(w);
        return rc;
    }
    *out = w;
    return RC_OK;
}

void workspace_destroy(struct workspace *w)
{
    if (!w)
        return;
    response_destroy(&w->response);
    stepper_destroy(&w->stepper);
    innovation_destroy(&w->innovation);
    virtual_loop_destroy(&w->virtual_loop);
    scorecard_destroy(&w->scorecard);
    free(w->memory);
    free(w);
}
