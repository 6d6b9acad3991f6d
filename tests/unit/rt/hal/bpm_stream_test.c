#include "tests/support/test.h"

#include <string.h>

#include "rt/hal/bpm_stream.h"

enum { N = 3 };

#define IDENTITY                                                                               \
    {                                                                                          \
        .xx = 1e-9, .yy = 1e-9                                                                 \
    }

static struct stream_bpm bpms[N];
static struct bpm_stream *stream;
static struct frame_view view;
static int64_t now_ns;

/* BPM 2 of the machine is not in the stream's first place: the map is not the identity. */
static void start(enum bpm_format format, uint32_t step)
{
    struct stream_setup setup = {.format = format,
                                 .counter_step = step,
                                 .source_id = 1,
                                 .n_bpm = N + 1,
                                 .n_stream_bpm = N,
                                 .bpm = bpms};

    for (uint32_t i = 0; i < N; i++)
        bpms[i] = (struct stream_bpm){
            .bpm = N - 1 - i, .id = 10 + i, .sender = 100 + i, .transform = IDENTITY};
    assert_int_equal(bpm_stream_create(&stream, &setup), RC_OK);
    bpm_stream_view(stream, &view);
    now_ns = 1000;
}

static int stop(void **state)
{
    (void) state;
    bpm_stream_destroy(stream);
    stream = NULL;
    return 0;
}

static uint64_t counted(enum source_counter counter)
{
    return bpm_stream_counters(stream)[counter];
}

static void put_16(uint8_t *byte, unsigned value)
{
    byte[0] = (uint8_t) value;
    byte[1] = (uint8_t) (value >> 8);
}

/* Datagram of those of the three BPMs whose bit is set; X is 1000 id + counter. */
static bool group(unsigned counter, unsigned which)
{
    uint8_t byte[16 * N] = {0};
    size_t size = 0;

    for (unsigned i = 0; i < N; i++) {
        uint8_t *record = byte + size;
        unsigned id = 10 + i;

        if (!(which & 1U << i))
            continue;
        put_16(record + 4, 1000 * id + counter);
        record[8] = 1;
        put_16(record + 12, 0x0801 | id << 2);
        put_16(record + 14, counter);
        size += 16;
    }
    now_ns += 1000;
    return bpm_stream_take(stream, byte, size, 7, now_ns);
}

static bool spark(unsigned sender, unsigned counter)
{
    uint8_t byte[64] = {0};

    put_16(byte + 16, 500);
    put_16(byte + 24, counter);
    byte[28] = 1;
    put_16(byte + 32, counter);
    put_16(byte + 34, counter >> 16);
    now_ns += 1000;
    return bpm_stream_take(stream, byte, 64, sender, now_ns);
}

static void expect_frame(uint64_t frame_seq, uint64_t q0, uint64_t q1, uint64_t q2)
{
    assert_true(bpm_stream_read(stream, &view));
    assert_int_equal(view.head.frame_seq, frame_seq);
    assert_int_equal(view.quality[0], q0);
    assert_int_equal(view.quality[1], q1);
    assert_int_equal(view.quality[2], q2);
    assert_int_equal(view.quality[N], QUALITY_ABSENT);
    assert_false(bpm_stream_read(stream, &view));
}

