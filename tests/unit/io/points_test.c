#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "config/devices.h"
#include "io/points.h"

static struct corrector_device corrector[] = {
    {.name = "H1", .rad_per_a = 1e-3},
    {.name = "H2", .rad_per_a = -2e-3},
    {.name = "V1", .rad_per_a = 1e-3},
};
static struct bpm_device bpm[] = {{.name = "B1"}, {.name = "B2"}};
static struct devices devices = {.n_bpm = 2,
                                 .n_h = 2,
                                 .n_v = 1,
                                 .n_rf = 1,
                                 .bpm = bpm,
                                 .corrector = corrector,
                                 .rf = {.name = "RF"}};

static struct machine {
    struct points_source source;
    struct status_block status;
    struct text_block text;
    struct hist phase[PHASE_COUNT];
    char *snapshot;
} machine;

static double *vector(enum snapshot_vector which)
{
    return (double *) (void *) (machine.snapshot +
                                snapshot_offset_b(&machine.source.dims, which));
}

static uint64_t *bits(enum snapshot_vector which)
{
    return (uint64_t *) (void *) vector(which);
}

static int set_up(void **state)
{
    (void) state;
    memset(&machine, 0, sizeof machine);
    machine.source.dims = (struct orbit_dims){2, 2, 1, 1};
    machine.snapshot = calloc(1, snapshot_size_b(&machine.source.dims));
    machine.source.snapshot = machine.snapshot;
    machine.source.status = &machine.status;
    machine.source.text = &machine.text;
    machine.source.phase = machine.phase;
    machine.source.devices = &devices;
    return machine.snapshot ? 0 : -1;
}

static int tear_down(void **state)
{
    (void) state;
    free(machine.snapshot);
    return 0;
}

static void read_point(const char *name, double *value)
{
    const struct point_def *point = point_by_name(name);
    assert_non_null(point);
    assert_int_equal(point_read(point, &machine.source, value), RC_OK);
}

static bool has_ground(const char *name)
{
    return point_has_ground(point_by_name(name), &machine.source);
}

static void
without_one_good_bpm_of_its_plane_what_is_about_the_orbit_has_no_ground(void **state)
{
    (void) state;
    assert_true(has_ground("RMS:Y"));
    bits(VEC_ROW_QUALITY)[2] = QUALITY_STALE;
    assert_true(has_ground("RMS:Y"));
    bits(VEC_ROW_QUALITY)[3] = QUALITY_INVALID;
    assert_false(has_ground("RMS:Y"));
    assert_false(has_ground("MAX:Y"));
    assert_false(has_ground("ORBIT:Y"));
    assert_false(has_ground("PRED:FULL:Y"));
    assert_false(has_ground("FULL:V:A"));
    assert_true(has_ground("RMS:X"));
    assert_true(has_ground("ORBIT:X"));
    assert_true(has_ground("FULL:H"));
    assert_true(has_ground("U:CMD:V"));
    assert_true(has_ground("QUAL:Y"));
    assert_true(has_ground("CYCLE"));
}

static void names_are_unique_and_descriptions_fit_a_record(void **state)
{
    (void) state;
    for (size_t i = 0; i < points_count(); i++) {
        const struct point_def *point = points_at(i);
        assert_ptr_equal(point_by_name(point->name), point);
        assert_in_range(strlen(point->help), 5, 40);
        assert_in_range(strlen(point->unit), 0, 15);
        assert_in_range(strlen(point->name), 2, 40);
    }
    assert_null(point_by_name("NO:SUCH:POINT"));
    assert_null(points_at(points_count()));
}

static void parts_of_vectors_are_scaled_to_the_operators_units(void **state)
{
    (void) state;
    const double y[] = {1e-6, 2e-6, 3e-6, 4e-6}, u[] = {1e-6, 2e-6, 3e-6, 500};
    double got[4];
    memcpy(vector(VEC_Y), y, sizeof y);
    memcpy(vector(VEC_SP), u, sizeof u);
    read_point("ORBIT:X", got);
    assert_close(got[0], 1, 1e-12, 0);
    assert_close(got[1], 2, 1e-12, 0);
    read_point("ORBIT:Y", got);
    assert_close(got[1], 4, 1e-12, 0);
    read_point("SP:V", got);
    assert_close(got[0], 3, 1e-12, 0);
    read_point("SP:RF", got);
    assert_close(got[0], 0.5, 1e-12, 0);
}

static void amperes_follow_each_correctors_conversion_and_sign(void **state)
{
    (void) state;
    const double u[] = {1e-3, 1e-3, 5e-3, 0};
    double got[4];
    memcpy(vector(VEC_FULL), u, sizeof u);
    read_point("FULL:H:A", got);
    assert_close(got[0], 1, 1e-12, 0);
    assert_close(got[1], -0.5, 1e-12, 0);
    read_point("FULL:V:A", got);
    assert_close(got[0], 5, 1e-12, 0);
}

static void the_reference_is_unknown_where_the_error_was_replaced(void **state)
{
    (void) state;
    double got[2];
    vector(VEC_Y)[0] = 5e-6;
    vector(VEC_ERROR)[0] = 2e-6;
    bits(VEC_ROW_QUALITY)[1] = QUALITY_MASKED;
    read_point("REF:X", got);
    assert_close(got[0], 3, 1e-9, 0);
    assert_true(isnan(got[1]));
}

