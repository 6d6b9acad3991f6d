/* Every variant of the row passes against plain loops, over lengths with and without a rest. */
#include "tests/support/test.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "rt/loop/rows.h"

enum { MOST = 67 };

static struct data {
    double value[MOST], aux[MOST], y[MOST], from[MOST], error[MOST];
    int64_t t_ns[MOST];
    uint64_t delivered[MOST], quality[MOST], disabled[MOST];
} d;

static const struct row_limits limits = {.quality = QUALITY_GOOD,
                                         .oldest_ns = 1000,
                                         .newest_ns = 2000,
                                         .max_m = 0.02,
                                         .min_sum = 0.05};

static uint64_t random_state = 1;

static uint64_t any(uint64_t n)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (random_state >> 33) % n;
}

static void fill(void)
{
    static const double odd[] = {
        (double) NAN, (double) INFINITY, -(double) INFINITY, DBL_MAX, -DBL_MAX, 0.021, -0.021,
        0.02};
    static const int64_t stamps[] = {999, 1000, 1500, 2000, 2001, INT64_MIN, INT64_MAX, -1};

    for (unsigned i = 0; i < MOST; i++) {
        d.value[i] = any(4) ? ((double) any(1000) - 500.0) * 1e-5 : odd[any(8)];
        d.aux[i] = any(4) ? 1.0 : any(2) ? 0.04 : odd[any(4)];
        d.t_ns[i] = any(4) ? 1500 : stamps[any(8)];
        d.delivered[i] = any(5) ? QUALITY_GOOD : QUALITY_RANGE;
        d.quality[i] = any(2) ? QUALITY_GOOD : QUALITY_ABSENT;
        d.disabled[i] = any(6) ? 0 : QUALITY_DISABLED;
        d.y[i] = (double) any(100);
        d.from[i] = (double) any(100);
    }
}

static uint64_t plain_judge(unsigned i)
{
    bool finite = isfinite(d.value[i]) && !isinf(d.aux[i]); /* NaN: not measured */
    uint64_t quality = d.delivered[i];

    if (d.t_ns[i] < limits.oldest_ns || d.t_ns[i] > limits.newest_ns)
        quality |= QUALITY_STALE;
    if (!finite)
        quality |= QUALITY_INVALID;
    if (finite && fabs(d.value[i]) > limits.max_m)
        quality |= QUALITY_RANGE;
    if (finite && d.aux[i] < limits.min_sum)
        quality |= QUALITY_LOW_SUM;
    return quality;
}

static void check_take(const struct rows_kernel *kernel, unsigned n, bool afresh)
{
    struct frame_view view = {
        .value = d.value, .aux = d.aux, .t_value_ns = d.t_ns, .quality = d.delivered};
    struct row_limits how = limits;
    struct data before;

    fill();
    before = d;
    how.afresh = afresh ? -1 : 0;
    kernel->take(&how, &view, n, d.y, d.quality);
    for (unsigned i = 0; i < MOST; i++) {
        bool keep = i >= n || (!afresh && before.quality[i] == QUALITY_GOOD);
        uint64_t now = plain_judge(i);

        assert_int_equal(d.quality[i], keep ? before.quality[i] : now);
        assert_true(d.y[i] == (!keep && now == QUALITY_GOOD ? d.value[i] : before.y[i]));
    }
}

static void check_finish(const struct rows_kernel *kernel, unsigned n)
{
    uint64_t bad = 0, counted;
    struct data before;

    fill();
    before = d;
    counted = kernel->finish(n, (const uint64_t *const[2]){d.disabled, d.delivered}, d.y,
                             d.from, d.error, d.quality);
    for (unsigned i = 0; i < n; i++) {
        uint64_t now = before.quality[i] | d.disabled[i] | d.delivered[i];

        bad += now != QUALITY_GOOD && !(now & QUALITY_DISABLED);
        assert_int_equal(d.quality[i], now);
        assert_true(d.error[i] == d.y[i] - d.from[i]);
    }
    assert_int_equal(counted, bad);
    assert_memory_equal(d.error + n, before.error + n, (MOST - n) * sizeof *d.error);
}

