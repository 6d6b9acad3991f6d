/* Copies of 8-byte words to and from memory that another process reads or writes at the same
 * time.
 *
 * Each word is one relaxed atomic access: no tearing within a word, no order between words, no
 * barrier. The order that a protocol needs comes from its control words and the two fences
 * below. Addresses are multiples of 8 and ranges do not overlap; n counts words.
 */
#ifndef ORBIT_RT_BASE_WORDS_H
#define ORBIT_RT_BASE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "rt/base/attr.h"

/* Doubles are copied through these too; the type lets the compiler know that words alias them.
 */
typedef uint64_t words_any __attribute__((may_alias));

/* Two words at once, by one instruction that the compiler neither splits nor repeats. C has no
 * name for such an access; every x86-64 processor moves each aligned word of it whole, which is
 * all that a relaxed atomic access of a word promises. Elsewhere, and under a sanitizer, which
 * sees no assembler, WORDS_IN_PAIRS is 0 and words go one by one. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) &&  \
    !defined(__clang__)
#define WORDS_IN_PAIRS 1
typedef long long words_pair __attribute__((vector_size(16), aligned(8), may_alias));

RT_SAFE static inline void words_store_pair(words_any *to, const words_any *from)
{
    __asm__ volatile("movups %1, %0"
                     : "=m"(*(words_pair *) to)
                     : "x"(*(const words_pair *) from));
}

RT_SAFE static inline void words_load_pair(words_any *to, const words_any *from)
{
    words_pair pair;

    __asm__ volatile("movups %1, %0" : "=x"(pair) : "m"(*(const words_pair *) from));
    *(words_pair *) to = pair;
}
#else
#define WORDS_IN_PAIRS             0
#define words_store_pair(to, from) ((void) (to), (void) (from))
#define words_load_pair(to, from)  ((void) (to), (void) (from))
#endif

/* Private to shared. */
RT_SAFE static inline void words_store(void *shared, const void *private, size_t n)
{
    words_any *to = shared;
    const words_any *from = private;
    size_t i = 0;

    for (; WORDS_IN_PAIRS && i + 2 <= n; i += 2)
        words_store_pair(to + i, from + i);
    for (; i < n; i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}

/* Shared to private: every word is loaded exactly once, so what was checked is what is used. */
RT_SAFE static inline void words_load(void *private, const void *shared, size_t n)
{
    words_any *to = private;
    const words_any *from = shared;
    size_t i = 0;

    for (; WORDS_IN_PAIRS && i + 2 <= n; i += 2)
        words_load_pair(to + i, from + i);
    for (; i < n; i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* Words stored by this thread before the release fence are seen by whoever, behind its acquire
 * fence, has loaded a word that was stored after the release fence. ThreadSanitizer does not
 * model fences; it need not, because everything they order here is an atomic access. */
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wtsan"
#endif
RT_SAFE static inline void words_fence_release(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

RT_SAFE static inline void words_fence_acquire(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}
#pragma GCC diagnostic pop

#endif
