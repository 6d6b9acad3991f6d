#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/manager/event_log.h"

enum { N_SLOT = 8 };

static struct fixture {
    struct machine machine;
    struct status_block status;
    struct slot_ring ring;
    struct event_log log;
} f;

static int set_up(void **state)
{
    struct segment_head head = {.kind = SEG_EVENT,
                                .size_b =
                                    segment_ring_size_b(N_SLOT, sizeof(struct event_record)),
                                .dims = {5, 2, 3, 1}};

    (void) state;
    f = (struct fixture){0};
    f.machine.status = &f.status;
    f.machine.n_source = 2;
    snprintf(f.machine.cfg.source_bpm.name[0], sizeof f.machine.cfg.source_bpm.name[0],
             "libera");
    assert_int_equal(segment_create(&f.machine.shared[SEG_EVENT], &head), RC_OK);
    assert_int_equal(slot_ring_create(&f.ring, &f.machine.shared[SEG_EVENT], N_SLOT,
                                      sizeof(struct event_record)),
                     RC_OK);
    assert_int_equal(event_log_open(&f.log, &f.machine), RC_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    segment_close(&f.machine.shared[SEG_EVENT]);
    return 0;
}

static void write_event(enum event_kind kind, uint64_t a, uint64_t b)
{
    struct event_record event = {.kind = kind, .cycle = 42, .arg = {a, b, 0, UINT64_MAX}};

    slot_ring_write(&f.ring, &event);
}

/* What a drain writes to stderr. */
static const char *drained(bool last)
{
    static char text[4096];
    FILE *file = tmpfile();
    int keep = dup(STDERR_FILENO);
    size_t n;

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    event_log_drain(&f.log, &f.machine, last);
    fflush(stderr);
    dup2(keep, STDERR_FILENO);
    close(keep);
    rewind(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void each_event_is_told_once_with_its_names(void **state)
{
    (void) state;
    write_event(EVENT_START, 1000000, TIMER_HYBRID);
    write_event(EVENT_SOURCE_BACK, 0, 7);
    assert_string_equal(drained(false),
                        "orbitd: cycle 42: the loop starts, period 1000 us, timer hybrid\n"
                        "orbitd: cycle 42: source libera delivers, generation 7\n");
    assert_string_equal(drained(false), "");
    assert_int_equal(f.status.counter[COUNTER_EVENTS_LOST], 0);
}

static void late_events_are_summed_up(void **state)
{
    (void) state;
    (void) drained(false); /* the first second begins */
    write_event(EVENT_LATE, 2, 30500);
    write_event(EVENT_LATE, 1, 1500);
    assert_string_equal(drained(false), "");
    assert_string_equal(drained(true),
                        "orbitd: late: 2 events, 3 points skipped, the worst by 30.5 us\n");
    assert_string_equal(drained(true), "");
}

/* The slot behind the newest is the next to go and is not read. */
static void events_that_were_overwritten_are_counted_and_told(void **state)
{
    (void) state;
    for (unsigned i = 0; i < 3 * N_SLOT; i++)
        write_event(EVENT_TIMING_RESET, 0, 0);
    assert_non_null(strstr(drained(false), "orbitd: 17 events were overwritten"));
    assert_int_equal(f.status.counter[COUNTER_EVENTS_LOST], 2 * N_SLOT + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_event_is_told_once_with_its_names, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(late_events_are_summed_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_that_were_overwritten_are_counted_and_told,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests_name("rt/manager/event_log", tests, NULL, NULL);
}
