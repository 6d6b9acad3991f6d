#include "io/modbus/pdu.h"

#include <string.h>

enum { EXCEPTION_FLAG = 0x80, LENGTH_MIN = 3, LENGTH_MAX = 1 + PDU_MAX_B };

static uint16_t get_word(const uint8_t *byte)
{
    return (uint16_t) (byte[0] << 8 | byte[1]);
}

static void put_word(uint8_t *byte, unsigned word)
{
    byte[0] = (uint8_t) (word >> 8);
    byte[1] = (uint8_t) word;
}

size_t pdu_encode(const struct pdu_request *request, uint8_t pdu[PDU_MAX_B])
{
    pdu[0] = (uint8_t) request->function;
    put_word(pdu + 1, request->address);
    if (request->function == PDU_WRITE_ONE) {
        put_word(pdu + 3, request->word[0]);
        return 5;
    }
    put_word(pdu + 3, request->n);
    if (request->function != PDU_WRITE_MANY) {
        return 5;
    }
    pdu[5] = (uint8_t) (2 * request->n);
    for (unsigned i = 0; i < request->n; i++) {
        put_word(pdu + 6 + 2 * i, request->word[i]);
    }
    return 6 + 2 * (size_t) request->n;
}

static enum pdu_verdict decode_read(const struct pdu_request *request, const uint8_t *pdu,
                                    size_t size)
{
    size_t n_byte = 2 * (size_t) request->n;
    if (size != 2 + n_byte || pdu[1] != n_byte) {
        return PDU_BAD;
    }
    for (unsigned i = 0; i < request->n; i++) {
        request->word[i] = get_word(pdu + 2 + 2 * i);
    }
    return PDU_GOOD;
}

/* Address and number, or address and value, come back as they were sent. */
static enum pdu_verdict decode_write(const struct pdu_request *request, const uint8_t *pdu,
                                     size_t size)
{
    uint16_t second = request->function == PDU_WRITE_ONE ? request->word[0] : request->n;
    return size == 5 && get_word(pdu + 1) == request->address && get_word(pdu + 3) == second
               ? PDU_GOOD
               : PDU_BAD;
}

enum pdu_verdict pdu_decode(const struct pdu_request *request, const uint8_t *pdu, size_t size,
                            unsigned *exception)
{
    if (size < 2) {
        return PDU_BAD;
    }
    if (pdu[0] == (request->function | EXCEPTION_FLAG)) {
        *exception = pdu[1];
        return size == 2 && pdu[1] >= EXCEPTION_FIRST && pdu[1] <= EXCEPTION_LAST
                   ? PDU_EXCEPTION
                   : PDU_BAD;
    }
    if (pdu[0] != request->function) {
        return PDU_BAD;
    }
    return request->function == PDU_READ_HOLDING || request->function == PDU_READ_INPUT
               ? decode_read(request, pdu, size)
               : decode_write(request, pdu, size);
}

/* ---- TCP ---- */

size_t mbap_encode(const struct pdu_request *request, uint16_t transaction,
                   uint8_t adu[ADU_MAX_B])
{
    size_t size = pdu_encode(request, adu + MBAP_B);
    put_word(adu, transaction);
    put_word(adu + 2, 0);
    put_word(adu + 4, (unsigned) size + 1);
    adu[6] = request->unit;
    return MBAP_B + size;
}

static enum mbap_verdict judge(const struct pdu_request *request, const uint8_t *adu,
                               size_t size, unsigned *exception)
{
    if (adu[6] != request->unit) {
        return MBAP_BAD;
    }
    switch (pdu_decode(request, adu + MBAP_B, size - MBAP_B, exception)) {
    case PDU_GOOD:
        return MBAP_GOOD;
    case PDU_EXCEPTION:
        return MBAP_EXCEPTION;
    default:
        return MBAP_BAD;
    }
}

static void drop(struct mbap_input *input, size_t size)
{
    input->used -= size;
    memmove(input->byte, input->byte + size, input->used);
}

enum mbap_verdict mbap_take(struct mbap_input *input, const struct pdu_request *request,
                            uint16_t transaction, unsigned *exception, uint64_t *n_late)
{
    while (input->used >= MBAP_B - 1) {
        size_t length = get_word(input->byte + 4), size = MBAP_B - 1 + length;
        if (get_word(input->byte + 2) != 0 || length < LENGTH_MIN || length > LENGTH_MAX) {
            return MBAP_BAD;
        }
        if (input->used < size) {
            return MBAP_MORE;
        }
        if (get_word(input->byte) == transaction) {
            enum mbap_verdict verdict = judge(request, input->byte, size, exception);
            drop(input, size);
            return verdict;
        }
        drop(input, size);
        ++*n_late;
    }
    return MBAP_MORE;
}

const char *exception_text(unsigned exception)
{
    static const char *const text[EXCEPTION_LAST + 1] = {
        [1] = "illegal function",
        [2] = "illegal data address",
        [3] = "illegal data value",
        [4] = "device failure",
        [5] = "acknowledged, not done yet",
        [6] = "device busy",
        [7] = "refused",
        [8] = "memory parity error",
        [10] = "gateway path unavailable",
        [11] = "device behind the gateway does not answer",
    };
    return exception <= EXCEPTION_LAST && text[exception] ? text[exception]
                                                          : "reserved exception";
}
