#include "tests/support/test.h"

#include "rt/loop/response.h"

static struct response make(double *u_eff)
{
    struct response response;
    const double zero[2] = {0.0, 0.0};

    assert_int_equal(response_create(&response, 2, 16), RC_OK);
    response_reset(&response, zero, u_eff);
    return response;
}

static void advance(struct response *response, const double *u, double *u_eff,
                    uint64_t delay_cycles, double dt_over_tau)
{
    const double share[2] = {response_share(dt_over_tau), response_share(dt_over_tau)};
    const uint64_t fast[2] = {0, 0};
    const struct response_model model = {
        .delay_cycles = {delay_cycles, 0}, .fast = fast, .share = share};

    response_advance(response, u, u_eff, &model);
}

static void each_class_has_its_delay(void **state)
{
    double u_eff[2];
    struct response response = make(u_eff);
    const double u[2] = {1.0, 1.0}, share[2] = {1.0, 1.0};
    const uint64_t fast[2] = {0, 1};
    const struct response_model model = {.delay_cycles = {7, 2}, .fast = fast, .share = share};

    (void) state;
    for (int n = 0; n < 8; n++) {
        response_advance(&response, u, u_eff, &model);
        assert_close(u_eff[0], n >= 7, 0, 0);
        assert_close(u_eff[1], n >= 2, 0, 0);
    }
    response_destroy(&response);
}

static void a_step_arrives_after_its_delay(void **state)
{
    double u_eff[2];
    struct response response = make(u_eff);
    const double u[2] = {1.0, -2.0};

    (void) state;
    for (int n = 0; n < 5; n++) {
        advance(&response, u, u_eff, 5, 1e6);
        assert_close(u_eff[0], 0.0, 0, 0);
    }
    advance(&response, u, u_eff, 5, 1e6);
    assert_close(u_eff[0], 1.0, 0, 1e-9);
    assert_close(u_eff[1], -2.0, 0, 1e-9);
    response_destroy(&response);
}

static void the_pole_is_that_of_the_time_constant(void **state)
{
    double u_eff[2];
    struct response response = make(u_eff);
    const double u[2] = {1.0, 1.0};

    (void) state;
    for (int n = 0; n < 100; n++)
        advance(&response, u, u_eff, 0, 0.01);
    assert_close(u_eff[0], 1.0 - exp(-1.0), 1e-4, 0);
    response_destroy(&response);
}

static void a_delay_beyond_the_memory_is_the_longest_possible(void **state)
{
    double u_eff[2];
    struct response response = make(u_eff);
    const double u[2] = {1.0, 1.0};
    int n = 0;

    (void) state;
    while (u_eff[0] < 0.5 && n < 100) {
        advance(&response, u, u_eff, 1000000, 1e6);
        n++;
    }
    assert_int_equal(n, 16);
    response_destroy(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_arrives_after_its_delay),
        cmocka_unit_test(the_pole_is_that_of_the_time_constant),
        cmocka_unit_test(each_class_has_its_delay),
        cmocka_unit_test(a_delay_beyond_the_memory_is_the_longest_possible),
    };

    return cmocka_run_group_tests_name("rt/loop/response", tests, NULL, NULL);
}
