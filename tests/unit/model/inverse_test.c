#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "model/inverse.h"
#include "model/plant/random.h"

enum { ROWS = 9, COLS = 6, STRIDE = 8, TOTAL = 12 };

static double matrix[TOTAL * STRIDE];
static const struct inverse_block block = {.matrix = matrix,
                                           .stride = STRIDE,
                                           .first_row = 2,
                                           .n_row = ROWS,
                                           .first_col = 1,
                                           .n_col = COLS};

static int fill(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 4);
    for (int i = 0; i < TOTAL * STRIDE; i++)
        matrix[i] = random_normal(&random);
    return 0;
}

static double r(int i, int j)
{
    return matrix[(2 + i) * STRIDE + 1 + j];
}

/* (K R)_jk */
static double product(const double *k, int j, int column)
{
    double sum = 0;

    for (int i = 0; i < ROWS; i++)
        sum += k[j * ROWS + i] * r(i, column);
    return sum;
}

static void without_regularisation_it_is_a_left_inverse(void **state)
{
    double k[COLS * ROWS], condition;

    (void) state;
    assert_int_equal(inverse_tikhonov(&block, 0, k, &condition), RC_OK);
    for (int j = 0; j < COLS; j++)
        for (int c = 0; c < COLS; c++)
            assert_close(product(k, j, c), j == c, 0, 1e-12);
    assert_true(condition > 1 && condition < 1e6);
}

static void all_modes_and_no_regularisation_agree(void **state)
{
    double k[COLS * ROWS], t[COLS * ROWS], s[COLS];

    (void) state;
    assert_int_equal(inverse_tikhonov(&block, 0, k, NULL), RC_OK);
    assert_int_equal(inverse_truncated(&block, 0, t, s), RC_OK);
    for (int i = 0; i < COLS * ROWS; i++)
        assert_close(t[i], k[i], 0, 1e-12);
    for (int i = 1; i < COLS; i++)
        assert_true(s[i] <= s[i - 1] && s[i] > 0);
}

/* (R^T W^2 R + mu^2) K = R^T W^2, element by element. */
static void tikhonov_solves_its_normal_equations(void **state)
{
    double w[ROWS] = {1, 2, 0.5, 1, 3, 0, 1, 1.5, 2}, k[COLS * ROWS], mu = 0.7;
    struct inverse_block weighted = block;

    (void) state;
    weighted.row_weight = w;
    assert_int_equal(inverse_tikhonov(&weighted, mu, k, NULL), RC_OK);
    for (int j = 0; j < COLS; j++) {
        for (int i = 0; i < ROWS; i++) {
            double left = mu * mu * k[j * ROWS + i];

            for (int c = 0; c < COLS; c++) {
                double normal = 0;

                for (int m = 0; m < ROWS; m++)
                    normal += r(m, j) * w[m] * w[m] * r(m, c);
                left += normal * k[c * ROWS + i];
            }
            assert_close(left, r(i, j) * w[i] * w[i], 0, 1e-12);
        }
    }
}

static void a_row_of_weight_zero_is_not_looked_at(void **state)
{
    double w[ROWS] = {1, 1, 1, 1, 1, 0, 1, 1, 1}, k[COLS * ROWS];
    struct inverse_block weighted = block;

    (void) state;
    weighted.row_weight = w;
    assert_int_equal(inverse_tikhonov(&weighted, 0.1, k, NULL), RC_OK);
    for (int j = 0; j < COLS; j++)
        assert_close(k[j * ROWS + 5], 0, 0, 0);
}

/* Driving without column 2 is the inverse of the matrix without it. */
static void a_column_of_weight_zero_is_never_driven(void **state)
{
    double u[COLS] = {0, 1, 1, 1, 1, 1}, k[COLS * ROWS], small[(COLS - 1) * ROWS];
    struct inverse_block without = block, narrow = block;

    (void) state;
    without.col_weight = u;
    narrow.first_col++;
    narrow.n_col--;
    assert_int_equal(inverse_tikhonov(&without, 0, k, NULL), RC_OK);
    assert_int_equal(inverse_tikhonov(&narrow, 0, small, NULL), RC_OK);
    for (int i = 0; i < ROWS; i++)
        assert_close(k[i], 0, 0, 0);
    for (int i = 0; i < (COLS - 1) * ROWS; i++)
        assert_close(k[ROWS + i], small[i], 0, 1e-12);
}

/* ---- masked rows, chosen columns, zero sum ---- */

static void masking_a_row_is_a_weight_of_zero(void **state)
{
    double w[ROWS] = {1, 2, 0.5, 1, 3, 2, 1, 1.5, 2}, u[COLS] = {1, 2, 1, 0.5, 1, 1};
    double k[COLS * ROWS], fresh[COLS * ROWS];
    struct inverse_block weighted = block;

    (void) state;
    weighted.row_weight = w;
    weighted.col_weight = u;
    assert_int_equal(inverse_tikhonov(&weighted, 0.3, k, NULL), RC_OK);
    assert_int_equal(inverse_mask_row(&weighted, 5, k), RC_OK);
    assert_int_equal(inverse_mask_row(&weighted, 2, k), RC_OK);
    w[5] = w[2] = 0;
    assert_int_equal(inverse_tikhonov(&weighted, 0.3, fresh, NULL), RC_OK);
    for (int i = 0; i < COLS * ROWS; i++)
        assert_close(k[i], fresh[i], 0, 1e-12);
}

