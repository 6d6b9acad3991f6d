#include "rt/loop/workspace.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_A_LINE = CACHE_LINE / 8 };

static size_t whole_lines(size_t n_word)
{
    return (n_word + WORDS_A_LINE - 1) / WORDS_A_LINE * WORDS_A_LINE;
}

/* The vectors of a snapshot, in its order; also those of the parts that have their own memory.
 */
static void place_vectors(struct workspace *w)
{
    double **const places[VEC_COUNT] = {[VEC_Y] = &w->y,
                                        [VEC_ERROR] = &w->error,
                                        [VEC_DIST] = &w->innovation.beam,
                                        [VEC_Z] = &w->innovation.z,
                                        [VEC_MODE] = &w->scorecard.mode,
                                        [VEC_VIRT_Y] = &w->virtual_loop.y,
                                        [VEC_VIRT_U] = &w->virtual_loop.u,
                                        [VEC_PRED_NOW] = &w->pred_now,
                                        [VEC_PRED_FULL] = &w->pred_full,
                                        [VEC_FULL] = &w->full,
                                        [VEC_STEP] = &w->step,
                                        [VEC_SP] = &w->sp,
                                        [VEC_U_CMD] = &w->u_cmd,
                                        [VEC_U_EFF] = &w->u_eff,
                                        [VEC_U_READBACK] = &w->u_readback};
    char *first = (char *) w->vectors - snapshot_offset_b(&w->dims, VEC_Y);

    for (unsigned v = 0; v < VEC_COUNT; v++)
        if (places[v])
            *places[v] =
                (void *) (first + snapshot_offset_b(&w->dims, (enum snapshot_vector) v));
    w->row_quality = (void *) (first + snapshot_offset_b(&w->dims, VEC_ROW_QUALITY));
    w->col_quality = (void *) (first + snapshot_offset_b(&w->dims, VEC_COL_QUALITY));
}

/* One allocation for every vector; those that are not published each on its own cache line. */
static enum rc allocate_vectors(struct workspace *w)
{
    double **rows[] = {&w->scratch_row, &w->reference_m, &w->slewed_m, &w->score.y_m};
    double **cols[] = {&w->u_found,       &w->scratch_col,      &w->score.u_eff,
                       &w->excite.wanted, &w->excite.contained, &w->response_share};
    size_t row = whole_lines(w->n_row), col = whole_lines(w->n_col);
    size_t n_rows = sizeof rows / sizeof rows[0], n_cols = sizeof cols / sizeof cols[0];
    size_t n_word = whole_lines(w->vectors_words) + row * (n_rows + 1) + col * (n_cols + 1);
    double *at = aligned_alloc(CACHE_LINE, n_word * sizeof *at);

    w->warm_row = calloc(2 * row, sizeof *w->warm_row);
    w->memory = at;
    w->memory_b = n_word * sizeof *at;
    if (!at || !w->warm_row)
        return err_set(RC_NOMEM, "no memory for %zu words of vectors", n_word);
    w->warm_bits = (void *) (w->warm_row + row);
    memset(at, 0, n_word * sizeof *at);
    w->vectors = at;
    at += whole_lines(w->vectors_words);
    for (size_t i = 0; i < n_rows; i++, at += row)
        *rows[i] = at;
    for (size_t i = 0; i < n_cols; i++, at += col)
        *cols[i] = at;
    w->tracking_count = (void *) at;
    w->blank_left = w->tracking_count + col;
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
    w->rows = rows_kernel();
    w->dims = *dims;
    w->n_row = dims_n_row(dims);
    w->n_col = dims_n_col(dims);
    w->n_bpm_source = n_bpm_source;
    w->vectors_words = (snapshot_size_b(dims) - sizeof(struct snapshot_head)) / 8;
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
    place_vectors(w);
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
    free(w->warm_row);
    free(w->memory);
    free(w);
}
