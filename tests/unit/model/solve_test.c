#include "tests/support/test.h"

#include <string.h>

#include "model/plant/random.h"
#include "model/solve.h"

static void random_systems_are_solved(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 12);
    for (int n = 1; n <= SOLVE_MAX; n++) {
        double a[SOLVE_MAX][SOLVE_MAX], used[SOLVE_MAX][SOLVE_MAX], x[SOLVE_MAX], b[SOLVE_MAX];

        for (int i = 0; i < n; i++) {
            x[i] = random_normal(&random);
            for (int j = 0; j < n; j++)
                a[i][j] = random_normal(&random) * (i == j ? 1e-3 : 1);
        }
        for (int i = 0; i < n; i++) {
            b[i] = 0;
            for (int j = 0; j < n; j++)
                b[i] += a[i][j] * x[j];
        }
        memcpy(used, a, sizeof used);
        assert_true(solve_small(used, b, n));
        for (int i = 0; i < n; i++)
            assert_close(b[i], x[i], 0, 1e-11);
    }
}

static void singular_systems_are_told(void **state)
{
    double dependent[SOLVE_MAX][SOLVE_MAX] = {{1, 2}, {2, 4}}, b[SOLVE_MAX] = {1, 1};
    double none[SOLVE_MAX][SOLVE_MAX] = {{(double) NAN}};

    (void) state;
    assert_false(solve_small(dependent, b, 2));
    assert_false(solve_small(none, b, 1));
}

/* A rotation in each plane after a skew kick: symplectic, all blocks filled. */
static void the_symplectic_inverse_undoes_the_matrix(void **state)
{
    double c = cos(0.3), s = sin(0.3), k = 0.7, inverse[4][4];
    double m[4][4] = {{c, s, s * k, 0}, {-s, c, c * k, 0}, {s * k, 0, c, s}, {c * k, 0, -s, c}};

    (void) state;
    solve_symplectic_inverse(inverse, m);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            double sum = 0;

            for (int l = 0; l < 4; l++)
                sum += inverse[i][l] * m[l][j];
            assert_close(sum, i == j, 0, 1e-15);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_systems_are_solved),
        cmocka_unit_test(singular_systems_are_told),
        cmocka_unit_test(the_symplectic_inverse_undoes_the_matrix),
    };

    return cmocka_run_group_tests_name("model/solve", tests, NULL, NULL);
}
