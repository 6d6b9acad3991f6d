#include "tests/support/test.h"

#include "rt/base/words.h"

#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"
#include "rt/base/fnv.h"

enum { N = 300 };

static void every_length_is_copied_and_nothing_beyond(void **state)
{
    static uint64_t from[N], to[N + 1];

    (void) state;
    for (size_t i = 0; i < N; i++)
        from[i] = 0x0101010101010101ULL * i;
    for (size_t n = 0; n <= N; n++) {
        memset(to, 0xee, sizeof to);
        words_store(to, from, n);
        assert_memory_equal(to, from, 8 * n);
        assert_true(to[n] == 0xeeeeeeeeeeeeeeeeULL);
        memset(to, 0xee, sizeof to);
        words_load(to, from, n);
        assert_memory_equal(to, from, 8 * n);
        assert_true(to[n] == 0xeeeeeeeeeeeeeeeeULL);
    }
}

static void doubles_keep_every_bit(void **state)
{
    const double from[4] = {-0.0, NAN, INFINITY, 4.9e-324};
    double to[4];

    (void) state;
    words_store(to, from, 4);
    assert_memory_equal(to, from, sizeof from);
}

/* Test vectors of the authors (draft-eastlake-fnv). */
static void fnv_agrees_with_its_published_vectors(void **state)
{
    (void) state;
    assert_true(fnv_add(FNV_START, "", 0) == 0xcbf29ce484222325ULL);
    assert_true(fnv_add(FNV_START, "a", 1) == 0xaf63dc4c8601ec8cULL);
    assert_true(fnv_add(FNV_START, "foobar", 6) == 0x85944171f73967e8ULL);
    assert_true(fnv_add(fnv_add(FNV_START, "foo", 3), "bar", 3) == 0x85944171f73967e8ULL);
}

static void the_clocks_run_forward_in_nanoseconds(void **state)
{
    int64_t mono_ns = clock_mono_ns();
    struct timespec split = clock_timespec(3 * NS_PER_S + 7);
    struct timespec now;

    (void) state;
    assert_true(clock_mono_ns() >= mono_ns);
    clock_gettime(CLOCK_REALTIME, &now);
    assert_true(llabs(clock_utc_ns() / NS_PER_S - now.tv_sec) <= 1);
    assert_int_equal(split.tv_sec, 3);
    assert_int_equal(split.tv_nsec, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_copied_and_nothing_beyond),
        cmocka_unit_test(doubles_keep_every_bit),
        cmocka_unit_test(fnv_agrees_with_its_published_vectors),
        cmocka_unit_test(the_clocks_run_forward_in_nanoseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
