#include "tests/support/test.h"

#include "io/modbus/read_plan.h"

static struct map_link links[2] = {{.name = "a", .gap = 2, .max_read = 10},
                                   {.name = "b", .max_read = 125}};
static struct map_point points[8];

static void put(unsigned i, uint16_t address, enum register_type type)
{
    points[i] = (struct map_point){.unit_id = 1, .address = address, .type = type};
}

static struct read_plan plan_of(uint64_t n_point)
{
    const struct register_map map = {2, n_point, links, points};
    struct read_plan plan;
    assert_int_equal(read_plan_make(&plan, &map, 0), RC_OK);
    return plan;
}

static void neighbours_in_any_order_are_one_request(void **state)
{
    struct read_plan plan;
    (void) state;
    put(0, 4, REGISTER_INT32);
    put(1, 0, REGISTER_INT16);
    put(2, 1, REGISTER_FLOAT32);
    put(3, 3, REGISTER_INT16);
    plan = plan_of(4);
    assert_int_equal(plan.n_group, 1);
    assert_int_equal(plan.group[0].address, 0);
    assert_int_equal(plan.group[0].n, 6);
    assert_int_equal(plan.group[0].n_point, 4);
    assert_int_equal(plan.point[0], 1);
    assert_int_equal(plan.point[3], 0);
    read_plan_free(&plan);
}

static void a_gap_is_bridged_up_to_its_limit(void **state)
{
    struct read_plan plan;
    (void) state;
    put(0, 0, REGISTER_INT16);
    put(1, 3, REGISTER_INT16);
    put(2, 7, REGISTER_INT16);
    plan = plan_of(3);
    assert_int_equal(plan.n_group, 2);
    assert_int_equal(plan.group[0].n, 4);
    assert_int_equal(plan.group[1].address, 7);
    read_plan_free(&plan);
}

static void a_value_is_never_split_between_requests(void **state)
{
    struct read_plan plan;
    (void) state;
    for (unsigned i = 0; i < 4; i++) {
        put(i, (uint16_t) (4 * i), REGISTER_FLOAT64);
    }
    plan = plan_of(4);
    assert_int_equal(plan.n_group, 2);
    assert_int_equal(plan.group[0].n, 8);
    assert_int_equal(plan.group[1].address, 8);
    assert_int_equal(plan.group[1].n, 8);
    read_plan_free(&plan);
}

static void units_tables_and_links_are_kept_apart(void **state)
{
    struct read_plan plan;
    (void) state;
    for (unsigned i = 0; i < 4; i++) {
        put(i, (uint16_t) i, REGISTER_INT16);
    }
    points[1].unit_id = 2;
    points[2].table = TABLE_INPUT;
    points[3].link = 1;
    plan = plan_of(4);
    assert_int_equal(plan.n_point, 3);
    assert_int_equal(plan.n_group, 3);
    read_plan_free(&plan);
}

static void values_that_share_registers_are_read_once(void **state)
{
    struct read_plan plan;
    (void) state;
    put(0, 0, REGISTER_FLOAT64);
    put(1, 1, REGISTER_INT16);
    plan = plan_of(2);
    assert_int_equal(plan.n_group, 1);
    assert_int_equal(plan.group[0].n, 4);
    read_plan_free(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_in_any_order_are_one_request),
        cmocka_unit_test(a_gap_is_bridged_up_to_its_limit),
        cmocka_unit_test(a_value_is_never_split_between_requests),
        cmocka_unit_test(units_tables_and_links_are_kept_apart),
        cmocka_unit_test(values_that_share_registers_are_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
