#include "tests/support/test.h"

#include "model/plant/random.h"

/* First outputs of xoshiro256** from the state {1, 2, 3, 4}, as its authors' reference gives
 * them. */
static void the_sequence_is_that_of_the_published_generator(void **state)
{
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
    struct random random = {.state = {1, 2, 3, 4}};

    (void) state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(random_bits(&random), want[i]);
}

static void a_seed_gives_its_sequence_again_and_another_seed_does_not(void **state)
{
    struct random a, b, c;
    int same = 0;

    (void) state;
    random_seed(&a, 7);
    random_seed(&b, 7);
    random_seed(&c, 8);
    for (int i = 0; i < 100; i++) {
        double value = random_normal(&a);

        assert_close(random_normal(&b), value, 0, 0);
        same += fabs(random_normal(&c) - value) < 1e-12;
    }
    assert_int_equal(same, 0);
}

/* Of n = 200000: mean within 5/sqrt(n), variance within 5 sqrt(2/n), fourth moment within 5
 * sqrt(96/n). */
static void normal_numbers_have_the_moments_of_a_normal_law(void **state)
{
    enum { N = 200000 };
    double sum = 0, square = 0, fourth = 0;
    struct random random;

    (void) state;
    random_seed(&random, 9);
    for (int i = 0; i < N; i++) {
        double x = random_normal(&random);

        sum += x;
        square += x * x;
        fourth += x * x * x * x;
    }
    assert_close(sum / N, 0, 0, 5 / sqrt(N));
    assert_close(square / N, 1, 0, 5 * sqrt(2.0 / N));
    assert_close(fourth / N, 3, 0, 5 * sqrt(96.0 / N));
}

static void uniform_numbers_fill_the_interval(void **state)
{
    int count[10] = {0};
    struct random random;

    (void) state;
    random_seed(&random, 10);
    for (int i = 0; i < 100000; i++) {
        double x = random_uniform(&random);

        assert_true(x >= 0 && x < 1);
        count[(int) (10 * x)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_close(count[i], 10000, 0.05, 0);
}

static void cut_numbers_stay_inside(void **state)
{
    double most = 0;
    struct random random;

    (void) state;
    random_seed(&random, 11);
    for (int i = 0; i < 10000; i++)
        most = fmax(most, fabs(random_normal_cut(&random, 2)));
    assert_true(most <= 2 && most > 1.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sequence_is_that_of_the_published_generator),
        cmocka_unit_test(a_seed_gives_its_sequence_again_and_another_seed_does_not),
        cmocka_unit_test(normal_numbers_have_the_moments_of_a_normal_law),
        cmocka_unit_test(uniform_numbers_fill_the_interval),
        cmocka_unit_test(cut_numbers_stay_inside),
    };

    return cmocka_run_group_tests_name("model/plant/random", tests, NULL, NULL);
}
