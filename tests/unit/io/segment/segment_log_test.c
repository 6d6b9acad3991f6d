/* The writer: numbers, segments, the folder's bound, and a disk that fails. pwrite and
 * fdatasync are wrapped, so that every failure happens exactly when it is asked for. */
#include "tests/support/test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "io/segment/crc32c.h"
#include "io/segment/segment_log.h"
#include "io/segment/segment_reader.h"
#include "tests/support/temp_files.h"

static int write_error, sync_error; /* errno to fail with; 0: works */
static size_t write_most;           /* bytes of one write that get through; 0: all */
static unsigned n_sync;

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

/* A full disk takes what still fits, then nothing. */
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    if (write_most) {
        size = size < write_most ? size : write_most;
        write_most = 0;
        return __real_pwrite(fd, bytes, size, at);
    }
    errno = write_error;
    return write_error ? -1 : __real_pwrite(fd, bytes, size, at);
}

int __wrap_fdatasync(int fd)
{
    n_sync++;
    errno = sync_error;
    return sync_error ? -1 : __real_fdatasync(fd);
}

static int setup(void **state)
{
    write_error = sync_error = 0;
    write_most = 0;
    n_sync = 0;
    return temp_files_setup(state);
}

static const struct segment_limits small = {.segment_b = 4096, .folder_b = 4 * 4096};
static const struct segment_limits large = {.segment_b = 1 << 20};

static void open_log(struct segment_log *log, const struct segment_limits *limits)
{
    assert_int_equal(segment_log_open(log, temp_path("records"), limits), RC_OK);
}

static void append(struct segment_log *log, uint64_t value)
{
    uint64_t payload[16];

    for (size_t i = 0; i < 16; i++)
        payload[i] = value * 1000 + i;
    assert_int_equal(segment_log_append(log, 7, payload, sizeof payload), RC_OK);
}

static void open_reader(struct segment_reader *reader)
{
    assert_int_equal(segment_reader_open(reader, temp_path("records")), RC_OK);
}

static void expect_next(struct segment_reader *reader, uint64_t value)
{
    uint64_t payload[16];

    assert_int_equal(segment_reader_next(reader), 1);
    assert_int_equal(reader->record.kind, 7);
    assert_int_equal(reader->record.length_b, sizeof payload);
    memcpy(payload, reader->payload, sizeof payload);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(payload[i], value * 1000 + i);
}

