#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rt/loop/matvec.h"

enum { GUARD = 8 };
static const double guard_value = -7.25e77;

struct size {
    size_t n_row, n_col;
};

/* Around every multiple of a group and of a panel, both planes of BESSY II, and the limits. */
static const struct size sizes[] = {
    {1, 1},     {1, 2048},  {2, 3},     {3, 1},     {5, 7},      {7, 5},     {8, 8},
    {9, 4},     {15, 2},    {16, 16},   {17, 33},   {23, 6},     {24, 11},   {25, 3},
    {31, 9},    {32, 1},    {33, 10},   {48, 123},  {49, 2},     {63, 5},    {64, 123},
    {65, 13},   {96, 3},    {97, 5},    {112, 246}, {113, 17},   {123, 112}, {127, 3},
    {128, 9},   {129, 4},   {145, 216}, {191, 2},   {246, 113},  {257, 31},  {513, 3},
    {1000, 37}, {2047, 15}, {2048, 1},  {37, 2047}, {2048, 2048}};
enum { N_SIZE = sizeof(sizes) / sizeof(sizes[0]) };

struct problem {
    size_t n_row, n_col, ld;
    double *a, *x[2], *y[2]; /* y[k] has GUARD elements in front and behind */
    void *memory;
    size_t memory_b;
    struct matvec m;
};

static uint64_t random_state = 0x9e3779b97f4a7c15ULL;

/* Uniform in -1 to 1. */
static double random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double) (int64_t) random_state / 9223372036854775808.0;
}

static double *random_array(size_t n)
{
    double *array = malloc(n * sizeof(*array));

    assert_non_null(array);
    for (size_t i = 0; i < n; i++)
        array[i] = random_number();
    return array;
}

static void guard_set(struct problem *p)
{
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < p->n_row + 2 * GUARD; i++)
            p->y[k][i] = guard_value;
}

static void guard_check(const struct problem *p)
{
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < GUARD; i++) {
            assert_true(p->y[k][i] == guard_value);
            assert_true(p->y[k][GUARD + p->n_row + i] == guard_value);
        }
}

/* Memory is all NaN before matvec_init, and carries a guard behind its end. */
static void problem_open(struct problem *p, struct size size, enum matvec_storage storage)
{
    *p = (struct problem){.n_row = size.n_row, .n_col = size.n_col, .ld = size.n_col + 3};
    p->a = random_array(p->n_row * p->ld);
    for (int k = 0; k < 2; k++) {
        p->x[k] = random_array(p->n_col);
        p->y[k] = random_array(p->n_row + 2 * GUARD);
    }
    guard_set(p);
    p->memory_b = matvec_size_b(p->n_row, p->n_col, storage);
    p->memory = aligned_alloc(MATVEC_ALIGN, p->memory_b + MATVEC_ALIGN);
    assert_non_null(p->memory);
    memset(p->memory, 0xff, p->memory_b + MATVEC_ALIGN);
    assert_int_equal(matvec_init(&p->m, p->memory, p->n_row, p->n_col, storage), RC_OK);
    matvec_pack(&p->m, p->a, p->ld);
}

static void problem_close(struct problem *p)
{
    const unsigned char *behind = (const unsigned char *) p->memory + p->memory_b;

    for (size_t i = 0; i < MATVEC_ALIGN; i++)
        assert_int_equal(behind[i], 0xff);
    free(p->a);
    for (int k = 0; k < 2; k++) {
        free(p->x[k]);
        free(p->y[k]);
    }
    free(p->memory);
}

static void apply(struct problem *p, int k)
{
    matvec_apply(&p->m, p->x[k], p->y[k] + GUARD);
}

/* The bound of matvec.h for row i, and its exact sum to the precision of long double. */
static double row_bound(const struct problem *p, size_t i, int k, long double *exact)
{
    double u = p->m.storage == MATVEC_F32 ? 0x1p-24 : 0x1p-53;
    double nu = (double) (p->n_col + 2) * u;
    long double absolute = 0;

    *exact = 0;
    for (size_t j = 0; j < p->n_col; j++) {
        long double product = (long double) p->a[i * p->ld + j] * (long double) p->x[k][j];

        *exact += product;
        absolute += fabsl(product);
    }
    return nu / (1 - nu) * (double) absolute;
}

static void check_rows(const struct problem *p, int k)
{
    for (size_t i = 0; i < p->n_row; i++) {
        long double exact;
        double bound = row_bound(p, i, k, &exact);
        double error = fabs((double) ((long double) p->y[k][GUARD + i] - exact));

        if (!(error <= bound))
            fail_msg("%s %zu x %zu row %zu: off by %g, bound %g",
                     matvec_variant_name(matvec_variant()), p->n_row, p->n_col, i, error,
                     bound);
    }
}

