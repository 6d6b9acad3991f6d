#include "rt/loop/bases.h"

#include <string.h>

#include "rt/base/attr.h"

static size_t align_up(size_t size)
{
    return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* The parts of the memory, all for the largest shape: six kernels, then doubles. */
struct layout {
    size_t kernel_b, square_b, leverage_b;
};

static struct layout layout_of(const struct orbit_dims *dims, enum matvec_storage storage)
{
    uint64_t n = dims->n_bpm;

    return (struct layout){.kernel_b = align_up(matvec_size_b(n, n, storage)),
                           .square_b = align_up(n * n * sizeof(double)),
                           .leverage_b = align_up(2 * n * sizeof(double))};
}

size_t bases_size_b(const struct orbit_dims *dims, enum matvec_storage storage)
{
    struct layout layout = layout_of(dims, storage);

    return 6 * layout.kernel_b + 3 * layout.square_b + layout.leverage_b;
}

enum rc bases_init(struct bases *bases, void *memory, const struct orbit_dims *dims,
                   enum matvec_storage storage)
{
    struct layout layout = layout_of(dims, storage);
    struct matvec *kernels[] = {&bases->onto[0], &bases->onto[1],  &bases->from[0],
                                &bases->from[1], &bases->modes[0], &bases->modes[1]};
    double **squares[] = {&bases->shown[0].a, &bases->shown[1].a, &bases->scratch};
    char *at = memory;
    enum rc rc = RC_OK;

    *bases = (struct bases){.n_bpm = dims->n_bpm};
    for (unsigned i = 0; i < 6 && rc == RC_OK; i++, at += layout.kernel_b)
        rc = matvec_init(kernels[i], at, dims->n_bpm, dims->n_bpm, storage);
    for (unsigned i = 0; i < 3; i++, at += layout.square_b)
        *squares[i] = (double *) (void *) at;
    bases->leverage = (double *) (void *) at;
    return rc;
}

static enum rc pack_transposed(struct bases *bases, struct matvec *kernel,
                               const struct optional_matrix *matrix)
{
    enum rc rc =
        matvec_init(kernel, kernel->panels, matrix->cols, matrix->rows, kernel->storage);

    for (uint64_t q = 0; q < matrix->cols; q++)
        for (uint64_t i = 0; i < matrix->rows; i++)
            bases->scratch[q * matrix->rows + i] = matrix->a[i * matrix->cols + q];
    if (rc == RC_OK)
        matvec_pack(kernel, bases->scratch, matrix->rows);
    return rc;
}

static void find_leverage(const struct optional_matrix *basis, double *leverage)
{
    for (uint64_t i = 0; i < basis->rows; i++) {
        leverage[i] = 0.0;
        for (uint64_t q = 0; q < basis->cols; q++)
            leverage[i] += basis->a[i * basis->cols + q] * basis->a[i * basis->cols + q];
    }
}

enum rc bases_pack(struct bases *bases, const struct optional_matrix *optional)
{
    enum rc rc = RC_OK;

    for (unsigned plane = 0; plane < 2 && rc == RC_OK; plane++) {
        const struct optional_matrix *basis = &optional[PARAM_BASIS_X + plane];
        struct matvec *from = &bases->from[plane];

        if (basis->rows == 0)
            continue;
        rc = matvec_init(from, from->panels, basis->rows, basis->cols, from->storage);
        if (rc == RC_OK)
            matvec_pack(from, basis->a, basis->cols);
        if (rc == RC_OK)
            rc = pack_transposed(bases, &bases->onto[plane], basis);
        find_leverage(basis, bases->leverage + plane * bases->n_bpm);
    }
    return rc;
}

static enum rc show(struct bases *bases, unsigned plane, const struct optional_matrix *modes)
{
    struct optional_matrix *shown = &bases->shown[plane];

    shown->rows = modes->rows;
    shown->cols = modes->cols;
    if (modes->rows == 0)
        return RC_OK;
    memcpy(shown->a, modes->a, modes->rows * modes->cols * sizeof *modes->a);
    return pack_transposed(bases, &bases->modes[plane], shown);
}

enum rc bases_show(struct bases *bases, const struct optional_matrix *optional, bool renew)
{
    enum rc rc = RC_OK;

    for (unsigned plane = 0; plane < 2 && rc == RC_OK; plane++)
        if (renew || bases->shown[plane].rows == 0)
            rc = show(bases, plane, &optional[PARAM_MODES_X + plane]);
    return rc;
}

enum rc bases_copy(struct bases *to, const struct bases *from)
{
    enum rc rc = RC_OK;

    memcpy(to->left, from->left, sizeof to->left);
    for (unsigned plane = 0; plane < 2 && rc == RC_OK; plane++)
        rc = show(to, plane, &from->shown[plane]);
    return rc;
}
