#include "rt/loop/rows.h"

extern const struct rows_kernel rows_table_portable, rows_table_avx2;

const struct rows_kernel *rows_kernel_portable(void)
{
    return &rows_table_portable;
}

const struct rows_kernel *rows_kernel_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") ? &rows_table_avx2 : NULL;
#else
    return NULL;
#endif
}

const struct rows_kernel *rows_kernel(void)
{
    const struct rows_kernel *best = rows_kernel_avx2();

    return best ? best : rows_kernel_portable();
}