static bool same_bits(const double *a, const double *b, size_t n)
{
    return memcmp(a, b, n * sizeof(*a)) == 0;
}

typedef void check_fn(struct size size, enum matvec_storage storage);

/* Runs `check` for every variant of this CPU, storage and size; the best variant is put back.
 */
static void for_each_kernel(check_fn *check)
{
    enum matvec_variant best = matvec_variant();

    for (int variant = 0; variant < MATVEC_VARIANT_COUNT; variant++) {
        if (matvec_select((enum matvec_variant) variant) != RC_OK)
            continue;
        for (int storage = 0; storage < MATVEC_STORAGE_COUNT; storage++)
            for (size_t s = 0; s < N_SIZE; s++)
                check(sizes[s], (enum matvec_storage) storage);
    }
    assert_int_equal(matvec_select(best), RC_OK);
}

static void check_product(struct size size, enum matvec_storage storage)
{
    struct problem p;

    problem_open(&p, size, storage);
    apply(&p, 0);
    check_rows(&p, 0);
    guard_check(&p);
    problem_close(&p);
}

static void every_kernel_keeps_the_stated_bound_and_writes_its_rows_only(void **state)
{
    (void) state;
    for_each_kernel(check_product);
}

static void check_pair(struct size size, enum matvec_storage storage)
{
    struct problem p;
    double *single[2];

    problem_open(&p, size, storage);
    for (int k = 0; k < 2; k++) {
        apply(&p, k);
        single[k] = malloc(p.n_row * sizeof(double));
        assert_non_null(single[k]);
        memcpy(single[k], p.y[k] + GUARD, p.n_row * sizeof(double));
    }
    guard_set(&p);
    matvec_apply2(&p.m, (const double *const[2]){p.x[0], p.x[1]},
                  (double *const[2]){p.y[0] + GUARD, p.y[1] + GUARD});
    guard_check(&p);
    for (int k = 0; k < 2; k++) {
        assert_true(same_bits(single[k], p.y[k] + GUARD, p.n_row));
        free(single[k]);
    }
    problem_close(&p);
}

static void two_right_hand_sides_at_once_give_the_bits_of_two_products(void **state)
{
    (void) state;
    for_each_kernel(check_pair);
}

static void check_misaligned(struct size size, enum matvec_storage storage)
{
    struct problem p;
    double *shifted = malloc((size.n_col + 1) * sizeof(*shifted));
    double *again = malloc((size.n_row + 1) * sizeof(*again));

    assert_non_null(shifted);
    assert_non_null(again);
    problem_open(&p, size, storage);
    apply(&p, 0);
    memcpy(shifted + 1, p.x[0], p.n_col * sizeof(double));
    matvec_apply(&p.m, shifted + 1, again + 1);
    assert_true(same_bits(again + 1, p.y[0] + GUARD, p.n_row));
    problem_close(&p);
    free(shifted);
    free(again);
}

static void the_same_numbers_give_the_same_bits_wherever_they_lie(void **state)
{
    (void) state;
    for_each_kernel(check_misaligned);
}

static void check_nan(struct size size, enum matvec_storage storage)
{
    struct problem p;

    problem_open(&p, size, storage);
    p.x[0][p.n_col / 2] = NAN;
    p.x[1][p.n_col - 1] = INFINITY;
    apply(&p, 0);
    apply(&p, 1);
    guard_check(&p);
    for (size_t i = 0; i < p.n_row; i++) {
        assert_true(isnan(p.y[0][GUARD + i]));
        assert_true(isinf(p.y[1][GUARD + i]));
    }
    problem_close(&p);
}

static void nan_and_infinity_in_x_reach_every_row(void **state)
{
    (void) state;
    for_each_kernel(check_nan);
}

static void check_nan_row(struct size size, enum matvec_storage storage)
{
    struct problem p;
    size_t row = size.n_row / 2;

    problem_open(&p, size, storage);
    p.a[row * p.ld + p.n_col - 1] = NAN;
    matvec_pack(&p.m, p.a, p.ld);
    apply(&p, 0);
    for (size_t i = 0; i < p.n_row; i++)
        assert_true((isnan(p.y[0][GUARD + i]) != 0) == (i == row));
    problem_close(&p);
}

static void nan_in_one_row_of_a_stays_in_that_row(void **state)
{
    (void) state;
    for_each_kernel(check_nan_row);
}

static void check_zero(struct size size, enum matvec_storage storage)
{
    struct problem p;

    problem_open(&p, size, storage);
    assert_int_equal(matvec_init(&p.m, p.memory, p.n_row, p.n_col, storage), RC_OK);
    apply(&p, 0);
    for (size_t i = 0; i < p.n_row; i++)
        assert_true(p.y[0][GUARD + i] == 0.0);
    problem_close(&p);
}

