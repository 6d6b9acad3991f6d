#include "tests/support/test.h"

#include "model/map.h"
#include "model/plant/random.h"

static const struct element drift = {
    .name = "D", .kind = ELEMENT_DRIFT, .n_slices = 10, .length_m = 1.3};

static struct element quadrupole(double k1, double length)
{
    return (struct element){.name = "Q",
                            .kind = ELEMENT_QUADRUPOLE,
                            .n_slices = 10,
                            .order = 1,
                            .length_m = length,
                            .b = {0, k1}};
}

static struct element bend(double k1)
{
    return (struct element){.name = "B",
                            .kind = ELEMENT_DIPOLE,
                            .n_slices = 10,
                            .order = 1,
                            .length_m = 0.9,
                            .angle_rad = 0.2,
                            .e1_rad = 0.08,
                            .e2_rad = 0.11,
                            .fint1 = 0.5,
                            .fint2 = 0.4,
                            .gap_m = 0.05,
                            .b = {0, k1}};
}

static double determinant(const double m[4])
{
    return m[0] * m[3] - m[1] * m[2];
}

/* Symplectic in (x, px, delta, ct): the path row follows from block and dispersion. */
static void assert_symplectic(const struct map *m, double tolerance)
{
    assert_close(determinant(m->x), 1, 0, tolerance);
    assert_close(determinant(m->y), 1, 0, tolerance);
    assert_close(m->p[0], m->x[0] * m->d[1] - m->x[2] * m->d[0], 0, tolerance);
    assert_close(m->p[1], m->x[1] * m->d[1] - m->x[3] * m->d[0], 0, tolerance);
}

static void assert_same_map(const struct map *got, const struct map *want, double tolerance)
{
    for (int i = 0; i < 4; i++) {
        assert_close(got->x[i], want->x[i], 0, tolerance);
        assert_close(got->y[i], want->y[i], 0, tolerance);
    }
    for (int i = 0; i < 2; i++) {
        assert_close(got->d[i], want->d[i], 0, tolerance);
        assert_close(got->p[i], want->p[i], 0, tolerance);
    }
    assert_close(got->pd, want->pd, 0, tolerance);
}

static void a_drift_moves_along_its_slope(void **state)
{
    struct map map;

    (void) state;
    map_exact(&map, &drift);
    assert_close(map.x[1], 1.3, 0, 0);
    assert_close(map.y[1], 1.3, 0, 0);
    assert_symplectic(&map, 0);
}

static void a_quadrupole_of_a_quarter_turn_swaps_position_and_slope(void **state)
{
    double k = 1.7, length = M_PI / 2 / sqrt(k);
    struct element q = quadrupole(k, length);
    struct map map;

    (void) state;
    map_exact(&map, &q);
    assert_close(map.x[0], 0, 0, 1e-15);
    assert_close(map.x[1], 1 / sqrt(k), 1e-15, 0);
    assert_close(map.x[2], -sqrt(k), 1e-15, 0);
    assert_close(map.y[0], cosh(M_PI / 2), 1e-14, 0);
    assert_symplectic(&map, 1e-14);
}

static void weak_gradients_join_the_drift_smoothly(void **state)
{
    (void) state;
    for (double k = 1e-12; k < 0.2; k *= 3) {
        struct element plus = quadrupole(k, 0.5), minus = quadrupole(-k, 0.5);
        struct map p, m;

        map_exact(&p, &plus);
        map_exact(&m, &minus);
        assert_close(p.x[2], -sqrt(k) * sin(sqrt(k) * 0.5), 1e-14, 0);
        assert_close(m.x[1], sinh(sqrt(k) * 0.5) / sqrt(k), 1e-12, 0);
        assert_symplectic(&p, 1e-14);
        assert_symplectic(&m, 1e-14);
    }
}

static void a_sector_bend_closes_its_circle(void **state)
{
    struct element b = {
        .name = "B", .kind = ELEMENT_DIPOLE, .length_m = 2 * M_PI, .angle_rad = 2 * M_PI};
    struct map map;

    (void) state;
    map_exact(&map, &b);
    assert_close(map.x[0], 1, 0, 1e-14);
    assert_close(map.d[0], 0, 0, 1e-14);
    assert_close(map.pd, 2 * M_PI, 1e-14, 0);
}

