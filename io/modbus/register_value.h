/* Numbers in registers: types and the orders in which devices put their bytes.
 *
 * With A the most significant byte of a 32-bit value, the registers hold
 *
 *   ABCD  [AB][CD]  as the protocol means it     CDAB  [CD][AB]  words exchanged
 *   BADC  [BA][DC]  bytes exchanged              DCBA  [DC][BA]  both
 *
 * and alike with four registers; in a single register only the exchange of bytes is left. Pure.
 */
#ifndef ORBIT_IO_MODBUS_REGISTER_VALUE_H
#define ORBIT_IO_MODBUS_REGISTER_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum register_type {
    REGISTER_INT16,
    REGISTER_UINT16,
    REGISTER_INT32,
    REGISTER_UINT32,
    REGISTER_FLOAT32,
    REGISTER_FLOAT64,
    REGISTER_BITFIELD, /* 16 bits */
    REGISTER_TYPE_COUNT
};

enum register_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

enum { REGISTER_MAX_WORDS = 4 };

/* Registers that a value takes: 1, 2 or 4. */
unsigned register_words(enum register_type type);

/* Bits of word [register_words()], most significant byte first. */
uint64_t register_bits(enum register_type type, enum register_order order,
                       const uint16_t *word);

/* Bits as a number; float32 and float64 may be NaN or infinite. A bitfield is its number. */
double register_number(enum register_type type, uint64_t bits);

/* Number into word [register_words()], integers rounded. false: it does not fit, nothing is
 * written. */
bool register_encode(enum register_type type, enum register_order order, double number,
                     uint16_t *word);

/* Distance of neighbouring numbers at `number`: 1 for integers. */
double register_step(enum register_type type, double number);

#endif
