/* The row passes for AVX2; compiled with it switched on (CMakeLists.txt). */
#include "rt/base/words.h"

typedef long long words_four __attribute__((vector_size(32), aligned(8), may_alias));

/* Four words by one instruction: as words_store_pair, of which the processor moves each aligned
 * word whole. On 32-byte boundaries, so that none of them crosses a cache line. */
static RT_SAFE void store_four(void *shared, const void *own, size_t n)
{
    words_any *to = shared;
    const words_any *from = own;
    size_t i = 0;

    for (; i < n && (uintptr_t) (to + i) % 32 != 0; i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
    for (; WORDS_IN_PAIRS && i + 4 <= n; i += 4)
        __asm__ volatile("vmovdqu %1, %0"
                         : "=m"(*(words_four *) (void *) (to + i))
                         : "x"(*(const words_four *) (const void *) (from + i)));
    words_store(to + i, from + i, n - i);
}

#define WIDE_B 32
#define KERNEL rows_table_avx2
#define STORE  store_four
#include "rt/loop/rows_kernel.inc"
