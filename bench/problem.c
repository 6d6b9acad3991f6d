#include "bench/problem.h"

#include <cblas.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench/stream.h"

enum { PAGE_B = 4096, FLUSH_LINE_B = 64 };

static const enum matvec_variant variant_of[CONTEST_COUNT] = {
    [CONTEST_AVX2] = MATVEC_AVX2, [CONTEST_PORTABLE] = MATVEC_PORTABLE};

static void *pages(size_t size_b)
{
    size_t rounded_b = (size_b + PAGE_B - 1) / PAGE_B * PAGE_B;
    void *memory = aligned_alloc(PAGE_B, rounded_b);

    if (memory)
        memset(memory, 0, rounded_b);
    return memory;
}

/* Values of both signs around 1, as a response matrix in m/rad has them; none is denormal. */
static void fill(double *values, size_t n)
{
    uint64_t state = 88172645463325252ULL;

    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        values[i] = 4.0 * ((double) (state >> 11) / 9007199254740992.0 - 0.5);
    }
}

static enum rc open_vectors(struct problem *p)
{
    for (int k = 0; k < 2; k++) {
        p->x[k] = pages(p->n_col * sizeof(double));
        p->y[k] = pages(p->n_row * sizeof(double));
        if (!p->x[k] || !p->y[k])
            return err_set(RC_NOMEM, "vectors of %zu x %zu", p->n_row, p->n_col);
        fill(p->x[k], p->n_col);
    }
    p->x32 = pages(p->n_col * sizeof(float));
    p->y32 = pages(p->n_row * sizeof(float));
    if (!p->x32 || !p->y32)
        return err_set(RC_NOMEM, "vectors of %zu x %zu", p->n_row, p->n_col);
    for (size_t j = 0; j < p->n_col; j++)
        p->x32[j] = (float) p->x[0][j];
    return RC_OK;
}

static enum rc open_panel(struct problem *p, enum contestant k, const double *a)
{
    enum rc rc = matvec_init(&p->panel[k], p->matrix[k], p->n_row, p->n_col, p->storage);

    if (rc == RC_OK)
        matvec_pack(&p->panel[k], a, p->n_col);
    return rc;
}

/* A variant that this CPU lacks leaves its matrix NULL. */
static enum rc open_variant(struct problem *p, enum contestant k, const double *a)
{
    enum matvec_variant best = matvec_variant();
    enum rc rc;

    if (matvec_select(variant_of[k]) != RC_OK) {
        free(p->matrix[k]);
        p->matrix[k] = NULL;
        return RC_OK;
    }
    rc = open_panel(p, k, a);
    return rc == RC_OK ? matvec_select(best) : rc;
}

static void store_blas(struct problem *p, enum contestant k, const double *a)
{
    for (size_t i = 0; i < p->n_row; i++) {
        for (size_t j = 0; j < p->n_col; j++) {
            size_t at = k == CONTEST_BLAS_ROW ? i * p->n_col + j : j * p->n_row + i;

            if (p->storage == MATVEC_F32)
                ((float *) p->matrix[k])[at] = (float) a[i * p->n_col + j];
            else
                ((double *) p->matrix[k])[at] = a[i * p->n_col + j];
        }
    }
}

static enum rc open_matrix(struct problem *p, enum contestant k, const double *a)
{
    size_t plain_b =
        p->n_row * p->n_col * (p->storage == MATVEC_F32 ? sizeof(float) : sizeof(double));
    bool panel = k >= CONTEST_PANEL && k <= CONTEST_PORTABLE;

    p->matrix_b[k] = panel ? matvec_size_b(p->n_row, p->n_col, p->storage) : plain_b;
    p->matrix[k] = pages(p->matrix_b[k]);
    if (!p->matrix[k])
        return err_set(RC_NOMEM, "matrix of %zu x %zu", p->n_row, p->n_col);
    if (k == CONTEST_READ)
        return RC_OK;
    if (k == CONTEST_PANEL || k == CONTEST_PANEL2)
        return open_panel(p, k, a);
    if (panel)
        return open_variant(p, k, a);
    store_blas(p, k, a);
    return RC_OK;
}