static void a_matrix_is_zero_until_it_is_packed(void **state)
{
    (void) state;
    for_each_kernel(check_zero);
}

static void packing_again_replaces_the_matrix(void **state)
{
    struct problem p;

    (void) state;
    problem_open(&p, (struct size){123, 112}, MATVEC_F64);
    for (size_t i = 0; i < p.n_row * p.ld; i++)
        p.a[i] = random_number();
    matvec_pack(&p.m, p.a, p.ld);
    apply(&p, 0);
    check_rows(&p, 0);
    problem_close(&p);
}

static void float32_storage_is_exact_for_small_integers(void **state)
{
    struct problem p;

    (void) state;
    problem_open(&p, (struct size){123, 112}, MATVEC_F32);
    for (size_t i = 0; i < p.n_row * p.ld; i++)
        p.a[i] = (double) (i % 17) - 8;
    for (size_t j = 0; j < p.n_col; j++)
        p.x[0][j] = (double) (j % 11) - 5;
    matvec_pack(&p.m, p.a, p.ld);
    apply(&p, 0);
    for (size_t i = 0; i < p.n_row; i++) {
        long double exact;

        row_bound(&p, i, 0, &exact);
        assert_true((long double) p.y[0][GUARD + i] == exact);
    }
    problem_close(&p);
}

static void sizes_outside_the_limits_are_refused_by_name(void **state)
{
    _Alignas(MATVEC_ALIGN) unsigned char memory[2 * MATVEC_ALIGN];
    struct matvec m;

    (void) state;
    assert_int_equal(matvec_size_b(0, 4, MATVEC_F64), 0);
    assert_int_equal(matvec_size_b(4, 0, MATVEC_F64), 0);
    assert_int_equal(matvec_size_b(MATVEC_MAX_ROW + 1, 4, MATVEC_F64), 0);
    assert_int_equal(matvec_size_b(4, MATVEC_MAX_COL + 1, MATVEC_F32), 0);
    assert_int_equal(matvec_size_b(4, 4, MATVEC_STORAGE_COUNT), 0);
    assert_int_equal(matvec_init(&m, memory, 2049, 4, MATVEC_F64), RC_RANGE);
    assert_non_null(strstr(err_text(), "2049 x 4"));
}

static void misaligned_or_missing_memory_is_refused(void **state)
{
    _Alignas(MATVEC_ALIGN) unsigned char memory[2 * MATVEC_ALIGN];
    struct matvec m;

    (void) state;
    assert_int_equal(matvec_init(&m, memory + 8, 1, 1, MATVEC_F64), RC_RANGE);
    assert_int_equal(matvec_init(&m, NULL, 1, 1, MATVEC_F64), RC_RANGE);
    assert_int_equal(matvec_init(&m, memory, 1, 1, MATVEC_F64), RC_OK);
}

static void an_unknown_variant_is_refused_and_changes_nothing(void **state)
{
    enum matvec_variant before = matvec_variant();

    (void) state;
    assert_int_equal(matvec_select(MATVEC_VARIANT_COUNT), RC_RANGE);
    assert_int_equal(matvec_variant(), before);
    assert_string_equal(matvec_variant_name(MATVEC_VARIANT_COUNT), "unknown");
}

static void a_matrix_keeps_the_variant_it_was_made_with(void **state)
{
    enum matvec_variant best = matvec_variant();
    struct problem p;
    double before[123];

    (void) state;
    problem_open(&p, (struct size){123, 112}, MATVEC_F32);
    apply(&p, 0);
    memcpy(before, p.y[0] + GUARD, sizeof(before));
    assert_int_equal(matvec_select(MATVEC_PORTABLE), RC_OK);
    apply(&p, 0);
    assert_true(same_bits(before, p.y[0] + GUARD, 123));
    assert_int_equal(matvec_select(best), RC_OK);
    problem_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_keeps_the_stated_bound_and_writes_its_rows_only),
        cmocka_unit_test(two_right_hand_sides_at_once_give_the_bits_of_two_products),
        cmocka_unit_test(the_same_numbers_give_the_same_bits_wherever_they_lie),
        cmocka_unit_test(nan_and_infinity_in_x_reach_every_row),
        cmocka_unit_test(nan_in_one_row_of_a_stays_in_that_row),
        cmocka_unit_test(a_matrix_is_zero_until_it_is_packed),
        cmocka_unit_test(packing_again_replaces_the_matrix),
        cmocka_unit_test(float32_storage_is_exact_for_small_integers),
        cmocka_unit_test(sizes_outside_the_limits_are_refused_by_name),
        cmocka_unit_test(misaligned_or_missing_memory_is_refused),
        cmocka_unit_test(an_unknown_variant_is_refused_and_changes_nothing),
        cmocka_unit_test(a_matrix_keeps_the_variant_it_was_made_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
