/* The kernel for AVX-512F; compiled with it switched on (matvec.cmake). */
#include "rt/loop/matvec_kernel.h"

/* Eight groups are 8 accumulators, and 16 of the 32 registers for two right-hand sides. Two
 * FMAs of latency 4 need 8 in flight: narrow panels get there by more chains. */
#define VEC_B        64
#define PANEL_GROUPS 8
#define CHAINS(g)    ((g) <= 2 ? 4 : (g) <= 4 ? 2 : 1)

#define SCALAR  float
#define STORAGE f32
#define ROUND_X 1
#include "rt/loop/matvec_kernel.inc"

#define SCALAR  double
#define STORAGE f64
#define ROUND_X 0
#include "rt/loop/matvec_kernel.inc"

const struct matvec_kernel matvec_kernel_avx512 = {
    .variant = MATVEC_AVX512,
    .panel_groups = PANEL_GROUPS,
    .apply = {apply_f32, apply_f64},
    .apply2 = {apply2_f32, apply2_f64},
};
