#include "bench/ring/bpm_encode.h"

#include <endian.h>
#include <string.h>

static void put_16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    memcpy(at, &value, sizeof value);
}

static void put_32(uint8_t *at, int32_t value)
{
    uint32_t little = htole32((uint32_t) value);

    memcpy(at, &little, sizeof little);
}

static void put_big(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static size_t grouping(uint32_t counter, const struct bpm_word *word, size_t n, bool older,
                       uint8_t *byte)
{
    enum { LOCK = 1, VALID = 1 << 11 };

    for (size_t i = 0; i < n; i++) {
        uint8_t *record = byte + 16 * i;
        uint16_t status = (uint16_t) (word[i].id << 2 | LOCK | (word[i].valid ? VALID : 0));

        put_32(record, word[i].sum);
        put_32(record + 4, word[i].x_nm);
        put_32(record + 8, word[i].y_nm);
        put_16(record + (older ? 14 : 12), status);
        put_16(record + (older ? 12 : 14), (uint16_t) counter);
    }
    return 16 * n;
}

static size_t spark(uint32_t counter, const struct bpm_word *word, uint8_t *byte)
{
    memset(byte, 0, 64);
    put_32(byte + 16, word->sum);
    put_32(byte + 24, word->x_nm);
    put_32(byte + 28, word->y_nm);
    put_32(byte + 32, (int32_t) counter);
    return 64;
}

static size_t concentrator(uint32_t counter, const struct bpm_word *word, size_t n,
                           uint8_t *byte)
{
    memset(byte, 0, 64);
    for (size_t i = 0; i < n; i++) {
        put_32(byte + 4 * word[i].id, word[i].x_nm);
        put_32(byte + 28 + 4 * word[i].id, word[i].y_nm);
    }
    put_32(byte + 60, (int32_t) counter);
    return 64;
}

static size_t controller(uint32_t counter, const struct bpm_word *word, size_t n, uint8_t *byte)
{
    enum { TIME_FRAME_START = 1 << 15 };

    for (size_t i = 0; i < n; i++) {
        uint8_t *record = byte + 16 * i;

        put_big(record, counter << 16 | TIME_FRAME_START | word[i].id);
        put_big(record + 4, (uint32_t) word[i].x_nm);
        put_big(record + 8, (uint32_t) word[i].y_nm);
        put_big(record + 12, counter);
    }
    return 16 * n;
}

size_t bpm_encode(enum bpm_format format, uint32_t counter, const struct bpm_word *word,
                  size_t n, uint8_t byte[BPM_DATAGRAM_MAX_B])
{
    switch (format) {
    case BPM_LIBERA_GROUPING:
    case BPM_LIBERA_GROUPING_COUNTER:
        return grouping(counter, word, n, format == BPM_LIBERA_GROUPING_COUNTER, byte);
    case BPM_LIBERA_SPARK:
        return spark(counter, word, byte);
    case BPM_HZB_CONCENTRATOR:
        return concentrator(counter, word, n, byte);
    case BPM_DIAMOND_CC:
    case BPM_FORMAT_COUNT:
        break;
    }
    return controller(counter, word, n, byte);
}
