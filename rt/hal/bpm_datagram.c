#include "rt/hal/bpm_datagram.h"

#include <stdbool.h>

#include "rt/shm/layout.h"

enum { RECORD_B = 16, FIXED_B = 64 };

/* Libera Grouping's status word. */
enum {
    LIBERA_LOCK = 1 << 0,
    LIBERA_ID_SHIFT = 2,
    LIBERA_ID_MASK = 0xff,
    LIBERA_VALID = 1 << 11,
    LIBERA_OVERFLOW = 1 << 14
};

/* Byte by byte, so that neither alignment nor the machine's order matters; compilers make one
 * load of it. */
static RT_SAFE uint16_t little_16(const uint8_t *byte)
{
    return (uint16_t) (byte[0] | byte[1] << 8);
}

static RT_SAFE uint32_t little_32(const uint8_t *byte)
{
    return (uint32_t) little_16(byte) | (uint32_t) little_16(byte + 2) << 16;
}

static RT_SAFE uint32_t big_32(const uint8_t *byte)
{
    return (uint32_t) byte[0] << 24 | (uint32_t) byte[1] << 16 | (uint32_t) byte[2] << 8 |
           byte[3];
}

/* No flag says that it is valid: nothing at all is what a silent BPM sends. */
static RT_SAFE uint64_t quality_without_flag(int32_t x_nm, int32_t y_nm)
{
    return (x_nm | y_nm) == 0 ? QUALITY_INVALID : QUALITY_GOOD;
}

static RT_SAFE uint64_t libera_quality(uint16_t status)
{
    bool valid = (status & LIBERA_VALID) && (status & LIBERA_LOCK);

    return (valid ? QUALITY_GOOD : QUALITY_INVALID) |
           (status & LIBERA_OVERFLOW ? QUALITY_RANGE : QUALITY_GOOD);
}

static RT_SAFE enum bpm_verdict decode_grouping(const uint8_t *byte, size_t size_b,
                                                unsigned status_at, struct bpm_datagram *out)
{
    unsigned counter_at = 26 - status_at; /* one is at 12, the other at 14 */

    if (size_b == 0 || size_b % RECORD_B || size_b > DATAGRAM_MAX_SAMPLE * RECORD_B)
        return BPM_SIZE;
    out->counter = little_16(byte + counter_at);
    for (size_t at = 0; at < size_b; at += RECORD_B) {
        const uint8_t *record = byte + at;
        uint16_t status = little_16(record + status_at);

        if (little_16(record + counter_at) != out->counter) {
            out->n_bad++;
            continue;
        }
        out->sample[out->n++] =
            (struct bpm_sample){.id = status >> LIBERA_ID_SHIFT & LIBERA_ID_MASK,
                                .x_nm = (int32_t) little_32(record + 4),
                                .y_nm = (int32_t) little_32(record + 8),
                                .sum = (int32_t) little_32(record),
                                .quality = libera_quality(status)};
    }
    return BPM_GOOD;
}

/* int32: vA vB vC vD Sum Q X Y, time low, time high, five reserved, status. */
static RT_SAFE enum bpm_verdict decode_spark(const uint8_t *byte, size_t size_b,
                                             struct bpm_datagram *out)
{
    struct bpm_sample *sample = &out->sample[0];

    if (size_b != FIXED_B)
        return BPM_SIZE;
    *sample = (struct bpm_sample){.sum = (int32_t) little_32(byte + 16),
                                  .x_nm = (int32_t) little_32(byte + 24),
                                  .y_nm = (int32_t) little_32(byte + 28)};
    sample->quality = quality_without_flag(sample->x_nm, sample->y_nm) |
                      (sample->sum > 0 ? QUALITY_GOOD : QUALITY_INVALID);
    out->counter = little_32(byte + 32);
    out->n = 1;
    return BPM_GOOD;
}

/* int32: X of seven, Y of seven, time low, sequence. */
static RT_SAFE enum bpm_verdict decode_hzb(const uint8_t *byte, size_t size_b,
                                           struct bpm_datagram *out)
{
    if (size_b != FIXED_B)
        return BPM_SIZE;
    for (unsigned i = 0; i < HZB_BPMS; i++) {
        struct bpm_sample *sample = &out->sample[i];

        *sample = (struct bpm_sample){
            .id = i,
            .x_nm = (int32_t) little_32(byte + 4 * i),
            .y_nm = (int32_t) little_32(byte + 4 * (HZB_BPMS + i)),
        };
        sample->quality = quality_without_flag(sample->x_nm, sample->y_nm);
    }
    out->counter = little_32(byte + 60);
    out->n = HZB_BPMS;
    return BPM_GOOD;
}

/* The header repeats the counter's low half, and has bits that are always zero. */
static RT_SAFE bool cc_is_sound(const uint8_t *record)
{
    uint32_t header = big_32(record), counter = big_32(record + 12);

    return header >> 16 == (counter & 0xffff) && (header & 0x7c00) == 0;
}

/* Big-endian words: header, X, Y, counter. */
static RT_SAFE enum bpm_verdict decode_cc(const uint8_t *byte, size_t size_b,
                                          struct bpm_datagram *out)
{
    if (size_b == 0 || size_b % RECORD_B || size_b > DATAGRAM_MAX_SAMPLE * RECORD_B)
        return BPM_SIZE;
    for (size_t at = 0; at < size_b; at += RECORD_B) {
        const uint8_t *record = byte + at;
        struct bpm_sample *sample = &out->sample[out->n];
        uint32_t counter = big_32(record + 12);

        if (!cc_is_sound(record) || (out->n && counter != out->counter)) {
            out->n_bad++;
            continue;
        }
        *sample = (struct bpm_sample){.id = big_32(record) & 0x3ff,
                                      .x_nm = (int32_t) big_32(record + 4),
                                      .y_nm = (int32_t) big_32(record + 8)};
        sample->quality = quality_without_flag(sample->x_nm, sample->y_nm);
        out->counter = counter;
        out->n++;
    }
    return out->n ? BPM_GOOD : BPM_CONTENT;
}

enum bpm_verdict bpm_decode(enum bpm_format format, const uint8_t *byte, size_t size_b,
                            struct bpm_datagram *out)
{
    out->n = 0;
    out->n_bad = 0;
    switch (format) {
    case BPM_LIBERA_GROUPING:
        return decode_grouping(byte, size_b, 12, out);
    case BPM_LIBERA_GROUPING_COUNTER:
        return decode_grouping(byte, size_b, 14, out);
    case BPM_LIBERA_SPARK:
        return decode_spark(byte, size_b, out);
    case BPM_HZB_CONCENTRATOR:
        return decode_hzb(byte, size_b, out);
    case BPM_DIAMOND_CC:
        return decode_cc(byte, size_b, out);
    case BPM_FORMAT_COUNT:
        break;
    }
    return BPM_SIZE;
}

unsigned bpm_counter_bits(enum bpm_format format)
{
    bool short_one = format == BPM_LIBERA_GROUPING || format == BPM_LIBERA_GROUPING_COUNTER;

    return short_one ? 16 : 32;
}