static void masking_more_rows_than_it_can_spare_is_refused(void **state)
{
    double k[COLS * ROWS], before[COLS * ROWS];

    (void) state;
    assert_int_equal(inverse_tikhonov(&block, 0, k, NULL), RC_OK);
    for (uint32_t row = 0; row < ROWS - COLS; row++)
        assert_int_equal(inverse_mask_row(&block, row, k), RC_OK);
    memcpy(before, k, sizeof k);
    assert_int_equal(inverse_mask_row(&block, ROWS - COLS, k), RC_NUMERIC);
    assert_memory_equal(k, before, sizeof k);
    assert_int_equal(inverse_mask_row(&block, ROWS, k), RC_RANGE);
}

static void columns_can_be_chosen(void **state)
{
    const uint32_t column[] = {1, 2, 3, 4, 5, 6}, beyond[] = {1, 2, 3, 4, 5, STRIDE};
    struct inverse_block chosen = block;
    double k[COLS * ROWS], same[COLS * ROWS];

    (void) state;
    chosen.first_col = 0;
    chosen.column = column;
    assert_int_equal(inverse_tikhonov(&chosen, 0.1, k, NULL), RC_OK);
    assert_int_equal(inverse_tikhonov(&block, 0.1, same, NULL), RC_OK);
    assert_memory_equal(k, same, sizeof k);
    chosen.column = beyond;
    assert_int_equal(inverse_tikhonov(&chosen, 0.1, k, NULL), RC_RANGE);
}

/* The zero sum of a correction for any reading, by both inverses, and after masking. */
static double largest_sum(const double *k, const double *sum)
{
    double most = 0;

    for (int i = 0; i < ROWS; i++) {
        double total = 0;

        for (int j = 0; j < COLS; j++)
            total += sum[j] * k[j * ROWS + i];
        most = fmax(most, fabs(total));
    }
    return most;
}

static void a_zero_sum_is_kept(void **state)
{
    const double sum[COLS] = {1, -0.5, 2, 0.1, 1, 3};
    struct inverse_block bound = block;
    double k[COLS * ROWS], singular[COLS];

    (void) state;
    assert_int_equal(inverse_tikhonov(&bound, 0.1, k, NULL), RC_OK);
    assert_true(largest_sum(k, sum) > 0.01);
    bound.zero_sum = sum;
    bound.zero_sum_weight = 1e4;
    assert_int_equal(inverse_tikhonov(&bound, 0.1, k, NULL), RC_OK);
    assert_true(largest_sum(k, sum) < 1e-6);
    assert_int_equal(inverse_mask_row(&bound, 4, k), RC_OK);
    assert_true(largest_sum(k, sum) < 1e-6);
    assert_int_equal(inverse_truncated(&bound, 0, k, singular), RC_OK);
    assert_true(largest_sum(k, sum) < 1e-6);
}

static void truncation_keeps_the_largest_values(void **state)
{
    double k[COLS * ROWS], singular[COLS], inverse[ROWS];
    const struct inverse_block back = {
        .matrix = k, .stride = ROWS, .n_row = COLS, .n_col = ROWS};

    (void) state;
    assert_int_equal(inverse_truncated(&block, 2, k, singular), RC_OK);
    assert_int_equal(inverse_singular_values(&back, inverse), RC_OK);
    assert_close(inverse[0], 1 / singular[1], 1e-12, 0);
    assert_close(inverse[1], 1 / singular[0], 1e-12, 0);
    assert_close(inverse[2], 0, 0, 1e-13);
}

static void a_wide_block_is_inverted_from_the_right(void **state)
{
    const struct inverse_block wide = {
        .matrix = matrix, .stride = STRIDE, .n_row = 3, .n_col = 7};
    double k[7 * 3];

    (void) state;
    assert_int_equal(inverse_truncated(&wide, 0, k, NULL), RC_OK);
    for (int i = 0; i < 3; i++) {
        for (int m = 0; m < 3; m++) {
            double sum = 0;

            for (int j = 0; j < 7; j++)
                sum += matrix[i * STRIDE + j] * k[j * 3 + m];
            assert_close(sum, i == m, 0, 1e-12);
        }
    }
}

/* With one column of the solution forced to a value, the metric gives the rest as a solution
 * with that column taken out. */
