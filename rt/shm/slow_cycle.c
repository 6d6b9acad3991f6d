#include "rt/shm/slow_cycle.h"

#include <stddef.h>
#include <stdlib.h>

#include "rt/base/words.h"

enum { READ_TRIES = 16, NUMBERS_B = offsetof(struct slow_cycle, cycle) };
enum { VALUE_WORDS = (sizeof(struct slow_cycle) - NUMBERS_B) / 8 };

void slow_cycle_write(struct slow_cycle *entry, uint64_t number, const struct slow_cycle *value)
{
    __atomic_store_n(&entry->before, number, __ATOMIC_RELAXED);
    words_fence_release();
    words_store(&entry->cycle, &value->cycle, VALUE_WORDS);
    __atomic_store_n(&entry->after, number, __ATOMIC_RELEASE);
}

static bool read_entry(const struct slow_cycle *entry, struct slow_cycle *copy)
{
    for (int i = 0; i < READ_TRIES; i++) {
        copy->after = __atomic_load_n(&entry->after, __ATOMIC_ACQUIRE);
        words_load(&copy->cycle, &entry->cycle, VALUE_WORDS);
        words_fence_acquire();
        copy->before = __atomic_load_n(&entry->before, __ATOMIC_RELAXED);
        if (copy->before == copy->after)
            return copy->cycle != 0;
    }
    return false;
}

static int slower_first(const void *left, const void *right)
{
    const struct slow_cycle *a = left, *b = right;
    uint64_t a_ns = a->phase_ns[PHASE_WAKE] + a->phase_ns[PHASE_CYCLE];
    uint64_t b_ns = b->phase_ns[PHASE_WAKE] + b->phase_ns[PHASE_CYCLE];

    return (a_ns < b_ns) - (a_ns > b_ns);
}

unsigned slow_cycles_read(const struct status_block *status, struct slow_cycle *copy)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ORBIT_WORST_CYCLES; i++)
        n += read_entry(&status->worst[i], &copy[n]);
    qsort(copy, n, sizeof *copy, slower_first);
    return n;
}
