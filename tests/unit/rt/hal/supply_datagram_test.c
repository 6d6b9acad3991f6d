#include "tests/support/test.h"

#include <string.h>

#include "rt/hal/supply_datagram.h"

static struct supply_answer answer;
static uint8_t byte[SUPPLY_DATAGRAM_B];
static const struct supply_setpoint two[] = {{.supply = 3, .a = 1.0F},
                                             {.supply = 258, .a = -2.5F}};
static const struct supply_order order = {.device = 0x01020304,
                                          .state = 3,
                                          .valid_us = 100000,
                                          .active = 1,
                                          .run_id = 0x1122334455667788,
                                          .arm_id = 9,
                                          .cycle = 1000001,
                                          .life = 5,
                                          .n = 2,
                                          .setpoint = two};

static void our_set_points_have_the_bytes_of_the_manual(void **state)
{
    static const uint8_t want[] = {
        'O', 'B',  'S',  'P',  1,    0,    2,    0,    4,    3, 2,    1,   3, 0, 0,
        0,   0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 9, 0,    0,   0, 0, 0,
        0,   0,    0x41, 0x42, 0x0f, 0,    0,    0,    0,    0, 5,    0,   0, 0, 0,
        0,   0,    0,    0xa0, 0x86, 1,    0,    1,    0,    0, 0,    3,   0, 0, 0,
        0,   0,    0x80, 0x3f, 2,    1,    0,    0,    0,    0, 0x20, 0xc0};

    (void) state;
    assert_int_equal(supply_encode(SUPPLY_ORBITD, &order, byte), sizeof want);
    assert_memory_equal(byte, want, sizeof want);
}

static void the_form_of_als_u_is_big_endian_and_its_nonce_is_the_cycle(void **state)
{
    static const uint8_t want[] = {0x76, 0x31, 0,    0,    0, 0, 0, 0, 0,    0x0f, 0x42, 0x41,
                                   0,    3,    0x3f, 0x80, 0, 0, 1, 2, 0xc0, 0x20, 0,    0};
    struct supply_order last = order;

    (void) state;
    assert_int_equal(supply_encode(SUPPLY_ALSU, &order, byte), sizeof want);
    assert_memory_equal(byte, want, sizeof want);
    last.active = 0;
    assert_int_equal(supply_encode(SUPPLY_ALSU, &last, byte), 0);
}

/* Device 7, cycle 9, supply 258 ready with 1 A set and -2.5 A flowing. */
static const uint8_t ours[] = {'O', 'B', 'R', 'B', 1, 0, 1, 0, 7,    0,    0, 0, 0,    0,   0,
                               0,   9,   0,   0,   0, 0, 0, 0, 0,    1,    0, 0, 0,    0,   0,
                               0,   0,   2,   1,   1, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0};

static void our_answer_is_read(void **state)
{
    (void) state;
    assert_int_equal(supply_decode(SUPPLY_ORBITD, ours, sizeof ours, &answer), SUPPLY_GOOD);
    assert_int_equal(answer.device, 7);
    assert_int_equal(answer.cycle, 9);
    assert_int_equal(answer.n, 1);
    assert_int_equal(answer.reading[0].supply, 258);
    assert_true(answer.reading[0].ready && answer.has_set && answer.has_current);
    assert_close((double) answer.reading[0].set_a, 1, 0, 0);
    assert_close((double) answer.reading[0].current_a, -2.5, 0, 0);
}

static void the_two_answers_of_als_u_are_told_apart(void **state)
{
    uint8_t alsu[] = {0x76, 0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 3, 0x3f, 0x80, 0, 0};

    (void) state;
    assert_int_equal(supply_decode(SUPPLY_ALSU, alsu, sizeof alsu, &answer), SUPPLY_GOOD);
    assert_true(answer.has_set && !answer.has_current);
    assert_int_equal(answer.cycle, 9);
    alsu[3] = 1;
    assert_int_equal(supply_decode(SUPPLY_ALSU, alsu, sizeof alsu, &answer), SUPPLY_GOOD);
    assert_true(!answer.has_set && answer.has_current);
    assert_close((double) answer.reading[0].current_a, 1, 0, 0);
    alsu[3] = 2;
    assert_int_equal(supply_decode(SUPPLY_ALSU, alsu, sizeof alsu, &answer), SUPPLY_CONTENT);
}

static void what_is_too_short_of_another_kind_or_not_finite_is_refused(void **state)
{
    uint8_t bad[sizeof ours];

    (void) state;
    for (size_t size = 0; size < sizeof ours; size++)
        assert_int_equal(supply_decode(SUPPLY_ORBITD, ours, size, &answer), SUPPLY_SIZE);
    memcpy(bad, ours, sizeof ours);
    bad[4] = 2;
    assert_int_equal(supply_decode(SUPPLY_ORBITD, bad, sizeof bad, &answer), SUPPLY_CONTENT);
    memcpy(bad, ours, sizeof ours);
    bad[43] = 0x7f;
    bad[42] = 0x80;
    assert_int_equal(supply_decode(SUPPLY_ORBITD, bad, sizeof bad, &answer), SUPPLY_CONTENT);
    bad[7] = 0x80;
    assert_int_equal(supply_decode(SUPPLY_ORBITD, bad, sizeof bad, &answer), SUPPLY_SIZE);
    assert_int_equal(supply_decode(SUPPLY_ALSU, ours, 13, &answer), SUPPLY_SIZE);
    assert_int_equal(supply_decode(SUPPLY_ALSU, ours, 18, &answer), SUPPLY_CONTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_set_points_have_the_bytes_of_the_manual),
        cmocka_unit_test(the_form_of_als_u_is_big_endian_and_its_nonce_is_the_cycle),
        cmocka_unit_test(our_answer_is_read),
        cmocka_unit_test(the_two_answers_of_als_u_are_told_apart),
        cmocka_unit_test(what_is_too_short_of_another_kind_or_not_finite_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
