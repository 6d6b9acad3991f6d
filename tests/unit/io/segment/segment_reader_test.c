/* The reader against every truncation and every flipped bit of a small file. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "io/segment/segment_log.h"
#include "io/segment/segment_reader.h"
#include "tests/support/temp_files.h"

enum { N_RECORD = 5, MOST_B = 1024 };

static const struct segment_limits limits = {.segment_b = 4096};
static const char *const text[N_RECORD] = {"a", "", "four", "eight by",
                                           "and twenty-one bytes!"};
static unsigned char file[MOST_B];
static size_t file_b;
static size_t end_b[N_RECORD]; /* where record i ends */

static const char *segment(void)
{
    return temp_path("records/00000000000000000001.seg");
}

static void put_file(const unsigned char *byte, size_t size)
{
    FILE *out = fopen(segment(), "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(byte, 1, size, out), size);
    fclose(out);
}

static int setup(void **state)
{
    struct segment_log log;
    FILE *in;

    if (temp_files_setup(state) != 0 ||
        segment_log_open(&log, temp_path("records"), &limits) != RC_OK)
        return -1;
    end_b[0] = 0;
    for (unsigned i = 0; i < N_RECORD; i++) {
        assert_int_equal(segment_log_append(&log, i, text[i], (uint32_t) strlen(text[i])),
                         RC_OK);
        end_b[i] = (i ? end_b[i - 1] : 0) + segment_record_size_b(strlen(text[i]));
    }
    assert_int_equal(segment_log_close(&log), RC_OK);
    in = fopen(segment(), "rb");
    assert_non_null(in);
    file_b = fread(file, 1, sizeof file, in);
    fclose(in);
    assert_int_equal(file_b, end_b[N_RECORD - 1]);
    return 0;
}

/* Number of records that are wholly within `size` bytes. */
static unsigned complete(size_t size)
{
    unsigned n = 0;

    while (n < N_RECORD && end_b[n] <= size)
        n++;
    return n;
}

/* Reads the folder: exactly the first n records, as they were written. */
static void expect_records(unsigned n, unsigned n_bad)
{
    struct segment_reader reader;

    assert_int_equal(segment_reader_open(&reader, temp_path("records")), RC_OK);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(segment_reader_next(&reader), 1);
        assert_int_equal(reader.record.number, i + 1);
        assert_int_equal(reader.record.kind, i);
        assert_int_equal(reader.record.length_b, strlen(text[i]));
        assert_memory_equal(reader.payload, text[i], strlen(text[i]));
    }
    assert_int_equal(segment_reader_next(&reader), 0);
    assert_int_equal(reader.n_bad, n_bad);
    segment_reader_close(&reader);
}

static void every_truncation_leaves_what_was_complete(void **state)
{
    (void) state;
    for (size_t size = 0; size <= file_b; size++) {
        unsigned n = complete(size);

        put_file(file, size);
        expect_records(n, size != (n ? end_b[n - 1] : 0));
    }
}

static void every_flipped_bit_ends_the_file_where_it_is(void **state)
{
    (void) state;
    for (size_t bit = 0; bit < 8 * file_b; bit++) {
        unsigned char flipped[MOST_B];

        memcpy(flipped, file, file_b);
        flipped[bit / 8] ^= (unsigned char) (1u << bit % 8);
        put_file(flipped, file_b);
        expect_records(complete(bit / 8), 1);
    }
}

/* What a crash may leave in a block that was allocated but never written. */
static void zeros_behind_the_end_are_no_records(void **state)
{
    unsigned char longer[MOST_B] = {0};

    (void) state;
    memcpy(longer, file, file_b);
    put_file(longer, sizeof longer);
    expect_records(N_RECORD, 1);
}

static void append_after(unsigned n_good)
{
    struct segment_reader reader;
    struct segment_log log;
    uint64_t number = 0;

    assert_int_equal(segment_log_open(&log, temp_path("records"), &limits), RC_OK);
    assert_int_equal(segment_log_append(&log, 99, "new", 3), RC_OK);
    assert_int_equal(segment_log_close(&log), RC_OK);
    assert_int_equal(segment_reader_open(&reader, temp_path("records")), RC_OK);
    while (segment_reader_next(&reader) == 1)
        number = reader.record.number;
    assert_int_equal(reader.n_read, n_good + 1);
    assert_int_equal(reader.record.kind, 99);
    assert_true(number > n_good);
    segment_reader_close(&reader);
}

static void writing_goes_on_after_every_truncation(void **state)
{
    (void) state;
    for (size_t size = 0; size <= file_b; size++) {
        assert_int_equal(temp_files_teardown(state), 0);
        assert_int_equal(setup(state), 0);

        put_file(file, size);
        append_after(complete(size));
    }
}

static void one_file_is_read_like_a_folder(void **state)
{
    struct segment_reader reader;
    unsigned n = 0;

    (void) state;
    assert_int_equal(segment_reader_open(&reader, segment()), RC_OK);
    while (segment_reader_next(&reader) == 1)
        n++;
    assert_int_equal(n, N_RECORD);
    segment_reader_close(&reader);
    assert_int_equal(segment_reader_open(&reader, temp_path("nothing")), RC_SYS);
}

static void a_reader_follows_a_file_that_grows(void **state)
{
    struct segment_reader reader;
    struct segment_log log;

    (void) state;
    assert_int_equal(segment_log_open(&log, temp_path("grows"), &limits), RC_OK);
    assert_int_equal(segment_log_append(&log, 1, "one", 3), RC_OK);
    assert_int_equal(segment_log_flush(&log), RC_OK);
    assert_int_equal(segment_reader_open(&reader, temp_path("grows")), RC_OK);
    assert_int_equal(segment_reader_next(&reader), 1);
    assert_int_equal(segment_log_append(&log, 1, "two", 3), RC_OK);
    assert_int_equal(segment_log_flush(&log), RC_OK);
    assert_int_equal(segment_reader_next(&reader), 1);
    assert_memory_equal(reader.payload, "two", 3);
    segment_reader_close(&reader);
    assert_int_equal(segment_log_close(&log), RC_OK);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, temp_files_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_truncation_leaves_what_was_complete),
        TEST(every_flipped_bit_ends_the_file_where_it_is),
        TEST(zeros_behind_the_end_are_no_records),
        TEST(writing_goes_on_after_every_truncation),
        TEST(one_file_is_read_like_a_folder),
        TEST(a_reader_follows_a_file_that_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
