#include "tests/support/test.h"

#include <string.h>

#include "rt/hal/bpm_datagram.h"
#include "rt/shm/layout.h"

static struct bpm_datagram out;

/* Sum 0x01020304, X -2, Y 3, id 5, locked and valid (0x0815), counter 0x1234. */
static const uint8_t grouping[16] = {4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff,
                                     3, 0, 0, 0, 0x15, 0x08, 0x34, 0x12};

static void a_grouping_record_has_sum_positions_status_and_counter(void **state)
{
    (void) state;
    assert_int_equal(bpm_decode(BPM_LIBERA_GROUPING, grouping, 16, &out), BPM_GOOD);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.counter, 0x1234);
    assert_int_equal(out.sample[0].id, 5);
    assert_int_equal(out.sample[0].sum, 0x01020304);
    assert_int_equal(out.sample[0].x_nm, -2);
    assert_int_equal(out.sample[0].y_nm, 3);
    assert_int_equal(out.sample[0].quality, QUALITY_GOOD);
}

static void the_older_grouping_has_counter_and_status_exchanged(void **state)
{
    uint8_t older[16];

    (void) state;
    memcpy(older, grouping, 16);
    memcpy(older + 12, grouping + 14, 2);
    memcpy(older + 14, grouping + 12, 2);
    assert_int_equal(bpm_decode(BPM_LIBERA_GROUPING_COUNTER, older, 16, &out), BPM_GOOD);
    assert_int_equal(out.counter, 0x1234);
    assert_int_equal(out.sample[0].id, 5);
    assert_int_equal(out.sample[0].quality, QUALITY_GOOD);
}

/* status word -> quality */
static void grouping_is_valid_only_with_its_flag_and_its_lock(void **state)
{
    static const struct {
        uint16_t status;
        uint64_t quality;
    } cases[] = {{0x0801, QUALITY_GOOD},
                 {0x0800, QUALITY_INVALID},
                 {0x0001, QUALITY_INVALID},
                 {0x4801, QUALITY_RANGE},
                 {0x0000, QUALITY_INVALID}};

    (void) state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t record[16];

        memcpy(record, grouping, 16);
        record[12] = (uint8_t) cases[i].status;
        record[13] = (uint8_t) (cases[i].status >> 8);
        assert_int_equal(bpm_decode(BPM_LIBERA_GROUPING, record, 16, &out), BPM_GOOD);
        assert_int_equal(out.sample[0].quality, cases[i].quality);
    }
}

static void a_zero_is_a_position_where_a_flag_says_so(void **state)
{
    uint8_t record[16];

    (void) state;
    memcpy(record, grouping, 16);
    memset(record, 0, 12);
    assert_int_equal(bpm_decode(BPM_LIBERA_GROUPING, record, 16, &out), BPM_GOOD);
    assert_int_equal(out.sample[0].quality, QUALITY_GOOD);
}

static void a_record_of_another_moment_is_left_out(void **state)
{
    uint8_t two[32];

    (void) state;
    memcpy(two, grouping, 16);
    memcpy(two + 16, grouping, 16);
    two[30]++;
    assert_int_equal(bpm_decode(BPM_LIBERA_GROUPING, two, 32, &out), BPM_GOOD);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.n_bad, 1);
}

static void put(uint8_t *byte, unsigned word, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        byte[4 * word + i] = (uint8_t) (value >> 8 * i);
}

static void a_spark_datagram_is_one_bpm_and_silence_is_not_a_position(void **state)
{
    uint8_t spark[64] = {0};

    (void) state;
    put(spark, 4, 1000);
    put(spark, 6, (uint32_t) -7);
    put(spark, 7, 9);
    put(spark, 8, 0xfffffffe);
    assert_int_equal(bpm_decode(BPM_LIBERA_SPARK, spark, 64, &out), BPM_GOOD);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.counter, 0xfffffffe);
    assert_int_equal(out.sample[0].x_nm, -7);
    assert_int_equal(out.sample[0].y_nm, 9);
    assert_int_equal(out.sample[0].sum, 1000);
    assert_int_equal(out.sample[0].quality, QUALITY_GOOD);
    memset(spark, 0, 32);
    assert_int_equal(bpm_decode(BPM_LIBERA_SPARK, spark, 64, &out), BPM_GOOD);
    assert_int_equal(out.sample[0].quality, QUALITY_INVALID);
}

