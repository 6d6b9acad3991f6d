#include "tests/support/test.h"

#include <string.h>

#include "io/modbus/pdu.h"

static uint16_t word[PDU_MAX_READ];

static struct pdu_request read_two(void)
{
    return (struct pdu_request){
        .function = PDU_READ_INPUT, .unit = 17, .address = 0x0102, .n = 2, .word = word};
}

/* A transport of the answers of one request. */
struct wire {
    struct mbap_input input;
    struct pdu_request request;
    unsigned exception;
    uint64_t n_late;
};

static void arrive(struct wire *wire, const void *byte, size_t size)
{
    memcpy(wire->input.byte + wire->input.used, byte, size);
    wire->input.used += size;
}

static enum mbap_verdict take(struct wire *wire, uint16_t transaction)
{
    return mbap_take(&wire->input, &wire->request, transaction, &wire->exception,
                     &wire->n_late);
}

static const uint8_t two_words[] = {0, 5, 0, 0, 0, 7, 17, 4, 4, 0x12, 0x34, 0xff, 0xfe};

static void a_read_request_has_the_bytes_of_the_specification(void **state)
{
    static const uint8_t want[] = {0, 5, 0, 0, 0, 6, 17, 4, 1, 2, 0, 2};
    uint8_t adu[ADU_MAX_B];
    struct pdu_request request = read_two();
    (void) state;
    assert_int_equal(mbap_encode(&request, 5, adu), sizeof want);
    assert_memory_equal(adu, want, sizeof want);
}

static void a_write_request_has_the_bytes_of_the_specification(void **state)
{
    static const uint8_t many[] = {16, 0, 1, 0, 2, 4, 0, 10, 1, 2}, one[] = {6, 0, 1, 0, 3};
    uint16_t value[] = {10, 0x0102}, three = 3;
    uint8_t pdu[PDU_MAX_B];
    (void) state;
    assert_int_equal(pdu_encode(&(struct pdu_request){PDU_WRITE_MANY, 1, 1, 2, value}, pdu),
                     sizeof many);
    assert_memory_equal(pdu, many, sizeof many);
    assert_int_equal(pdu_encode(&(struct pdu_request){PDU_WRITE_ONE, 1, 1, 1, &three}, pdu),
                     sizeof one);
    assert_memory_equal(pdu, one, sizeof one);
}

static void an_answer_is_found_however_it_is_cut(void **state)
{
    (void) state;
    for (size_t cut = 0; cut < sizeof two_words; cut++) {
        struct wire wire = {.request = read_two()};
        memset(word, 0, sizeof word);
        arrive(&wire, two_words, cut);
        assert_int_equal(take(&wire, 5), MBAP_MORE);
        arrive(&wire, two_words + cut, sizeof two_words - cut);
        assert_int_equal(take(&wire, 5), MBAP_GOOD);
        assert_int_equal(word[0], 0x1234);
        assert_int_equal(word[1], 0xfffe);
        assert_int_equal(wire.input.used, 0);
    }
}

static void answers_to_earlier_requests_are_thrown_away_and_counted(void **state)
{
    static const uint8_t late[] = {0, 4, 0, 0, 0, 3, 17, 0x84, 6};
    struct wire wire = {.request = read_two()};
    (void) state;
    arrive(&wire, late, sizeof late);
    arrive(&wire, two_words, sizeof two_words);
    assert_int_equal(take(&wire, 5), MBAP_GOOD);
    assert_int_equal(wire.n_late, 1);
    assert_int_equal(word[0], 0x1234);
}

static void an_exception_is_told_from_garbage(void **state)
{
    static const uint8_t busy[] = {0, 5, 0, 0, 0, 3, 17, 0x84, 6},
                         unknown[] = {0, 5, 0, 0, 0, 3, 17, 0x84, 99};
    struct wire wire = {.request = read_two()};
    (void) state;
    arrive(&wire, busy, sizeof busy);
    assert_int_equal(take(&wire, 5), MBAP_EXCEPTION);
    assert_int_equal(wire.exception, 6);
    assert_string_equal(exception_text(6), "device busy");
    arrive(&wire, unknown, sizeof unknown);
    assert_int_equal(take(&wire, 5), MBAP_BAD);
}

static void what_contradicts_the_request_is_bad_and_changes_no_value(void **state)
{
    /* Place of a byte, and what it becomes: protocol, length, unit, function, byte count. */
    static const struct {
        unsigned at;
        uint8_t byte;
    } cases[] = {{2, 1}, {4, 9}, {5, 2}, {6, 18}, {7, 3}, {8, 2}, {8, 6}};
    (void) state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire wire = {.request = read_two()};
        uint8_t frame[sizeof two_words];
        memcpy(frame, two_words, sizeof frame);
        frame[cases[i].at] = cases[i].byte;
        word[0] = word[1] = 7;
        arrive(&wire, frame, sizeof frame);
        assert_int_equal(take(&wire, 5), MBAP_BAD);
        assert_int_equal(word[0], 7);
        assert_int_equal(word[1], 7);
    }
}

static void a_write_is_confirmed_only_by_its_own_address_and_number(void **state)
{
    static const uint8_t good[] = {16, 0, 1, 0, 2}, other[] = {16, 0, 2, 0, 2},
                         fewer[] = {16, 0, 1, 0, 1};
    uint16_t value[] = {1, 2};
    struct pdu_request request = {PDU_WRITE_MANY, 1, 1, 2, value};
    unsigned exception;
    (void) state;
    assert_int_equal(pdu_decode(&request, good, sizeof good, &exception), PDU_GOOD);
    assert_int_equal(pdu_decode(&request, other, sizeof other, &exception), PDU_BAD);
    assert_int_equal(pdu_decode(&request, fewer, sizeof fewer, &exception), PDU_BAD);
    assert_int_equal(pdu_decode(&request, good, 4, &exception), PDU_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_request_has_the_bytes_of_the_specification),
        cmocka_unit_test(a_write_request_has_the_bytes_of_the_specification),
        cmocka_unit_test(an_answer_is_found_however_it_is_cut),
        cmocka_unit_test(answers_to_earlier_requests_are_thrown_away_and_counted),
        cmocka_unit_test(an_exception_is_told_from_garbage),
        cmocka_unit_test(what_contradicts_the_request_is_bad_and_changes_no_value),
        cmocka_unit_test(a_write_is_confirmed_only_by_its_own_address_and_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
