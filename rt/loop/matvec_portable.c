/* The kernel for any CPU that has 16-byte vectors, or for what the compiler makes of them. */
#include "rt/loop/matvec_kernel.h"

/* Two groups are 8 accumulators of the 16 registers of plain x86-64. */
#define VEC_B        16
#define PANEL_GROUPS 2
#define CHAINS(g)    ((g) <= 1 ? 2 : 1)

#define SCALAR  float
#define STORAGE f32
#define ROUND_X 1
#include "rt/loop/matvec_kernel.inc"

#define SCALAR  double
#define STORAGE f64
#define ROUND_X 0
#include "rt/loop/matvec_kernel.inc"

const struct matvec_kernel matvec_kernel_portable = {
    .variant = MATVEC_PORTABLE,
    .panel_groups = PANEL_GROUPS,
    .apply = {apply_f32, apply_f64},
    .apply2 = {apply2_f32, apply2_f64},
};
