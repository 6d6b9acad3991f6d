#include "tests/support/test.h"

#include "io/modbus/register_value.h"

/* 0x41460000 is 12.375 as float32; A = 0x41, B = 0x46, C = D = 0 do not tell C from D, so the
 * bits are also looked at with four different bytes. */
static void the_four_orders_give_the_same_value_from_their_own_bytes(void **state)
{
    static const struct {
        enum register_order order;
        uint16_t word[2];
    } cases[] = {{ORDER_ABCD, {0x1122, 0x3344}},
                 {ORDER_CDAB, {0x3344, 0x1122}},
                 {ORDER_BADC, {0x2211, 0x4433}},
                 {ORDER_DCBA, {0x4433, 0x2211}}};
    (void) state;
    for (unsigned i = 0; i < 4; i++) {
        uint16_t word[2];
        assert_int_equal(register_bits(REGISTER_UINT32, cases[i].order, cases[i].word),
                         0x11223344);
        assert_true(register_encode(REGISTER_UINT32, cases[i].order, 0x11223344, word));
        assert_memory_equal(word, cases[i].word, sizeof word);
    }
}

static void a_single_register_knows_only_the_exchange_of_bytes(void **state)
{
    const uint16_t word = 0x1234;
    (void) state;
    assert_int_equal(register_bits(REGISTER_UINT16, ORDER_ABCD, &word), 0x1234);
    assert_int_equal(register_bits(REGISTER_UINT16, ORDER_CDAB, &word), 0x1234);
    assert_int_equal(register_bits(REGISTER_UINT16, ORDER_BADC, &word), 0x3412);
    assert_int_equal(register_bits(REGISTER_BITFIELD, ORDER_DCBA, &word), 0x3412);
}

static void bits_become_the_number_of_their_type(void **state)
{
    (void) state;
    assert_close(register_number(REGISTER_INT16, 0x8000), -32768, 0, 0);
    assert_close(register_number(REGISTER_UINT16, 0x8000), 32768, 0, 0);
    assert_close(register_number(REGISTER_INT32, 0xfffffffe), -2, 0, 0);
    assert_close(register_number(REGISTER_UINT32, 0xfffffffe), 4294967294.0, 0, 0);
    assert_close(register_number(REGISTER_FLOAT32, 0x41460000), 12.375, 0, 0);
    assert_close(register_number(REGISTER_FLOAT64, 0x4028c00000000000), 12.375, 0, 0);
    assert_true(isnan(register_number(REGISTER_FLOAT32, 0x7fc00000)));
}

static double there_and_back(enum register_type type, enum register_order order, double number)
{
    uint16_t word[REGISTER_MAX_WORDS];
    assert_true(register_encode(type, order, number, word));
    return register_number(type, register_bits(type, order, word));
}

static void what_is_encoded_reads_back(void **state)
{
    static const double number[] = {0, 1, -1, 32767, -32768, 0.5, -12.375};
    (void) state;
    for (unsigned order = ORDER_ABCD; order <= ORDER_DCBA; order++) {
        for (unsigned i = 0; i < sizeof number / sizeof *number; i++) {
            double want = number[i];
            assert_close(there_and_back(REGISTER_FLOAT32, order, want), want, 0, 0);
            assert_close(there_and_back(REGISTER_FLOAT64, order, want), want, 0, 0);
            assert_close(there_and_back(REGISTER_INT32, order, want), round(want), 0, 0);
            assert_close(there_and_back(REGISTER_INT16, order, want), round(want), 0, 0);
        }
    }
}

static void what_does_not_fit_writes_nothing(void **state)
{
    static const struct {
        enum register_type type;
        double number;
    } cases[] = {{REGISTER_INT16, 32767.6},       {REGISTER_INT16, -32769},
                 {REGISTER_UINT16, -0.6},         {REGISTER_UINT16, 65536},
                 {REGISTER_INT32, 2147483648.0},  {REGISTER_UINT32, 4294967296.0},
                 {REGISTER_FLOAT32, 1e39},        {REGISTER_FLOAT64, (double) INFINITY},
                 {REGISTER_INT16, (double) NAN},  {REGISTER_UINT32, (double) NAN},
                 {REGISTER_FLOAT32, (double) NAN}};
    (void) state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t word[REGISTER_MAX_WORDS] = {7, 7, 7, 7};
        assert_false(register_encode(cases[i].type, ORDER_ABCD, cases[i].number, word));
        assert_int_equal(word[0], 7);
        assert_int_equal(word[1], 7);
    }
}

static void the_step_is_what_neighbouring_numbers_differ_by(void **state)
{
    (void) state;
    assert_close(register_step(REGISTER_INT16, 100), 1, 0, 0);
    assert_close(register_step(REGISTER_FLOAT32, -1), 1.1920929e-7, 1e-6, 0);
    assert_close(register_step(REGISTER_FLOAT64, 1), 2.220446049250313e-16, 1e-12, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_orders_give_the_same_value_from_their_own_bytes),
        cmocka_unit_test(a_single_register_knows_only_the_exchange_of_bytes),
        cmocka_unit_test(bits_become_the_number_of_their_type),
        cmocka_unit_test(what_is_encoded_reads_back),
        cmocka_unit_test(what_does_not_fit_writes_nothing),
        cmocka_unit_test(the_step_is_what_neighbouring_numbers_differ_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
