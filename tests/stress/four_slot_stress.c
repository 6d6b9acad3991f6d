/* The four-slot exchange with plain memory in its slots: the thread sanitizer then proves that
 * no word is ever written while it is read, and that each hand-over is ordered. The reader
 * stalls in the middle of its copy until the writer has lapped it; the writer stalls in the
 * middle of its write likewise. */
#include "tests/support/test.h"

#include "rt/base/four_slot.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "rt/base/clock.h"

enum { N_WORD = 64, LAPS = 9, YIELDS = 100, STALL_EVERY = 37 };

#define RUN_NS NS_PER_S

struct exchange {
    struct four_slot control;
    uint64_t slot[4][N_WORD]; /* not atomic, on purpose */
    _Atomic uint64_t n_written, n_read;
    atomic_bool stop;
};

static struct exchange shared;

/* Lets the other side pass some rounds; not for ever, as that may be stalling too. */
static void stall(_Atomic uint64_t *progress)
{
    uint64_t until = atomic_load_explicit(progress, memory_order_relaxed) + LAPS;

    for (int i = 0; i < YIELDS; i++) {
        if (atomic_load_explicit(progress, memory_order_relaxed) >= until)
            break;
        sched_yield();
    }
}

static void *write_on(void *unused)
{
    uint64_t number = 0;

    while (!atomic_load_explicit(&shared.stop, memory_order_relaxed)) {
        unsigned slot = four_slot_write_begin(&shared.control);

        number++;
        for (unsigned i = 0; i < N_WORD; i++) {
            shared.slot[slot][i] = number;
            if (i == N_WORD / 2 && number % STALL_EVERY == 0)
                stall(&shared.n_read);
        }
        four_slot_write_commit(&shared.control, slot);
        atomic_store_explicit(&shared.n_written, number, memory_order_relaxed);
    }
    return unused;
}

static uint64_t read_once(bool stalling)
{
    unsigned slot = four_slot_read_begin(&shared.control);
    uint64_t first = shared.slot[slot][0];

    for (unsigned i = 0; i < N_WORD; i++) {
        if (shared.slot[slot][i] != first)
            fail_msg("torn: word %u is %lu, the first is %lu", i, shared.slot[slot][i], first);
        if (i == N_WORD / 2 && stalling)
            stall(&shared.n_written);
    }
    return first;
}

static void no_copy_is_torn_or_older_than_the_one_before(void **state)
{
    int64_t end_ns = clock_mono_ns() + RUN_NS;
    uint64_t last = 0;
    uint64_t n_new = 0;
    uint64_t n = 0;
    pthread_t writer;

    (void) state;
    assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
    while (clock_mono_ns() < end_ns || n_new < 100) {
        uint64_t floor = atomic_load_explicit(&shared.n_written, memory_order_relaxed);
        uint64_t number = read_once(++n % STALL_EVERY == 0);

        if (number < last || number < floor)
            fail_msg("went back: %lu after %lu, %lu were complete", number, last, floor);
        n_new += number > last;
        last = number;
        atomic_store_explicit(&shared.n_read, n, memory_order_relaxed);
    }
    atomic_store(&shared.stop, true);
    pthread_join(writer, NULL);
    print_message("%lu writes, %lu reads, %lu of them new\n", shared.n_written, n, n_new);
    assert_true(shared.n_written > n_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_copy_is_torn_or_older_than_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
