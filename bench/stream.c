#include "bench/stream.h"

#include <stdint.h>

/* The same loop for each vector width: whole blocks of eight vectors, then single cache lines.
 * The vectors are summed, because a load whose result is not used might be left out. */
#define DEFINE_STREAM(NAME, TARGET, BYTES)                                                     \
    typedef uint64_t NAME##_vec __attribute__((vector_size(BYTES), may_alias));                \
    TARGET static void NAME(const void *memory, size_t size_b)                                 \
    {                                                                                          \
        const NAME##_vec *v = memory;                                                          \
        const size_t n = size_b / BYTES;                                                       \
        NAME##_vec s[8] = {0};                                                                 \
        size_t i = 0;                                                                          \
                                                                                               \
        for (; i + 8 <= n; i += 8) {                                                           \
            _Pragma("GCC unroll 8") for (size_t k = 0; k < 8; k++) s[k] += v[i + k];           \
        }                                                                                      \
        for (; i < n; i++)                                                                     \
            s[0] += v[i];                                                                      \
        s[0] += s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];                                \
        __asm__ volatile("" : : "m"(s[0]));                                                    \
    }

#if defined(__x86_64__)
DEFINE_STREAM(stream_512, __attribute__((target("avx512f"))), 64)
DEFINE_STREAM(stream_256, __attribute__((target("avx2"))), 32)
#endif
DEFINE_STREAM(stream_128, , 16)

void stream_read(const void *memory, size_t size_b)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        stream_512(memory, size_b);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        stream_256(memory, size_b);
        return;
    }
#endif
    stream_128(memory, size_b);
}