static void counts_bits_and_exact_integers_come_out_as_they_are(void **state)
{
    (void) state;
    struct snapshot_head *head = (void *) machine.snapshot;
    double got[4];
    head->cycle = 1795251356000841;
    machine.status.counter[COUNTER_LATE] = 7;
    machine.status.period_ns = 1000000;
    bits(VEC_ROW_QUALITY)[0] = QUALITY_MASKED | QUALITY_STALE;
    bits(VEC_ROW_QUALITY)[3] = QUALITY_MASKED;
    bits(VEC_COL_QUALITY)[2] = QUALITY_FOREIGN;
    read_point("CYCLE", got);
    assert_true(got[0] == 1795251356000841.0);
    read_point("COUNT:LATE", got);
    assert_true(got[0] == 7);
    read_point("N:MASKED", got);
    assert_true(got[0] == 2);
    read_point("QUAL:X", got);
    assert_true(got[0] == (QUALITY_MASKED | QUALITY_STALE) && got[1] == 0);
    read_point("QUAL:V", got);
    assert_true(got[0] == QUALITY_FOREIGN);
    read_point("RATE", got);
    assert_close(got[0], 1, 1e-12, 0);
}

static void percentiles_come_from_the_histogram_of_their_phase(void **state)
{
    (void) state;
    double p50, max;
    for (int i = 0; i < 99; i++) {
        hist_record(&machine.phase[PHASE_WAKE], 2000);
    }
    hist_record(&machine.phase[PHASE_WAKE], 50000);
    read_point("TIME:WAKE:P50", &p50);
    read_point("TIME:WAKE:MAX", &max);
    assert_close(p50, 2, 0.04, 0);
    assert_close(max, 50, 1e-12, 0);
}

static void texts_and_choices_read_as_words(void **state)
{
    (void) state;
    char text[ORBIT_TEXT_SIZE];
    double value;
    machine.status.state = STATE_HOLD;
    machine.status.head.run_id = 1795251416786414863ULL;
    snprintf(machine.text.why, sizeof machine.text.why, "because");
    assert_int_equal(
        point_read_text(point_by_name("STATE"), &machine.source, text, sizeof text), RC_OK);
    assert_string_equal(text, "HOLD");
    assert_int_equal(point_read_text(point_by_name("WHY"), &machine.source, text, sizeof text),
                     RC_OK);
    assert_string_equal(text, "because");
    assert_int_equal(point_read_text(point_by_name("RUN"), &machine.source, text, sizeof text),
                     RC_OK);
    assert_string_equal(text, "1795251416786414863");
    assert_int_equal(point_read(point_by_name("WHY"), &machine.source, &value), RC_INPUT);
    assert_int_equal(
        point_read_text(point_by_name("CYCLE"), &machine.source, text, sizeof text), RC_INPUT);
    machine.status.state = 99;
    assert_int_equal(
        point_read_text(point_by_name("STATE"), &machine.source, text, sizeof text), RC_INPUT);
}

static void names_are_those_of_the_devices_in_the_vectors_order(void **state)
{
    (void) state;
    assert_string_equal(point_element_name(point_by_name("ORBIT:Y"), &machine.source, 1), "B2");
    assert_string_equal(point_element_name(point_by_name("NAMES:V"), &machine.source, 0), "V1");
    assert_string_equal(point_element_name(point_by_name("SP:H"), &machine.source, 1), "H2");
    assert_null(point_element_name(point_by_name("SP:H"), &machine.source, 2));
    assert_null(point_element_name(point_by_name("CYCLE"), &machine.source, 0));
}

/* Each kind of point tells that its block is missing instead of reading it. */
static void nothing_is_read_from_an_orbitd_that_is_gone(void **state)
{
    (void) state;
    struct points_source gone = {.dims = machine.source.dims};
    char text[64];
    double value[8];
    for (size_t i = 0; i < points_count(); i++) {
        const struct point_def *point = points_at(i);
        enum rc rc = RC_GONE;
        if (point->kind == POINT_KIND_TEXT) {
            rc = point_read_text(point, &gone, text, sizeof text);
        } else if (point->kind != POINT_KIND_NAMES) {
            rc = point_read(point, &gone, value);
        }
        assert_int_equal(rc, RC_GONE);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_one_good_bpm_of_its_plane_what_is_about_the_orbit_has_no_ground),
        TEST(names_are_unique_and_descriptions_fit_a_record),
        TEST(parts_of_vectors_are_scaled_to_the_operators_units),
        TEST(amperes_follow_each_correctors_conversion_and_sign),
        TEST(the_reference_is_unknown_where_the_error_was_replaced),
        TEST(counts_bits_and_exact_integers_come_out_as_they_are),
        TEST(percentiles_come_from_the_histogram_of_their_phase),
        TEST(texts_and_choices_read_as_words),
        TEST(names_are_those_of_the_devices_in_the_vectors_order),
        TEST(nothing_is_read_from_an_orbitd_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
