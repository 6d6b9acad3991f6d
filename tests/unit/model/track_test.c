#include "tests/support/test.h"

#include <string.h>

#include "model/plant/random.h"
#include "model/track.h"

static struct element messy_magnet(enum element_kind kind)
{
    struct element e = {.name = "M",
                        .kind = kind,
                        .n_slices = 4,
                        .order = 4,
                        .length_m = 0.6,
                        .hkick_rad = 3e-4,
                        .vkick_rad = -2e-4,
                        .b = {0, 1.1, 9, -40, 300},
                        .a = {0, 0.2, -3, 20, 100},
                        .dx_m = 3e-4,
                        .dy_m = -2e-4,
                        .roll_rad = 0.05};

    if (kind == ELEMENT_DIPOLE) {
        e.angle_rad = 0.15;
        e.e1_rad = 0.07;
        e.e2_rad = 0.06;
        e.fint1 = e.fint2 = 0.5;
        e.gap_m = 0.05;
    }
    return e;
}

static void start_somewhere(struct random *random, double z[TRACK_DIM])
{
    for (int i = 0; i < TRACK_DIM; i++)
        z[i] = 2e-3 * (random_uniform(random) - 0.5);
}

/* J-product of two columns in (x, px, y, py). */
static double wedge(const double *u, const double *v)
{
    return u[0] * v[1] - u[1] * v[0] + u[2] * v[3] - u[3] * v[2];
}

static void tangent_maps_are_symplectic_anywhere(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 2);
    for (int i = 0; i < 200; i++) {
        struct element e = messy_magnet(i % 2 ? ELEMENT_DIPOLE : ELEMENT_MULTIPOLE);
        struct tangent t;
        double z[TRACK_DIM];

        start_somewhere(&random, z);
        tangent_start(&t);
        track_element(&e, z, &t);
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 4; b++)
                assert_close(wedge(t.column[a], t.column[b]),
                             (a ^ b) == 1 ? (a < b ? 1 : -1) : 0, 0, 1e-13);
    }
}

/* Central difference over +-h of coordinate c. */
static void difference(const struct element *e, const double z0[TRACK_DIM], int c,
                       double slope[TRACK_DIM])
{
    const double h = 1e-5;
    double up[TRACK_DIM], down[TRACK_DIM];

    memcpy(up, z0, sizeof up);
    memcpy(down, z0, sizeof down);
    up[c] += h;
    down[c] -= h;
    track_element(e, up, NULL);
    track_element(e, down, NULL);
    for (int i = 0; i < TRACK_DIM; i++)
        slope[i] = (up[i] - down[i]) / (2 * h);
}

static void tangents_are_the_derivatives(void **state)
{
    struct random random;

    (void) state;
    random_seed(&random, 3);
    for (int i = 0; i < 50; i++) {
        struct element e = messy_magnet(i % 2 ? ELEMENT_DIPOLE : ELEMENT_MULTIPOLE);
        double z0[TRACK_DIM], z[TRACK_DIM], slope[TRACK_DIM];
        struct tangent t;

        start_somewhere(&random, z0);
        memcpy(z, z0, sizeof z);
        tangent_start(&t);
        track_element(&e, z, &t);
        for (int c = 0; c < 5; c++) {
            difference(&e, z0, c, slope);
            for (int k = 0; k < TRACK_DIM; k++)
                assert_close(t.column[c][k], slope[k], 0, 2e-8);
        }
    }
}

static void kick_tangents_are_the_derivatives(void **state)
{
    const double h = 1e-5;
    struct element e = messy_magnet(ELEMENT_DIPOLE), up = e, down = e;
    struct tangent t = {.n = 2, .kick_x = {1, 0}, .kick_y = {0, 1}};
    double z[TRACK_DIM] = {1e-3, 0, -1e-3}, a[TRACK_DIM] = {1e-3, 0, -1e-3},
           b[TRACK_DIM] = {1e-3, 0, -1e-3};

    (void) state;
    track_element(&e, z, &t);
    up.vkick_rad += h;
    down.vkick_rad -= h;
    track_element(&up, a, NULL);
    track_element(&down, b, NULL);
    for (int k = 0; k < TRACK_DIM; k++)
        assert_close(t.column[1][k], (a[k] - b[k]) / (2 * h), 0, 1e-8);
}