static void the_checksum_is_crc32c(void **state)
{
    unsigned char zero[32] = {0}, ones[32];

    (void) state;
    memset(ones, 0xff, sizeof ones);
    /* RFC 3720, B.4, and the check value of the CRC catalogues. */
    assert_int_equal(crc32c_add(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c_add(0, zero, 32), 0x8a9136aa);
    assert_int_equal(crc32c_add(0, ones, 32), 0x62a8ab43);
    assert_int_equal(crc32c_add(crc32c_add(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void what_is_appended_is_read_in_order(void **state)
{
    struct segment_reader reader;
    struct segment_log log;

    (void) state;
    open_log(&log, &large);
    for (uint64_t i = 1; i <= 100; i++)
        append(&log, i);
    assert_int_equal(segment_log_close(&log), RC_OK);
    open_reader(&reader);
    for (uint64_t i = 1; i <= 100; i++) {
        expect_next(&reader, i);
        assert_int_equal(reader.record.number, i);
    }
    assert_int_equal(segment_reader_next(&reader), 0);
    assert_int_equal(reader.n_bad, 0);
    assert_int_equal(reader.n_lost, 0);
    segment_reader_close(&reader);
}

static void numbers_go_on_after_a_restart(void **state)
{
    struct segment_reader reader;
    struct segment_log log;

    (void) state;
    for (uint64_t i = 1; i <= 3; i++) {
        open_log(&log, &large);
        assert_int_equal(log.next, i);
        append(&log, i);
        assert_int_equal(segment_log_close(&log), RC_OK);
    }
    open_reader(&reader);
    for (uint64_t i = 1; i <= 3; i++)
        expect_next(&reader, i);
    assert_int_equal(reader.n_lost, 0);
    segment_reader_close(&reader);
}

static void segments_are_small_and_carry_the_preamble(void **state)
{
    struct segment_reader reader;
    struct segment_log log;
    unsigned n_preamble = 0;

    (void) state;
    open_log(&log, &(struct segment_limits){.segment_b = 4096});
    assert_int_equal(segment_log_preamble(&log, 1, "header", 6), RC_OK);
    for (uint64_t i = 0; i < 200; i++)
        append(&log, i);
    assert_int_equal(segment_log_close(&log), RC_OK);
    open_reader(&reader);
    assert_true(reader.list.n > 5);
    for (size_t i = 0; i < reader.list.n; i++)
        assert_true(reader.list.file[i].size_b <= 4096);
    while (segment_reader_next(&reader) == 1)
        n_preamble += reader.record.kind == 1;
    assert_int_equal(n_preamble, reader.list.n);
    assert_int_equal(reader.n_read, 200 + n_preamble);
    assert_int_equal(reader.n_lost, 0);
    segment_reader_close(&reader);
}

static void a_bounded_folder_drops_the_oldest_and_counts(void **state)
{
    struct segment_reader reader;
    struct segment_log log;
    uint64_t sum_b = 0, last = 0;

    (void) state;
    open_log(&log, &small);
    for (uint64_t i = 1; i <= 400; i++)
        append(&log, i);
    assert_int_equal(segment_log_close(&log), RC_OK);
    assert_true(log.n_segment_dropped > 0);
    open_reader(&reader);
    for (size_t i = 0; i < reader.list.n; i++)
        sum_b += reader.list.file[i].size_b;
    assert_true(sum_b <= small.folder_b);
    assert_int_equal(log.n_segment, log.n_segment_dropped + reader.list.n);
    assert_true(reader.list.file[0].first > 1);
    while (segment_reader_next(&reader) == 1)
        last = reader.record.number;
    assert_int_equal(last, 400);
    segment_reader_close(&reader);
}

static void a_full_disk_costs_what_it_says_and_no_more(void **state)
{
    struct segment_reader reader;
    struct segment_log log;

    (void) state;
    open_log(&log, &large);
    append(&log, 1);
    assert_int_equal(segment_log_sync(&log), RC_OK);
    append(&log, 2);
    append(&log, 3);
    write_error = ENOSPC;
    write_most = 100; /* half of the first of them */
    assert_int_equal(segment_log_sync(&log), RC_SYS);
    assert_non_null(strstr(err_text(), strerror(ENOSPC)));
    assert_int_equal(log.n_dropped, 2);
    append(&log, 4);
    assert_int_equal(segment_log_sync(&log), RC_SYS);
    assert_int_equal(log.n_dropped, 3);
    write_error = 0;
    append(&log, 5);
    assert_int_equal(segment_log_close(&log), RC_OK);

    open_reader(&reader);
    expect_next(&reader, 1);
    expect_next(&reader, 5);
    assert_int_equal(segment_reader_next(&reader), 0);
    assert_int_equal(reader.n_lost, 3);
    assert_int_equal(reader.n_bad, 0);
    assert_int_equal(reader.list.n, 2);
    segment_reader_close(&reader);
}

static void a_disk_that_fails_to_sync_gets_a_new_segment(void **state)
{
    struct segment_reader reader;
    struct segment_log log;

    (void) state;
    open_log(&log, &large);
    append(&log, 1);
    sync_error = EIO;
    assert_int_equal(segment_log_sync(&log), RC_SYS);
    assert_non_null(strstr(err_text(), strerror(EIO)));
    sync_error = 0;
    append(&log, 2);
    assert_int_equal(segment_log_close(&log), RC_OK);
    assert_int_equal(log.n_segment, 2);
    open_reader(&reader);
    expect_next(&reader, 1);
    expect_next(&reader, 2);
    segment_reader_close(&reader);
}

static void many_records_share_one_sync(void **state)
{
    struct segment_log log;

    (void) state;
    open_log(&log, &large);
    for (uint64_t i = 0; i < 1000; i++)
        append(&log, i);
    assert_int_equal(n_sync, 0);
    assert_int_equal(segment_log_sync(&log), RC_OK);
    assert_int_equal(n_sync, 1);
    assert_int_equal(segment_log_sync(&log), RC_OK);
    assert_int_equal(n_sync, 1);
    assert_int_equal(segment_log_close(&log), RC_OK);
}

static void what_does_not_fit_is_refused(void **state)
{
    static unsigned char payload[4096];
    struct segment_limits one = {.segment_b = 4096, .folder_b = 4096};
    struct segment_log log;

    (void) state;
    assert_int_equal(segment_log_open(&log, temp_path("records"), &one), RC_RANGE);
    assert_int_equal(segment_log_open(&log, "/no/such/folder", &small), RC_SYS);
    open_log(&log, &small);
    assert_int_equal(segment_log_append(&log, 1, payload, sizeof payload), RC_RANGE);
    assert_int_equal(segment_log_preamble(&log, 1, payload, sizeof payload), RC_RANGE);
    assert_int_equal(log.n_appended, 0);
    assert_int_equal(segment_log_close(&log), RC_OK);
}

static void empty_and_foreign_files_disturb_nothing(void **state)
{
    struct segment_reader reader;
    struct segment_log log;

    (void) state;
    open_log(&log, &large);
    append(&log, 1);
    assert_int_equal(segment_log_close(&log), RC_OK);
    temp_file("records/00000000000000000002.seg", "");
    temp_file("records/note.seg", "x");
    temp_file("records/99999999999999999999.seg", "beyond 64 bits");
    open_log(&log, &large);
    append(&log, 2);
    assert_int_equal(segment_log_close(&log), RC_OK);
    open_reader(&reader);
    assert_int_equal(reader.list.n, 2);
    expect_next(&reader, 1);
    expect_next(&reader, 2);
    assert_int_equal(reader.n_lost, 0);
    segment_reader_close(&reader);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, temp_files_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_checksum_is_crc32c),
        TEST(what_is_appended_is_read_in_order),
        TEST(numbers_go_on_after_a_restart),
        TEST(segments_are_small_and_carry_the_preamble),
        TEST(a_bounded_folder_drops_the_oldest_and_counts),
        TEST(a_full_disk_costs_what_it_says_and_no_more),
        TEST(a_disk_that_fails_to_sync_gets_a_new_segment),
        TEST(many_records_share_one_sync),
        TEST(what_does_not_fit_is_refused),
        TEST(empty_and_foreign_files_disturb_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
