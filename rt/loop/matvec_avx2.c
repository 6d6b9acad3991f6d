/* The kernel for AVX2 with FMA; compiled with those switched on (matvec.cmake). */
#include "rt/loop/matvec_kernel.h"

/* Three groups are 6 accumulators, and 12 of the 16 registers for two right-hand sides. */
#define VEC_B        32
#define PANEL_GROUPS 3
#define CHAINS(g)    ((g) <= 2 ? 2 : 1)

#define SCALAR  float
#define STORAGE f32
#define ROUND_X 1
#include "rt/loop/matvec_kernel.inc"

#define SCALAR  double
#define STORAGE f64
#define ROUND_X 0
#include "rt/loop/matvec_kernel.inc"

const struct matvec_kernel matvec_kernel_avx2 = {
    .variant = MATVEC_AVX2,
    .panel_groups = PANEL_GROUPS,
    .apply = {apply_f32, apply_f64},
    .apply2 = {apply2_f32, apply2_f64},
};