static void a_displaced_quadrupole_kicks_like_its_gradient(void **state)
{
    struct element q = {.name = "Q",
                        .kind = ELEMENT_QUADRUPOLE,
                        .n_slices = 100,
                        .order = 1,
                        .length_m = 0.4,
                        .b = {0, 1.5},
                        .dx_m = 1e-4,
                        .dy_m = 2e-4};
    double root = sqrt(1.5), z[TRACK_DIM] = {0};

    (void) state;
    track_element(&q, z, NULL);
    assert_close(z[0], 1e-4 * (1 - cos(root * 0.4)), 0, 1e-13);
    assert_close(z[1], 1e-4 * root * sin(root * 0.4), 0, 1e-13);
    assert_close(z[2], 2e-4 * (1 - cosh(root * 0.4)), 0, 1e-13);
    assert_close(z[3], -2e-4 * root * sinh(root * 0.4), 0, 1e-13);
}

static void a_rolled_bend_kicks_down_by_angle_times_roll(void **state)
{
    struct element b = {.name = "B",
                        .kind = ELEMENT_DIPOLE,
                        .n_slices = 20,
                        .length_m = 1,
                        .angle_rad = 0.1,
                        .roll_rad = 1e-3};
    double z[TRACK_DIM] = {0};

    (void) state;
    track_element(&b, z, NULL);
    assert_close(z[3], -0.1 * sin(1e-3), 1e-6, 0);
    assert_close(z[1], 0.1 * (1 - cos(1e-3)), 1e-2, 0);
}

static void a_skew_quadrupole_is_a_rolled_one(void **state)
{
    struct element rolled = {.name = "Q",
                             .kind = ELEMENT_QUADRUPOLE,
                             .n_slices = 10,
                             .order = 1,
                             .length_m = 0.3,
                             .b = {0, 0.8},
                             .roll_rad = M_PI / 4};
    struct element skew = {.name = "Q",
                           .kind = ELEMENT_QUADRUPOLE,
                           .n_slices = 10,
                           .order = 1,
                           .length_m = 0.3,
                           .a = {0, -0.8}};
    double a[TRACK_DIM] = {1e-3, 2e-4, -5e-4, 1e-4}, b[TRACK_DIM] = {1e-3, 2e-4, -5e-4, 1e-4};

    (void) state;
    track_element(&rolled, a, NULL);
    track_element(&skew, b, NULL);
    for (int i = 0; i < TRACK_DIM; i++)
        assert_close(a[i], b[i], 0, 1e-17);
}

static void a_winding_kicks_the_same_in_a_rolled_magnet(void **state)
{
    struct element s = {.name = "S",
                        .kind = ELEMENT_SEXTUPOLE,
                        .n_slices = 10,
                        .order = 2,
                        .length_m = 0.16,
                        .hkick_rad = 1e-4,
                        .vkick_rad = 5e-5,
                        .b = {0, 0, 1e-9},
                        .roll_rad = 0.3};
    double z[TRACK_DIM] = {0};

    (void) state;
    track_element(&s, z, NULL);
    assert_close(z[1], 1e-4, 1e-12, 0);
    assert_close(z[3], 5e-5, 1e-12, 0);
    assert_close(z[0], 1e-4 * 0.08, 1e-9, 0);
}

static void a_lost_particle_is_an_error_with_the_place(void **state)
{
    struct element elements[2] = {{.name = "D", .kind = ELEMENT_DRIFT, .length_m = 1},
                                  {.name = "END", .kind = ELEMENT_DRIFT, .length_m = 100}};
    double s[3] = {0, 1, 101}, z[TRACK_DIM] = {0, 0.1};
    struct lattice lattice = {.n_element = 2, .element = elements, .s_m = s};

    (void) state;
    assert_int_equal(track_range(&lattice, 0, 2, z, NULL), RC_NUMERIC);
    assert_non_null(strstr(err_text(), "'END'"));
    z[0] = (double) NAN;
    assert_int_equal(track_range(&lattice, 0, 1, z, NULL), RC_NUMERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tangent_maps_are_symplectic_anywhere),
        cmocka_unit_test(tangents_are_the_derivatives),
        cmocka_unit_test(kick_tangents_are_the_derivatives),
        cmocka_unit_test(a_displaced_quadrupole_kicks_like_its_gradient),
        cmocka_unit_test(a_rolled_bend_kicks_down_by_angle_times_roll),
        cmocka_unit_test(a_skew_quadrupole_is_a_rolled_one),
        cmocka_unit_test(a_winding_kicks_the_same_in_a_rolled_magnet),
        cmocka_unit_test(a_lost_particle_is_an_error_with_the_place),
    };

    return cmocka_run_group_tests_name("model/track", tests, NULL, NULL);
}
