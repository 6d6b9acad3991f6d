#include "tests/support/test.h"

#include <string.h>

#include "model/lattice.h"

static void a_built_ring_is_finished_with_places_and_counts(void **state)
{
    struct lattice *ring;

    (void) state;
    assert_int_equal(lattice_create(&ring, 3), RC_OK);
    for (int i = 0; i < 3; i++)
        ring->element[i] = (struct element){.name = i == 1 ? "B" : "A", .length_m = 1 + i};
    assert_int_equal(lattice_finish(ring), RC_OK);
    assert_close(ring->s_m[2], 3, 0, 0);
    assert_close(ring->circumference_m, 6, 0, 0);
    assert_int_equal(ring->element[2].occurrence, 1);
    assert_int_equal(lattice_find(ring, "A", 1), 2);
    lattice_destroy(ring);
}

static void the_lowest_rf_frequency_is_the_fundamental(void **state)
{
    struct lattice *ring;

    (void) state;
    assert_int_equal(lattice_create(&ring, 2), RC_OK);
    for (int i = 0; i < 2; i++)
        ring->element[i] = (struct element){.name = "C",
                                            .kind = ELEMENT_CAVITY,
                                            .length_m = 1,
                                            .frequency_hz = i ? 5e8 : 1.5e9};
    assert_int_equal(lattice_finish(ring), RC_OK);
    assert_close(ring->rf_frequency_hz, 5e8, 0, 0);
    lattice_destroy(ring);
}

static void lengths_that_are_none_are_refused(void **state)
{
    static const double bad[] = {-1, (double) NAN, HUGE_VAL};
    struct lattice *ring;

    (void) state;
    assert_int_equal(lattice_create(&ring, 1), RC_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ring->element[0] = (struct element){.name = "BAD", .length_m = bad[i]};
        assert_int_equal(lattice_finish(ring), RC_INPUT);
        assert_non_null(strstr(err_text(), "'BAD'"));
    }
    ring->element[0].length_m = 0;
    assert_int_equal(lattice_finish(ring), RC_INPUT);
    lattice_destroy(ring);
}

static void fields_are_set_within_range_only(void **state)
{
    struct lattice *ring;

    (void) state;
    assert_int_equal(lattice_create(&ring, 1), RC_OK);
    assert_int_equal(lattice_set_field(ring, 0, 3, true, 2.5), RC_OK);
    assert_close(ring->element[0].a[3], 2.5, 0, 0);
    assert_int_equal(ring->element[0].order, 3);
    assert_int_equal(lattice_set_field(ring, 0, 3, true, 0), RC_OK);
    assert_int_equal(ring->element[0].order, 0);
    assert_int_equal(lattice_set_field(ring, 1, 1, false, 1), RC_RANGE);
    assert_int_equal(lattice_set_field(ring, 0, ELEMENT_TERMS, false, 1), RC_RANGE);
    assert_int_equal(lattice_set_field(ring, 0, 1, false, (double) NAN), RC_RANGE);
    lattice_destroy(ring);
}

static void fields_are_set_by_name_for_one_or_for_all(void **state)
{
    const struct lattice_field field = {.n = 2, .value = 7}, wrong = {.n = ELEMENT_TERMS};
    struct lattice *ring;

    (void) state;
    assert_int_equal(lattice_create(&ring, 3), RC_OK);
    for (int i = 0; i < 3; i++)
        ring->element[i] = (struct element){.name = i == 1 ? "B" : "A", .length_m = 1};
    assert_int_equal(lattice_finish(ring), RC_OK);
    assert_int_equal(lattice_set_field_named(ring, "A", 1, &field), RC_OK);
    assert_close(ring->element[0].b[2], 0, 0, 0);
    assert_close(ring->element[2].b[2], 7, 0, 0);
    assert_int_equal(lattice_set_field_named(ring, "A", LATTICE_EVERY_OCCURRENCE, &field),
                     RC_OK);
    assert_close(ring->element[0].b[2], 7, 0, 0);
    assert_close(ring->element[1].b[2], 0, 0, 0);
    assert_int_equal(lattice_set_field_named(ring, "A", 2, &field), RC_RANGE);
    assert_int_equal(lattice_set_field_named(ring, "C", -1, &field), RC_RANGE);
    assert_int_equal(lattice_set_field_named(ring, "B", 0, &wrong), RC_RANGE);
    lattice_destroy(ring);
}

static void a_ring_beyond_the_limit_is_refused(void **state)
{
    struct lattice *ring;

    (void) state;
    assert_int_equal(lattice_create(&ring, LATTICE_MAX_ELEMENTS + 1), RC_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_built_ring_is_finished_with_places_and_counts),
        cmocka_unit_test(the_lowest_rf_frequency_is_the_fundamental),
        cmocka_unit_test(lengths_that_are_none_are_refused),
        cmocka_unit_test(fields_are_set_within_range_only),
        cmocka_unit_test(fields_are_set_by_name_for_one_or_for_all),
        cmocka_unit_test(a_ring_beyond_the_limit_is_refused),
    };

    return cmocka_run_group_tests_name("model/lattice", tests, NULL, NULL);
}
