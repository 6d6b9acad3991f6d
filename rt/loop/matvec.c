#include "rt/loop/matvec.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "rt/loop/matvec_kernel.h"

static const struct matvec_kernel *const kernels[MATVEC_VARIANT_COUNT] = {
    [MATVEC_PORTABLE] = &matvec_kernel_portable,
#if defined(__x86_64__)
    [MATVEC_AVX2] = &matvec_kernel_avx2,
    [MATVEC_AVX512] = &matvec_kernel_avx512,
#endif
};

static const struct matvec_kernel *selected;

static bool cpu_has(enum matvec_variant variant)
{
    switch (variant) {
    case MATVEC_PORTABLE:
        return true;
#if defined(__x86_64__)
    case MATVEC_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case MATVEC_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
#endif
    default:
        return false;
    }
}

static const struct matvec_kernel *kernel_in_use(void)
{
    if (!selected) {
        int variant = MATVEC_VARIANT_COUNT - 1;

        while (!cpu_has((enum matvec_variant) variant))
            variant--;
        selected = kernels[variant];
    }
    return selected;
}

enum matvec_variant matvec_variant(void)
{
    return kernel_in_use()->variant;
}

const char *matvec_variant_name(enum matvec_variant variant)
{
    static const char *const names[MATVEC_VARIANT_COUNT] = {
        [MATVEC_PORTABLE] = "portable", [MATVEC_AVX2] = "avx2", [MATVEC_AVX512] = "avx512"};

    return (unsigned int) variant < MATVEC_VARIANT_COUNT ? names[variant] : "unknown";
}

enum rc matvec_select(enum matvec_variant variant)
{
    if (!cpu_has(variant))
        return err_set(RC_RANGE, "matrix-vector kernel '%s': not available on this CPU",
                       matvec_variant_name(variant));
    selected = kernels[variant];
    return RC_OK;
}

size_t matvec_size_b(size_t n_row, size_t n_col, enum matvec_storage storage)
{
    if (n_row < 1 || n_row > MATVEC_MAX_ROW || n_col < 1 || n_col > MATVEC_MAX_COL)
        return 0;
    if ((unsigned int) storage >= MATVEC_STORAGE_COUNT)
        return 0;
    return matvec_n_group(n_row, storage) * MATVEC_GROUP_B * n_col;
}

enum rc matvec_init(struct matvec *m, void *memory, size_t n_row, size_t n_col,
                    enum matvec_storage storage)
{
    size_t size_b = matvec_size_b(n_row, n_col, storage);

    if (size_b == 0)
        return err_set(RC_RANGE, "matrix of %zu x %zu, storage %d: outside 1..%d x 1..%d",
                       n_row, n_col, (int) storage, MATVEC_MAX_ROW, MATVEC_MAX_COL);
    if (!memory || (uintptr_t) memory % MATVEC_ALIGN != 0)
        return err_set(RC_RANGE, "memory of a matrix at %p: not aligned to %d bytes", memory,
                       MATVEC_ALIGN);
    *m = (struct matvec){.n_row = n_row,
                         .n_col = n_col,
                         .storage = storage,
                         .kernel = kernel_in_use(),
                         .panels = memory};
    memset(memory, 0, size_b);
    return RC_OK;
}

/* Row i of A goes to lane i of each column of its panel; the padding behind n_row stays zero.
 */
static void pack_row(const struct matvec *m, size_t lane, size_t panel_rows, void *panel,
                     const double *a_row)
{
    if (m->storage == MATVEC_F32) {
        for (size_t j = 0; j < m->n_col; j++)
            ((float *) panel)[j * panel_rows + lane] = (float) a_row[j];
    } else {
        for (size_t j = 0; j < m->n_col; j++)
            ((double *) panel)[j * panel_rows + lane] = a_row[j];
    }
}

void matvec_pack(const struct matvec *m, const double *a, size_t ld)
{
    size_t n_group = matvec_n_group(m->n_row, m->storage);
    size_t n_panel = matvec_n_panel(n_group, m->kernel->panel_groups);
    char *panel = m->panels;
    size_t row = 0;

    for (size_t p = 0; p < n_panel; p++) {
        size_t groups = matvec_panel_groups(n_group, n_panel, p);
        size_t panel_rows = groups * matvec_group_rows(m->storage);

        for (size_t lane = 0; lane < panel_rows && row < m->n_row; lane++, row++)
            pack_row(m, lane, panel_rows, panel, a + row * ld);
        panel += groups * MATVEC_GROUP_B * m->n_col;
    }
}

void matvec_apply(const struct matvec *m, const double *x, double *y)
{
    m->kernel->apply[m->storage](m, x, y);
}

void matvec_apply2(const struct matvec *m, const double *const x[2], double *const y[2])
{
    m->kernel->apply2[m->storage](m, x, y);
}