static void the_concentrator_has_seven_bpms_and_a_silent_one_is_invalid(void **state)
{
    uint8_t hzb[64] = {0};

    (void) state;
    for (unsigned i = 0; i < 7; i++) {
        put(hzb, i, i == 3 ? 0 : i + 1);
        put(hzb, 7 + i, i == 3 ? 0 : i + 100);
    }
    put(hzb, 14, 77);
    put(hzb, 15, 4);
    assert_int_equal(bpm_decode(BPM_HZB_CONCENTRATOR, hzb, 64, &out), BPM_GOOD);
    assert_int_equal(out.n, 7);
    assert_int_equal(out.counter, 4);
    assert_int_equal(out.sample[6].id, 6);
    assert_int_equal(out.sample[6].x_nm, 7);
    assert_int_equal(out.sample[6].y_nm, 106);
    assert_int_equal(out.sample[2].quality, QUALITY_GOOD);
    assert_int_equal(out.sample[3].quality, QUALITY_INVALID);
}

/* Counter 0x00025678, node 0x101, time-frame start; X -1, Y 2. */
static const uint8_t cc[16] = {0x56, 0x78, 0x81, 0x01, 0xff, 0xff, 0xff, 0xff,
                               0,    0,    0,    2,    0,    2,    0x56, 0x78};

static void a_communication_controller_record_is_big_endian(void **state)
{
    (void) state;
    assert_int_equal(bpm_decode(BPM_DIAMOND_CC, cc, 16, &out), BPM_GOOD);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.counter, 0x00025678);
    assert_int_equal(out.sample[0].id, 0x101);
    assert_int_equal(out.sample[0].x_nm, -1);
    assert_int_equal(out.sample[0].y_nm, 2);
    assert_int_equal(out.sample[0].quality, QUALITY_GOOD);
}

static void a_header_that_contradicts_its_counter_is_left_out(void **state)
{
    uint8_t two[32];

    (void) state;
    memcpy(two, cc, 16);
    memcpy(two + 16, cc, 16);
    two[0] ^= 1;
    assert_int_equal(bpm_decode(BPM_DIAMOND_CC, two, 32, &out), BPM_GOOD);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.n_bad, 1);
    two[18] |= 0x40; /* a bit that is always zero */
    assert_int_equal(bpm_decode(BPM_DIAMOND_CC, two, 32, &out), BPM_CONTENT);
}

static void another_size_is_no_datagram(void **state)
{
    static const uint8_t byte[DATAGRAM_MAX_B + 16] = {0};
    static const size_t wrong[] = {0, 1, 15, 17, 63, 65, DATAGRAM_MAX_B + 16};

    (void) state;
    for (unsigned format = 0; format < BPM_FORMAT_COUNT; format++)
        for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
            assert_int_equal(bpm_decode(format, byte, wrong[i], &out), BPM_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grouping_record_has_sum_positions_status_and_counter),
        cmocka_unit_test(the_older_grouping_has_counter_and_status_exchanged),
        cmocka_unit_test(grouping_is_valid_only_with_its_flag_and_its_lock),
        cmocka_unit_test(a_zero_is_a_position_where_a_flag_says_so),
        cmocka_unit_test(a_record_of_another_moment_is_left_out),
        cmocka_unit_test(a_spark_datagram_is_one_bpm_and_silence_is_not_a_position),
        cmocka_unit_test(the_concentrator_has_seven_bpms_and_a_silent_one_is_invalid),
        cmocka_unit_test(a_communication_controller_record_is_big_endian),
        cmocka_unit_test(a_header_that_contradicts_its_counter_is_left_out),
        cmocka_unit_test(another_size_is_no_datagram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
