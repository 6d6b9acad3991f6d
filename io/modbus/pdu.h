/* Modbus requests and replies as bytes, and their framing on TCP. Pure: no input or output.
 *
 * Of the protocol (MODBUS Application Protocol V1.1b3) only registers are used: functions 3
 * and 4 (read), 6 and 16 (write). On TCP seven bytes are in front: transaction id, protocol
 * 0, length of what follows, unit id; everything big-endian.
 */
#ifndef ORBIT_IO_MODBUS_PDU_H
#define ORBIT_IO_MODBUS_PDU_H

#include <stddef.h>
#include <stdint.h>

enum {
    PDU_MAX_B = 253,
    PDU_MAX_READ = 125, /* registers of one request */
    PDU_MAX_WRITE = 123,
    MBAP_B = 7,
    ADU_MAX_B = MBAP_B + PDU_MAX_B,
    EXCEPTION_FIRST = 1,
    EXCEPTION_LAST = 11
};

enum pdu_function {
    PDU_READ_HOLDING = 3,
    PDU_READ_INPUT = 4,
    PDU_WRITE_ONE = 6,
    PDU_WRITE_MANY = 16
};

struct pdu_request {
    enum pdu_function function;
    uint8_t unit;
    uint16_t address; /* of the first register, from 0 */
    uint16_t n;       /* registers: 1 to PDU_MAX_READ, 1 to PDU_MAX_WRITE, or 1 */
    uint16_t *word;   /* [n]: where a read puts them, what a write sends */
};

enum pdu_verdict {
    PDU_GOOD,
    PDU_EXCEPTION, /* the device refuses: *exception says why */
    PDU_BAD        /* not an answer to this request */
};

/* Request as bytes; returns their number. */
size_t pdu_encode(const struct pdu_request *request, uint8_t pdu[PDU_MAX_B]);

/* Judges an answer of `size` bytes to `request`, and puts what was read into request->word
 * (which stays as it was unless PDU_GOOD). */
enum pdu_verdict pdu_decode(const struct pdu_request *request, const uint8_t *pdu, size_t size,
                            unsigned *exception);

/* ---- TCP ---- */

/* Request with its header; returns the number of bytes. */
size_t mbap_encode(const struct pdu_request *request, uint16_t transaction,
                   uint8_t adu[ADU_MAX_B]);

/* Bytes that came and are not looked at yet. Zeroed: none. */
struct mbap_input {
    size_t used;
    uint8_t byte[2 * ADU_MAX_B];
};

enum mbap_verdict {
    MBAP_MORE,      /* the answer is not there yet */
    MBAP_GOOD,      /* request->word is filled, or the write is confirmed */
    MBAP_EXCEPTION, /* *exception */
    MBAP_BAD        /* what came is not Modbus, or contradicts the request */
};

/* Looks for the answer in what came and takes it out; complete frames of other transactions
 * (late answers) are thrown away and counted in *n_late. Everything after MBAP_BAD is
 * meaningless: the connection must be closed. */
enum mbap_verdict mbap_take(struct mbap_input *input, const struct pdu_request *request,
                            uint16_t transaction, unsigned *exception, uint64_t *n_late);

/* Words for an exception, e.g. "illegal data address"; never NULL. */
const char *exception_text(unsigned exception);

#endif
