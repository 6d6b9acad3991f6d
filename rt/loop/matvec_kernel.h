/* Inside of matvec: how rows are cut into panels, and what a variant provides. Not for users.
 *
 * A group is one cache line of rows: 16 float32 or 8 float64. n_row is padded to whole groups
 * with zeros, and groups are shared out evenly over the fewest panels of at most
 * `panel_groups`, so that no panel is left too narrow to hide the latency of its additions.
 * Panel p with g groups holds column j at its start + j * g * 64 bytes.
 */
#ifndef ORBIT_RT_LOOP_MATVEC_KERNEL_H
#define ORBIT_RT_LOOP_MATVEC_KERNEL_H

#include <stddef.h>

#include "rt/loop/matvec.h"

enum { MATVEC_GROUP_B = 64 };

struct matvec_kernel {
    enum matvec_variant variant;
    size_t panel_groups;
    void (*apply[MATVEC_STORAGE_COUNT])(const struct matvec *m, const double *x, double *y);
    void (*apply2[MATVEC_STORAGE_COUNT])(const struct matvec *m, const double *const x[2],
                                         double *const y[2]);
};

extern const struct matvec_kernel matvec_kernel_portable;
#if defined(__x86_64__)
extern const struct matvec_kernel matvec_kernel_avx2;
extern const struct matvec_kernel matvec_kernel_avx512;
#endif

static inline size_t matvec_group_rows(enum matvec_storage storage)
{
    return MATVEC_GROUP_B / (storage == MATVEC_F32 ? sizeof(float) : sizeof(double));
}

static inline size_t matvec_n_group(size_t n_row, enum matvec_storage storage)
{
    size_t rows = matvec_group_rows(storage);

    return (n_row + rows - 1) / rows;
}

static inline size_t matvec_n_panel(size_t n_group, size_t panel_groups)
{
    return (n_group + panel_groups - 1) / panel_groups;
}

/* Groups of panel p of n_panel: n_group / n_panel, the first n_group % n_panel of them one
 * more. */
static inline size_t matvec_panel_groups(size_t n_group, size_t n_panel, size_t p)
{
    return n_group / n_panel + (p < n_group % n_panel ? 1 : 0);
}

#endif
