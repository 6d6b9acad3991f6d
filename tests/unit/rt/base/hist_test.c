#include "tests/support/test.h"

#include "rt/base/hist.h"

#include <stdlib.h>
#include <string.h>

static struct hist *empty_hist(void)
{
    struct hist *hist = calloc(1, sizeof *hist);

    assert_non_null(hist);
    return hist;
}

static void bins_tile_the_axis(void **state)
{
    (void) state;
    assert_int_equal(hist_bin_low_ns(0), 0);
    for (unsigned i = 0; i + 1 < HIST_BINS; i++)
        assert_int_equal(hist_bin_high_ns(i) + 1, hist_bin_low_ns(i + 1));
    assert_true(hist_bin_high_ns(HIST_BINS - 1) == UINT64_MAX);
}

static void every_value_is_in_its_bin(void **state)
{
    (void) state;
    for (unsigned i = 0; i < HIST_BINS; i++) {
        assert_int_equal(hist_bin(hist_bin_low_ns(i)), i);
        assert_int_equal(hist_bin(hist_bin_high_ns(i)), i);
    }
    assert_int_equal(hist_bin(1ULL << 36), HIST_BINS - 1);
}

static void a_bin_is_at_most_a_32nd_of_its_value_wide(void **state)
{
    (void) state;
    for (unsigned i = 32; i + 1 < HIST_BINS; i++)
        assert_true((hist_bin_high_ns(i) - hist_bin_low_ns(i) + 1) * 32 <= hist_bin_low_ns(i));
}

static void count_sum_and_extremes_are_exact(void **state)
{
    struct hist *hist = empty_hist();

    (void) state;
    hist_record(hist, 700);
    hist_record(hist, 5);
    hist_record(hist, 123456789);
    assert_int_equal(hist->count, 3);
    assert_int_equal(hist->sum, 123457494);
    assert_int_equal(hist->min, 5);
    assert_int_equal(hist->max, 123456789);
    assert_close(hist_mean_ns(hist), 123457494.0 / 3.0, 1e-15, 0);
    free(hist);
}

static void percentiles_lie_within_their_bin_above_the_true_value(void **state)
{
    struct hist *hist = empty_hist();
    const double percents[] = {0, 1, 50, 90, 99, 99.9, 100};

    (void) state;
    for (uint64_t ns = 1; ns <= 100000; ns++)
        hist_record(hist, ns);
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        double exact = ceil(percents[i] / 100.0 * 100000.0);
        double got = (double) hist_percentile(hist, percents[i]);

        exact = exact < 1 ? 1 : exact;
        assert_true(got >= exact);
        assert_true(got <= exact * (1 + 1.0 / 32));
    }
    assert_int_equal(hist_percentile(hist, 100), 100000);
    assert_int_equal(hist_percentile(hist, 1e9), 100000);
    assert_int_equal(hist_percentile(hist, -5), 1);
    free(hist);
}

static void an_empty_one_says_zero(void **state)
{
    struct hist *hist = empty_hist();

    (void) state;
    assert_int_equal(hist_percentile(hist, 99), 0);
    assert_close(hist_mean_ns(hist), 0, 0, 0);
    free(hist);
}

static void a_value_beyond_the_last_bin_counts_and_stays_max(void **state)
{
    struct hist *hist = empty_hist();

    (void) state;
    hist_record(hist, 1);
    hist_record(hist, 1ULL << 50);
    assert_true(hist_percentile(hist, 100) == 1ULL << 50);
    assert_int_equal(hist_percentile(hist, 50), 1);
    free(hist);
}

static void subtracting_a_baseline_leaves_the_interval(void **state)
{
    struct hist *live = empty_hist();
    struct hist *baseline = empty_hist();
    struct hist *later = empty_hist();

    (void) state;
    for (int i = 0; i < 1000; i++)
        hist_record(live, 1000000);
    hist_record(live, 1);
    hist_copy(baseline, live);
    for (int i = 0; i < 10; i++)
        hist_record(live, 500);
    hist_copy(later, live);
    hist_subtract(later, baseline);
    assert_int_equal(later->count, 10);
    assert_int_equal(later->sum, 5000);
    assert_int_equal(hist_bin(later->min), hist_bin(500));
    assert_int_equal(hist_bin(later->max), hist_bin(500));
    assert_int_equal(hist_bin(hist_percentile(later, 99)), hist_bin(500));
    hist_subtract(later, later);
    assert_int_equal(later->count, 0);
    assert_int_equal(later->max, 0);
    free(live);
    free(baseline);
    free(later);
}

static void cleared_is_as_new(void **state)
{
    static struct hist hist, fresh;

    (void) state;
    for (uint64_t ns = 1; ns < 1000000000; ns *= 3)
        hist_record(&hist, ns);
    hist_clear(&hist);
    assert_memory_equal(&hist, &fresh, sizeof hist);
    hist_record(&hist, 7);
    assert_int_equal(hist.min, 7);
    assert_int_equal(hist_percentile(&hist, 50), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_tile_the_axis),
        cmocka_unit_test(every_value_is_in_its_bin),
        cmocka_unit_test(a_bin_is_at_most_a_32nd_of_its_value_wide),
        cmocka_unit_test(count_sum_and_extremes_are_exact),
        cmocka_unit_test(percentiles_lie_within_their_bin_above_the_true_value),
        cmocka_unit_test(an_empty_one_says_zero),
        cmocka_unit_test(a_value_beyond_the_last_bin_counts_and_stays_max),
        cmocka_unit_test(subtracting_a_baseline_leaves_the_interval),
        cmocka_unit_test(cleared_is_as_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
