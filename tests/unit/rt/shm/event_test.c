#include "tests/support/test.h"

#include <string.h>

#include "rt/shm/event.h"

static const struct event_names nobody = {.source = "", .offender = ""};
static const struct event_names named = {.source = "bpm", .offender = "HS4, PV HS4:set"};

static const char *text(struct event_record event, const struct event_names *names)
{
    static char line[256];

    event_text(&event, names, line, sizeof line);
    return line;
}

static void every_kind_has_a_name_and_a_line(void **state)
{
    (void) state;
    for (uint64_t kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        struct event_record event = {.kind = kind, .arg = {1, 1, 1, UINT64_MAX}};

        assert_string_not_equal(event_kind_name(kind), "?");
        assert_true(strlen(text(event, &named)) > 3);
    }
    assert_string_equal(event_kind_name(EVENT_KIND_COUNT), "?");
}

static void a_change_of_state_names_cause_and_first_offender(void **state)
{
    struct event_record event = {
        .kind = EVENT_STATE,
        .arg = {STATE_CLOSED, STATE_HOLD, 1ULL << COND_MASTER | 1ULL << COND_PACE, 4}};
    uint64_t index;

    (void) state;
    assert_string_equal(text(event, &named), "CLOSED -> HOLD: no fresh orbit, another master, "
                                             "first HS4, PV HS4:set");
    assert_int_equal(event_offender(&event, &index), EVENT_OFFENDER_COL);
    assert_int_equal(index, 4);
    event.arg[2] = 1ULL << COND_ORBIT;
    assert_int_equal(event_offender(&event, &index), EVENT_OFFENDER_ROW);
    event.arg[3] = UINT64_MAX;
    assert_int_equal(event_offender(&event, &index), EVENT_OFFENDER_NONE);
    event.arg[2] = 0;
    assert_string_equal(text(event, &nobody), "CLOSED -> HOLD");
}

static void sources_and_clock_are_told_with_their_figures(void **state)
{
    struct event_record event = {.kind = EVENT_SOURCE_LOST, .arg = {0, 3, 52500000}};

    (void) state;
    assert_int_equal(event_source(&event), 0);
    assert_string_equal(text(event, &named),
                        "source bpm delivers nothing fresh, last frame 52.5 ms old");
    event.arg[1] = 0;
    assert_string_equal(text(event, &nobody), "source 0 is disconnected");
    event = (struct event_record){.kind = EVENT_CLOCK_STEP, .arg = {(uint64_t) -1500000000}};
    assert_int_equal(event_source(&event), -1);
    assert_string_equal(text(event, &nobody), "UTC stepped by -1.500000 s");
    event = (struct event_record){.kind = EVENT_LIMIT, .arg = {1, 0, 0, 7}};
    assert_string_equal(text(event, &nobody),
                        "corrector 7 is at its limit, the others make up for it");
}

/* The segment may be read by a program of another mind than its writer. */
static void a_record_out_of_range_is_told_without_harm(void **state)
{
    char small[8];
    uint64_t index;

    (void) state;
    for (uint64_t kind = 0; kind <= EVENT_KIND_COUNT; kind++) {
        struct event_record event = {.kind = kind,
                                     .arg = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 1ULL << 60}};

        (void) text(event, &named);
        (void) event_offender(&event, &index);
        assert_int_equal(event_source(&event), -1);
        event_text(&event, &named, small, sizeof small);
        assert_true(strlen(small) < sizeof small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_and_a_line),
        cmocka_unit_test(a_change_of_state_names_cause_and_first_offender),
        cmocka_unit_test(sources_and_clock_are_told_with_their_figures),
        cmocka_unit_test(a_record_out_of_range_is_told_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