static void check_sums(const struct rows_kernel *kernel, unsigned n)
{
    struct row_sum plain = {0}, sum;
    double square = 0.0;

    fill();
    for (unsigned i = 0; i < n; i++) {
        double off = fabs(d.y[i] - d.from[i]);

        square += d.y[i] * d.y[i];
        if (d.quality[i] != QUALITY_GOOD)
            continue;
        plain.square += off * off;
        plain.max = fmax(plain.max, off);
        plain.n++;
    }
    /* What is not good is not looked at. */
    for (unsigned i = 0; i < n; i++)
        if (d.quality[i] != QUALITY_GOOD)
            d.from[i] = (double) NAN;
    sum = kernel->measure(n, d.quality, d.y, d.from);
    assert_true(sum.n == plain.n && sum.max == plain.max);
    assert_true(sum.square == plain.square); /* whole numbers: no rounding */
    assert_true(kernel->sum_square(d.y, n) == square);
}

static void check_actuators(const struct rows_kernel *kernel, unsigned n)
{
    struct frame_view view = {.value = d.value, .aux = d.aux, .quality = d.delivered};
    struct data before;

    fill();
    before = d;
    kernel->take_actuators(&view, n, QUALITY_STALE, d.disabled, (double *[2]){d.y, d.from},
                           d.quality);
    for (unsigned i = 0; i < n; i++) {
        bool finite = isfinite(d.value[i]) && isfinite(d.aux[i]);

        assert_true(d.y[i] == (finite ? d.value[i] : before.y[i]));
        assert_true(d.from[i] == (finite ? d.aux[i] : before.from[i]));
        assert_int_equal(d.quality[i], d.delivered[i] | QUALITY_STALE | d.disabled[i] |
                                           (finite ? 0 : QUALITY_INVALID));
    }
    assert_memory_equal(d.y + n, before.y + n, (MOST - n) * sizeof *d.y);
}

static void check_follow(const struct rows_kernel *kernel, unsigned n)
{
    uint64_t count[MOST], before[MOST], quality[MOST] = {0};

    fill();
    for (unsigned i = 0; i < MOST; i++)
        before[i] = count[i] = any(30);
    kernel->follow(n, (const double *const[2]){d.y, d.from}, 30.0, 1, 25,
                   (uint64_t *const[2]){count, quality});
    for (unsigned i = 0; i < n; i++) {
        uint64_t now = fabs(d.y[i] - d.from[i]) > 30.0 ? before[i] + 1 : 0;

        assert_int_equal(count[i], now);
        assert_int_equal(quality[i], now > 25 ? QUALITY_TRACKING : 0);
    }
    assert_memory_equal(count + n, before + n, (MOST - n) * sizeof *count);
}

static void check_store(const struct rows_kernel *kernel, unsigned n)
{
    _Alignas(64) uint64_t from[MOST], to[MOST + 8];

    for (unsigned offset = 0; offset < 5; offset++) {
        memset(to, 0x55, sizeof to);
        for (unsigned i = 0; i < MOST; i++)
            from[i] = i + 1000;
        kernel->store(to + offset, from, n);
        assert_memory_equal(to + offset, from, n * sizeof *to);
        for (unsigned i = 0; i < MOST + 8; i++)
            if (i < offset || i >= offset + n)
                assert_int_equal(to[i], 0x5555555555555555);
    }
}

static void check_variant(const struct rows_kernel *kernel)
{
    for (unsigned n = 0; n < MOST; n++) {
        check_take(kernel, n, true);
        check_take(kernel, n, false);
        check_finish(kernel, n);
        check_sums(kernel, n);
        check_actuators(kernel, n);
        check_follow(kernel, n);
        check_store(kernel, n);
    }
}

static void the_portable_variant_does_what_plain_loops_do(void **state)
{
    (void) state;
    check_variant(rows_kernel_portable());
}

static void the_avx2_variant_does_what_plain_loops_do(void **state)
{
    (void) state;
    if (!rows_kernel_avx2())
        skip();
    check_variant(rows_kernel_avx2());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_portable_variant_does_what_plain_loops_do),
        cmocka_unit_test(the_avx2_variant_does_what_plain_loops_do),
    };

    return cmocka_run_group_tests_name("rt/loop/rows", tests, NULL, NULL);
}