enum rc problem_open(struct problem *p, size_t n_row, size_t n_col, enum matvec_storage storage)
{
    double *a = pages(n_row * n_col * sizeof(*a));
    enum rc rc;

    *p = (struct problem){.n_row = n_row, .n_col = n_col, .storage = storage};
    rc = a ? open_vectors(p) : err_set(RC_NOMEM, "matrix of %zu x %zu", n_row, n_col);
    if (rc == RC_OK)
        fill(a, n_row * n_col);
    for (int k = 0; rc == RC_OK && k < CONTEST_COUNT; k++)
        rc = open_matrix(p, (enum contestant) k, a);
    free(a);
    if (rc != RC_OK)
        problem_close(p);
    return rc;
}

void problem_close(struct problem *p)
{
    for (int k = 0; k < CONTEST_COUNT; k++)
        free(p->matrix[k]);
    for (int k = 0; k < 2; k++) {
        free(p->x[k]);
        free(p->y[k]);
    }
    free(p->x32);
    free(p->y32);
}

static void call_blas(struct problem *p, enum contestant k)
{
    int n_row = (int) p->n_row, n_col = (int) p->n_col;
    enum CBLAS_ORDER order = k == CONTEST_BLAS_ROW ? CblasRowMajor : CblasColMajor;
    int ld = k == CONTEST_BLAS_ROW ? n_col : n_row;

    if (p->storage == MATVEC_F32)
        cblas_sgemv(order, CblasNoTrans, n_row, n_col, 1.0F, p->matrix[k], ld, p->x32, 1, 0.0F,
                    p->y32, 1);
    else
        cblas_dgemv(order, CblasNoTrans, n_row, n_col, 1.0, p->matrix[k], ld, p->x[0], 1, 0.0,
                    p->y[0], 1);
}

void problem_call(struct problem *p, enum contestant contestant)
{
    switch (contestant) {
    case CONTEST_READ:
        stream_read(p->matrix[contestant], p->matrix_b[contestant]);
        break;
    case CONTEST_BLAS_ROW:
    case CONTEST_BLAS_COL:
        call_blas(p, contestant);
        break;
    case CONTEST_PANEL2:
        matvec_apply2(&p->panel[contestant], (const double *const[2]){p->x[0], p->x[1]}, p->y);
        break;
    default:
        matvec_apply(&p->panel[contestant], p->x[0], p->y[0]);
    }
}

#if defined(__x86_64__)
static void flush(const void *memory, size_t size_b)
{
    const char *line = memory;

    for (size_t at = 0; at < size_b; at += FLUSH_LINE_B)
        _mm_clflush(line + at);
}

bool problem_flush(const struct problem *p, enum contestant k)
{
    flush(p->matrix[k], p->matrix_b[k]);
    for (int r = 0; r < 2; r++)
        flush(p->x[r], p->n_col * sizeof(double));
    flush(p->x32, p->n_col * sizeof(float));
    _mm_mfence();
    return true;
}
#else
bool problem_flush(const struct problem *p, enum contestant k)
{
    (void) p;
    (void) k;
    return false;
}
#endif

const char *contestant_name(enum contestant contestant)
{
    static const char *const names[CONTEST_COUNT] = {[CONTEST_READ] = "read",
                                                     [CONTEST_PANEL] = "panel",
                                                     [CONTEST_PANEL2] = "panel_two",
                                                     [CONTEST_AVX2] = "panel_avx2",
                                                     [CONTEST_PORTABLE] = "panel_portable",
                                                     [CONTEST_BLAS_ROW] = "openblas_row",
                                                     [CONTEST_BLAS_COL] = "openblas_col"};

    return names[contestant];
}