static void random_elements_are_symplectic(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 1);
    for (int i = 0; i < 2000; i++) {
        struct element b = bend(6 * random_uniform(&random) - 3);
        struct map map;

        b.length_m = 0.1 + random_uniform(&random);
        b.angle_rad = 0.6 * random_uniform(&random) - 0.3;
        b.e1_rad = 0.4 * random_uniform(&random) - 0.2;
        b.e2_rad = 0.4 * random_uniform(&random) - 0.2;
        map_exact(&map, &b);
        assert_symplectic(&map, 1e-12);
        map_sliced(&map, &b);
        assert_symplectic(&map, 1e-12);
    }
}

/* The slices of a fourth-order integrator come to the exact matrix; here with 600 of them. */
static void many_slices_become_the_exact_matrix(void **state)
{
    struct element elements[] = {drift, quadrupole(2.5, 0.5), quadrupole(-1.9, 0.25), bend(0),
                                 bend(-0.7)};

    (void) state;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        struct map exact, sliced;

        elements[i].n_slices = 600;
        map_exact(&exact, &elements[i]);
        map_sliced(&sliced, &elements[i]);
        assert_same_map(&sliced, &exact, 1e-11);
    }
}

static void kicks_within_elements_agree_with_many_slices(void **state)
{
    struct element elements[] = {drift, quadrupole(2.5, 0.5), quadrupole(-1.9, 0.25), bend(0),
                                 bend(-0.7)};

    (void) state;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        struct kick_map exact, sliced;

        elements[i].n_slices = 600;
        map_kick_exact(&exact, &elements[i]);
        map_kick_sliced(&sliced, &elements[i]);
        for (int k = 0; k < 2; k++) {
            assert_close(sliced.x[k], exact.x[k], 0, 1e-11);
            assert_close(sliced.y[k], exact.y[k], 0, 1e-11);
        }
        assert_close(sliced.ct_x, exact.ct_x, 0, 1e-11);
    }
}

static void appending_multiplies_in_the_order_of_the_beam(void **state)
{
    struct element halves[2] = {bend(0.4), bend(0.4)}, whole = bend(0.4);
    struct map first, second, total;

    (void) state;
    whole.fint1 = whole.fint2 = 0;
    for (int i = 0; i < 2; i++) {
        halves[i].length_m *= 0.5;
        halves[i].angle_rad *= 0.5;
        halves[i].fint1 = halves[i].fint2 = 0;
    }
    halves[0].e2_rad = halves[1].e1_rad = 0;
    map_exact(&first, &halves[0]);
    map_exact(&second, &halves[1]);
    map_exact(&total, &whole);
    map_append(&first, &second);
    assert_same_map(&first, &total, 1e-14);
}

static void coupling_elements_are_told(void **state)
{
    struct element q = quadrupole(1, 0.5),
                   s = {.kind = ELEMENT_SEXTUPOLE, .length_m = 0.1, .b = {0, 0, 5}};

    (void) state;
    assert_false(map_couples(&q));
    q.roll_rad = 1e-3;
    assert_true(map_couples(&q));
    s.roll_rad = 1e-3;
    assert_false(map_couples(&s));
    s.a[1] = 0.1;
    assert_true(map_couples(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drift_moves_along_its_slope),
        cmocka_unit_test(a_quadrupole_of_a_quarter_turn_swaps_position_and_slope),
        cmocka_unit_test(weak_gradients_join_the_drift_smoothly),
        cmocka_unit_test(a_sector_bend_closes_its_circle),
        cmocka_unit_test(random_elements_are_symplectic),
        cmocka_unit_test(many_slices_become_the_exact_matrix),
        cmocka_unit_test(kicks_within_elements_agree_with_many_slices),
        cmocka_unit_test(appending_multiplies_in_the_order_of_the_beam),
        cmocka_unit_test(coupling_elements_are_told),
    };

    return cmocka_run_group_tests_name("model/map", tests, NULL, NULL);
}