static void the_metric_redistributes_what_one_column_may_not_do(void **state)
{
    const double mu = 0.3, forced = 0.02;
    double k[COLS * ROWS], without[COLS * ROWS], metric[COLS * COLS], weight[COLS];
    double e[ROWS], v[COLS] = {0}, rest[COLS] = {0};
    struct inverse_block narrow = block;

    (void) state;
    assert_int_equal(inverse_tikhonov(&block, mu, k, NULL), RC_OK);
    assert_int_equal(inverse_metric(&block, mu, metric), RC_OK);
    for (int j = 0; j < COLS; j++)
        weight[j] = j == 2 ? 0 : 1;
    narrow.col_weight = weight;
    assert_int_equal(inverse_tikhonov(&narrow, mu, without, NULL), RC_OK);
    for (int i = 0; i < ROWS; i++)
        e[i] = cos(1.0 + i);
    for (int j = 0; j < COLS; j++)
        for (int i = 0; i < ROWS; i++) {
            v[j] += k[j * ROWS + i] * e[i];
            rest[j] += without[j * ROWS + i] * (e[i] - r(i, 2) * forced);
        }
    for (int j = 0; j < COLS; j++) {
        double got = v[j] - metric[j * COLS + 2] / metric[2 * COLS + 2] * (v[2] - forced);

        assert_close(got, j == 2 ? forced : rest[j], 0, 1e-12);
    }
}

/* Orthogonal columns of length 4, 2, 1: their singular values. */
static void gains_are_a_function_of_the_singular_value(void **state)
{
    static const double diagonal[] = {4, 0, 0, 0, 2, 0, 0, 0, 1};
    const struct inverse_block square = {
        .matrix = diagonal, .stride = 3, .n_row = 3, .n_col = 3};
    const struct inverse_gains gains = {.knee = 2, .weak = 0.1}, flat = {0};
    double k[9], plain[9];

    (void) state;
    assert_int_equal(inverse_shaped(&square, 0.5, &gains, k), RC_OK);
    for (int j = 0; j < 3; j++) {
        double s = diagonal[4 * j], gain = 0.1 + 0.9 * s * s / (s * s + 4);

        assert_close(k[4 * j], gain * s / (s * s + 0.25), 1e-12, 0);
    }
    assert_int_equal(inverse_tikhonov(&square, 0.5, plain, NULL), RC_OK);
    assert_int_equal(inverse_shaped(&square, 0.5, &flat, k), RC_OK);
    for (int i = 0; i < 9; i++)
        assert_close(k[i], plain[i], 0, 1e-12);
}

static void dependent_columns_are_refused_with_a_reason(void **state)
{
    double k[COLS * ROWS];

    (void) state;
    for (int i = 0; i < TOTAL; i++)
        matrix[i * STRIDE + 3] = 2 * matrix[i * STRIDE + 2];
    assert_int_equal(inverse_tikhonov(&block, 0, k, NULL), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "raise mu"));
    assert_int_equal(inverse_truncated(&block, 0, k, NULL), RC_NUMERIC);
    assert_int_equal(inverse_tikhonov(&block, 1, k, NULL), RC_OK);
    assert_int_equal(inverse_truncated(&block, COLS - 1, k, NULL), RC_OK);
    fill(NULL);
}

static void elements_that_are_not_finite_are_named(void **state)
{
    double k[COLS * ROWS];

    (void) state;
    matrix[4 * STRIDE + 3] = (double) NAN;
    assert_int_equal(inverse_tikhonov(&block, 1, k, NULL), RC_INPUT);
    assert_non_null(strstr(err_text(), "row 4, column 3"));
    assert_int_equal(inverse_singular_values(&block, k), RC_INPUT);
    fill(NULL);
}

static void senseless_requests_are_refused(void **state)
{
    struct inverse_block empty = block, beyond = block;
    double k[COLS * ROWS];

    (void) state;
    empty.n_col = 0;
    beyond.first_col = 5;
    assert_int_equal(inverse_tikhonov(&empty, 1, k, NULL), RC_RANGE);
    assert_int_equal(inverse_tikhonov(&beyond, 1, k, NULL), RC_RANGE);
    assert_int_equal(inverse_tikhonov(&block, -1, k, NULL), RC_RANGE);
    assert_int_equal(inverse_truncated(&block, 7, k, NULL), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_regularisation_it_is_a_left_inverse),
        cmocka_unit_test(all_modes_and_no_regularisation_agree),
        cmocka_unit_test(tikhonov_solves_its_normal_equations),
        cmocka_unit_test(a_row_of_weight_zero_is_not_looked_at),
        cmocka_unit_test(a_column_of_weight_zero_is_never_driven),
        cmocka_unit_test(masking_a_row_is_a_weight_of_zero),
        cmocka_unit_test(masking_more_rows_than_it_can_spare_is_refused),
        cmocka_unit_test(columns_can_be_chosen),
        cmocka_unit_test(a_zero_sum_is_kept),
        cmocka_unit_test(truncation_keeps_the_largest_values),
        cmocka_unit_test(a_wide_block_is_inverted_from_the_right),
        cmocka_unit_test(the_metric_redistributes_what_one_column_may_not_do),
        cmocka_unit_test(gains_are_a_function_of_the_singular_value),
        cmocka_unit_test(dependent_columns_are_refused_with_a_reason),
        cmocka_unit_test(elements_that_are_not_finite_are_named),
        cmocka_unit_test(senseless_requests_are_refused),
    };

    return cmocka_run_group_tests_name("model/inverse", tests, fill, NULL);
}
