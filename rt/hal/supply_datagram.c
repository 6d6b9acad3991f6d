#include "rt/hal/supply_datagram.h"

#include <math.h>
#include <string.h>

enum {
    ORBITD_ORDER = 0x5053424f,  /* "OBSP" */
    ORBITD_ANSWER = 0x4252424f, /* "OBRB" */
    ORBITD_VERSION = 1,
    ORBITD_ORDER_HEAD_B = 56,
    ORBITD_ORDER_B = 8,
    ORBITD_ANSWER_HEAD_B = 32,
    ORBITD_ANSWER_B = 12,
    ORBITD_READY = 1,
    ALSU_MAGIC = 0x7631,
    ALSU_SET = 0,
    ALSU_CURRENT = 1,
    ALSU_HEAD_B = 12,
    ALSU_B = 6
};

/* ---- numbers ---- */

static RT_SAFE void put_little(uint8_t *byte, unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < n; i++)
        byte[i] = (uint8_t) (value >> 8 * i);
}

static RT_SAFE void put_big(uint8_t *byte, unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < n; i++)
        byte[n - 1 - i] = (uint8_t) (value >> 8 * i);
}

static RT_SAFE uint64_t get_little(const uint8_t *byte, unsigned n)
{
    uint64_t value = 0;

    for (unsigned i = n; i-- > 0;)
        value = value << 8 | byte[i];
    return value;
}

static RT_SAFE uint64_t get_big(const uint8_t *byte, unsigned n)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value = value << 8 | byte[i];
    return value;
}

static RT_SAFE uint32_t bits_of(float number)
{
    uint32_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* false: NaN or infinite. */
static RT_SAFE bool take_float(uint64_t bits, float *number)
{
    uint32_t narrow = (uint32_t) bits;

    memcpy(number, &narrow, sizeof *number);
    return isfinite(*number);
}

/* ---- our own form ---- */

static RT_SAFE size_t encode_orbitd(const struct supply_order *order, uint8_t *byte)
{
    put_little(byte, 4, ORBITD_ORDER);
    put_little(byte + 4, 2, ORBITD_VERSION);
    put_little(byte + 6, 2, order->n);
    put_little(byte + 8, 4, order->device);
    put_little(byte + 12, 4, order->state);
    put_little(byte + 16, 8, order->run_id);
    put_little(byte + 24, 8, order->arm_id);
    put_little(byte + 32, 8, order->cycle);
    put_little(byte + 40, 8, order->life);
    put_little(byte + 48, 4, order->valid_us);
    put_little(byte + 52, 4, order->active);
    for (size_t i = 0; i < order->n; i++) {
        uint8_t *record = byte + ORBITD_ORDER_HEAD_B + i * ORBITD_ORDER_B;

        put_little(record, 4, order->setpoint[i].supply);
        put_little(record + 4, 4, bits_of(order->setpoint[i].a));
    }
    return ORBITD_ORDER_HEAD_B + order->n * ORBITD_ORDER_B;
}

static RT_SAFE enum supply_verdict decode_orbitd(const uint8_t *byte, size_t size_b,
                                                 struct supply_answer *answer)
{
    if (size_b < ORBITD_ANSWER_HEAD_B)
        return SUPPLY_SIZE;
    if (get_little(byte, 4) != ORBITD_ANSWER || get_little(byte + 4, 2) != ORBITD_VERSION)
        return SUPPLY_CONTENT;
    answer->n = get_little(byte + 6, 2);
    if (answer->n > SUPPLY_MAX || size_b != ORBITD_ANSWER_HEAD_B + answer->n * ORBITD_ANSWER_B)
        return SUPPLY_SIZE;
    answer->device = (uint32_t) get_little(byte + 8, 4);
    answer->cycle = get_little(byte + 16, 8);
    answer->has_set = answer->has_current = true;
    for (size_t i = 0; i < answer->n; i++) {
        const uint8_t *record = byte + ORBITD_ANSWER_HEAD_B + i * ORBITD_ANSWER_B;
        struct supply_reading *reading = &answer->reading[i];

        reading->supply = (uint16_t) get_little(record, 2);
        reading->ready = get_little(record + 2, 2) & ORBITD_READY;
        if (!take_float(get_little(record + 4, 4), &reading->set_a) ||
            !take_float(get_little(record + 8, 4), &reading->current_a))
            return SUPPLY_CONTENT;
    }
    return SUPPLY_GOOD;
}

/* ---- ALS-U ---- */

static RT_SAFE size_t encode_alsu(const struct supply_order *order, uint8_t *byte)
{
    if (!order->active)
        return 0;
    put_big(byte, 2, ALSU_MAGIC);
    put_big(byte + 2, 2, ALSU_SET);
    put_big(byte + 4, 8, order->cycle);
    for (size_t i = 0; i < order->n; i++) {
        uint8_t *record = byte + ALSU_HEAD_B + i * ALSU_B;

        put_big(record, 2, order->setpoint[i].supply);
        put_big(record + 2, 4, bits_of(order->setpoint[i].a));
    }
    return ALSU_HEAD_B + order->n * ALSU_B;
}

static RT_SAFE enum supply_verdict decode_alsu(const uint8_t *byte, size_t size_b,
                                               struct supply_answer *answer)
{
    uint64_t command;

    if (size_b < ALSU_HEAD_B || (size_b - ALSU_HEAD_B) % ALSU_B ||
        (size_b - ALSU_HEAD_B) / ALSU_B > SUPPLY_MAX)
        return SUPPLY_SIZE;
    command = get_big(byte + 2, 2);
    if (get_big(byte, 2) != ALSU_MAGIC || (command != ALSU_SET && command != ALSU_CURRENT))
        return SUPPLY_CONTENT;
    answer->n = (size_b - ALSU_HEAD_B) / ALSU_B;
    answer->device = 0;
    answer->cycle = get_big(byte + 4, 8);
    answer->has_set = command == ALSU_SET;
    answer->has_current = command == ALSU_CURRENT;
    for (size_t i = 0; i < answer->n; i++) {
        const uint8_t *record = byte + ALSU_HEAD_B + i * ALSU_B;
        struct supply_reading *reading = &answer->reading[i];

        reading->supply = (uint16_t) get_big(record, 2);
        reading->ready = true;
        if (!take_float(get_big(record + 2, 4), &reading->set_a))
            return SUPPLY_CONTENT;
        reading->current_a = reading->set_a;
    }
    return SUPPLY_GOOD;
}

size_t supply_encode(enum supply_format format, const struct supply_order *order,
                     uint8_t byte[SUPPLY_DATAGRAM_B])
{
    return format == SUPPLY_ALSU ? encode_alsu(order, byte) : encode_orbitd(order, byte);
}

enum supply_verdict supply_decode(enum supply_format format, const uint8_t *byte, size_t size_b,
                                  struct supply_answer *answer)
{
    return format == SUPPLY_ALSU ? decode_alsu(byte, size_b, answer)
                                 : decode_orbitd(byte, size_b, answer);
}