static void a_full_group_is_a_frame_at_once(void **state)
{
    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    assert_true(group(5, 7));
    expect_frame(1, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
    assert_close(view.value[2], 10005e-9, 1e-12, 0);
    assert_close(view.value[0], 12005e-9, 1e-12, 0);
    assert_close(view.value[N + 1 + 2], 1e-9, 1e-12, 0);
    assert_int_equal(view.t_value_ns[2], now_ns);
    assert_int_equal(view.head.t_sample_ns, now_ns);
    assert_int_equal(view.head.source_id, 1);
}

static void a_group_in_parts_is_a_frame_with_its_last_part(void **state)
{
    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    assert_false(group(5, 1));
    assert_false(group(5, 2));
    assert_true(group(5, 4));
    expect_frame(1, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
    assert_int_equal(counted(SOURCE_INCOMPLETE), 0);
}

static void newer_data_end_a_frame_and_what_is_missing_is_stale_with_its_old_value(void **state)
{
    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    (void) group(5, 7);
    (void) bpm_stream_read(stream, &view);
    assert_false(group(6, 3));
    assert_true(group(7, 7));
    assert_int_equal(counted(SOURCE_INCOMPLETE), 1);
    expect_frame(3, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
    assert_false(group(8, 3));
    assert_true(group(9, 3));
    expect_frame(4, QUALITY_STALE, QUALITY_GOOD, QUALITY_GOOD);
    assert_close(view.value[0], 12007e-9, 1e-12, 0);
    assert_close(view.value[2], 10008e-9, 1e-12, 0);
}

static void a_silent_bpm_is_not_waited_for_and_is_awaited_again_when_it_is_back(void **state)
{
    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    for (unsigned k = 0; k <= SILENT_FRAMES; k++)
        (void) group(k, 3);
    while (bpm_stream_read(stream, &view))
        ;
    assert_true(group(100, 3));
    expect_frame(101, QUALITY_ABSENT | QUALITY_STALE, QUALITY_GOOD, QUALITY_GOOD);
    assert_false(group(100, 4));
    assert_false(group(101, 3));
    assert_true(group(101, 4));
    expect_frame(102, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
}

static void gaps_duplicates_and_late_datagrams_are_told_apart(void **state)
{
    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    (void) group(0xfffe, 7);
    (void) group(1, 7); /* 0xffff and 0 are missing */
    expect_frame(4, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
    assert_int_equal(counted(SOURCE_LOST), 2);
    assert_false(group(1, 7));
    assert_int_equal(counted(SOURCE_DUPLICATE), 3);
    assert_false(group(0, 7));
    assert_int_equal(counted(SOURCE_LATE), 1);
    assert_true(group(2, 7));
    assert_int_equal(counted(SOURCE_FRAMES), 3);
    assert_int_equal(counted(SOURCE_RESTARTS), 0);
}

static void a_sender_that_starts_anew_is_followed_at_once_or_after_three(void **state)
{
    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    (void) group(20000, 7);
    assert_true(group(3, 7));
    assert_int_equal(counted(SOURCE_RESTARTS), 1);
    (void) group(500, 7);
    (void) bpm_stream_read(stream, &view);
    assert_false(group(1, 7));
    assert_false(group(2, 7));
    assert_true(group(3, 7));
    assert_int_equal(counted(SOURCE_RESTARTS), 2);
}

static void what_is_malformed_or_unknown_is_counted_and_changes_nothing(void **state)
{
    const uint8_t junk[33] = {0};
    uint8_t stranger[16] = {0};

    (void) state;
    start(BPM_LIBERA_GROUPING, 1);
    (void) group(5, 7);
    (void) bpm_stream_read(stream, &view);
    assert_false(bpm_stream_take(stream, junk, 33, 7, ++now_ns));
    put_16(stranger + 12, 0x0801 | 99 << 2);
    put_16(stranger + 14, 5);
    assert_false(bpm_stream_take(stream, stranger, 16, 7, ++now_ns));
    assert_int_equal(counted(SOURCE_SIZE), 1);
    assert_int_equal(counted(SOURCE_UNKNOWN), 1);
    assert_true(group(6, 7));
    expect_frame(2, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
}

static void single_senders_make_a_frame_of_one_round(void **state)
{
    (void) state;
    start(BPM_LIBERA_SPARK, 10);
    assert_false(spark(100, 1000));
    assert_false(spark(102, 5000));
    assert_true(spark(101, 70000));
    expect_frame(1, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
    assert_false(spark(99, 1));
    assert_int_equal(counted(SOURCE_UNKNOWN), 1);
    assert_false(spark(101, 70010));
    assert_false(spark(101, 70010));
    assert_int_equal(counted(SOURCE_DUPLICATE), 1);
}

static void a_loss_of_one_sender_does_not_shift_the_rounds(void **state)
{
    (void) state;
    start(BPM_LIBERA_SPARK, 10);
    for (unsigned k = 0; k < 6; k++)
        for (unsigned sender = 100; sender < 103; sender++)
            if (k != 2 || sender != 100)
                (void) spark(sender, 10 * k);
    /* Each round from the fourth on is complete with its last sender. */
    expect_frame(6, QUALITY_GOOD, QUALITY_GOOD, QUALITY_GOOD);
    assert_int_equal(counted(SOURCE_INCOMPLETE), 1);
    assert_int_equal(counted(SOURCE_FRAMES), 6);
    assert_false(spark(100, 60));
    assert_false(spark(101, 60));
    assert_true(spark(102, 60));
}

static void what_cannot_be_told_apart_is_refused(void **state)
{
    struct stream_setup setup = {
        .format = BPM_HZB_CONCENTRATOR, .n_bpm = 4, .n_stream_bpm = 2, .bpm = bpms};

    (void) state;
    bpms[0] = bpms[1] = (struct stream_bpm){.bpm = 0, .id = 6, .sender = 1};
    assert_int_equal(bpm_stream_create(&stream, &setup), RC_RANGE);
    assert_string_equal(err_text(), "two BPMs have the id 6");
    bpms[1].id = 7;
    assert_int_equal(bpm_stream_create(&stream, &setup), RC_RANGE);
    setup.format = BPM_LIBERA_SPARK;
    assert_int_equal(bpm_stream_create(&stream, &setup), RC_RANGE);
    assert_null(stream);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_full_group_is_a_frame_at_once),
        TEST(a_group_in_parts_is_a_frame_with_its_last_part),
        TEST(newer_data_end_a_frame_and_what_is_missing_is_stale_with_its_old_value),
        TEST(a_silent_bpm_is_not_waited_for_and_is_awaited_again_when_it_is_back),
        TEST(gaps_duplicates_and_late_datagrams_are_told_apart),
        TEST(a_sender_that_starts_anew_is_followed_at_once_or_after_three),
        TEST(what_is_malformed_or_unknown_is_counted_and_changes_nothing),
        TEST(single_senders_make_a_frame_of_one_round),
        TEST(a_loss_of_one_sender_does_not_shift_the_rounds),
        TEST(what_cannot_be_told_apart_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
