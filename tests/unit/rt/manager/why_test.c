#include "tests/support/test.h"

#include <string.h>

#include "rt/manager/why.h"
#include "rt/loop/params.h"

#define BIT(condition) (1ULL << (condition))

static struct bpm_device bpms[2] = {{.name = "BPM1"}, {.name = "BPM2"}};
static struct corrector_device correctors[2] = {{.name = "HC1"}, {.name = "VC1"}};
static const struct devices devices = {
    .n_bpm = 2, .n_h = 1, .n_v = 1, .bpm = bpms, .corrector = correctors};

static void write(const struct why_facts *facts, char *text, size_t size)
{
    why_write(facts, &devices, text, size);
}

static void closed_says_so(void **state)
{
    char text[512];

    (void) state;
    write(&(struct why_facts){.state = STATE_CLOSED}, text, sizeof text);
    assert_string_equal(text, "closed");
}

static void every_condition_has_words_and_a_remedy(void **state)
{
    char text[512];

    (void) state;
    for (unsigned c = 0; c < COND_COUNT; c++) {
        write(&(struct why_facts){.state = STATE_SHADOW,
                                  .unmet = BIT(c),
                                  .unmet_offender = UINT64_MAX},
              text, sizeof text);
        assert_true(strlen(text) > 20);
        assert_non_null(strstr(text, ": "));
    }
}

static void after_a_trip_it_says_what_correctors_do(void **state)
{
    struct why_facts facts = {.state = STATE_TRIPPED,
                              .cause = BIT(COND_ORBIT),
                              .cause_offender = UINT64_MAX,
                              .arm_id = 3,
                              .at_trip = {AT_TRIP_CLOSING, AT_TRIP_ZERO}};
    char text[512];

    (void) state;
    write(&facts, text, sizeof text);
    assert_non_null(strstr(text, "slow correctors go back to their set points at closing"));
    assert_non_null(strstr(text, "fast ones go to zero"));
    facts.arm_id = 0;
    write(&facts, text, sizeof text);
    assert_non_null(strstr(text, "correctors stay where they are"));
}

static void offenders_have_their_names(void **state)
{
    char text[512];

    (void) state;
    write(&(struct why_facts){.state = STATE_SHADOW,
                              .unmet = BIT(COND_MASTER),
                              .unmet_offender = 1},
          text, sizeof text);
    assert_non_null(strstr(text, "VC1"));
    write(&(struct why_facts){.state = STATE_SHADOW,
                              .unmet = BIT(COND_BPMS),
                              .unmet_offender = 3},
          text, sizeof text);
    assert_non_null(strstr(text, "BPM2 y"));
    write(&(struct why_facts){.state = STATE_SHADOW,
                              .unmet = BIT(COND_BPMS),
                              .unmet_offender = 99},
          text, sizeof text);
    assert_null(strstr(text, "BPM2"));
}

static void after_hold_the_cause_comes_first(void **state)
{
    char text[1024];

    (void) state;
    write(&(struct why_facts){.state = STATE_HOLD,
                              .unmet = BIT(COND_ARM_ACK),
                              .unmet_offender = UINT64_MAX,
                              .cause = BIT(COND_PACE),
                              .cause_offender = UINT64_MAX},
          text, sizeof text);
    assert_int_equal(strncmp(text, "cause of HOLD: no fresh orbit", 29), 0);
}

static void the_timer_that_stands_in_for_the_data_is_told_in_every_state(void **state)
{
    char text[1024];

    (void) state;
    write(&(struct why_facts){.state = STATE_CLOSED, .timer = TIMER_FALLBACK}, text,
          sizeof text);
    assert_int_equal(strncmp(text, "closed\ncycles start by the timer", 32), 0);
    write(&(struct why_facts){.state = STATE_SHADOW,
                              .unmet = BIT(COND_ARM_ACK),
                              .unmet_offender = UINT64_MAX,
                              .timer = TIMER_FALLBACK},
          text, sizeof text);
    assert_non_null(strstr(text, "\ncycles start by the timer"));
    write(&(struct why_facts){.state = STATE_CLOSED, .timer = TIMER_EXTERNAL}, text,
          sizeof text);
    assert_string_equal(text, "closed");
}

static void a_text_too_long_ends_in_dots(void **state)
{
    char text[64];

    (void) state;
    write(&(struct why_facts){.state = STATE_SHADOW, .unmet = (1ULL << COND_COUNT) - 1}, text,
          sizeof text);
    assert_true(strlen(text) < sizeof text);
    assert_string_equal(text + strlen(text) - 3, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_says_so),
        cmocka_unit_test(every_condition_has_words_and_a_remedy),
        cmocka_unit_test(after_a_trip_it_says_what_correctors_do),
        cmocka_unit_test(offenders_have_their_names),
        cmocka_unit_test(after_hold_the_cause_comes_first),
        cmocka_unit_test(the_timer_that_stands_in_for_the_data_is_told_in_every_state),
        cmocka_unit_test(a_text_too_long_ends_in_dots),
    };

    return cmocka_run_group_tests_name("rt/manager/why", tests, NULL, NULL);
}
