#include "io/modbus/register_value.h"

#include <math.h>
#include <string.h>

static const unsigned words_of[REGISTER_TYPE_COUNT] = {
    [REGISTER_INT16] = 1,    [REGISTER_UINT16] = 1,  [REGISTER_INT32] = 2,
    [REGISTER_UINT32] = 2,   [REGISTER_FLOAT32] = 2, [REGISTER_FLOAT64] = 4,
    [REGISTER_BITFIELD] = 1,
};

unsigned register_words(enum register_type type)
{
    return words_of[type];
}

static uint16_t exchange(enum register_order order, uint16_t word)
{
    bool bytes = order == ORDER_BADC || order == ORDER_DCBA;

    return bytes ? __builtin_bswap16(word) : word;
}

/* Place of the i-th most significant word. */
static unsigned place(enum register_order order, unsigned n, unsigned i)
{
    bool words = order == ORDER_CDAB || order == ORDER_DCBA;
    return words ? n - 1 - i : i;
}

uint64_t register_bits(enum register_type type, enum register_order order, const uint16_t *word)
{
    unsigned n = words_of[type];
    uint64_t bits = 0;
    for (unsigned i = 0; i < n; i++) {
        bits = bits << 16 | exchange(order, word[place(order, n, i)]);
    }
    return bits;
}

static double float32_of(uint64_t bits)
{
    uint32_t narrow = (uint32_t) bits;
    float number;
    memcpy(&number, &narrow, sizeof number);
    return (double) number;
}

double register_number(enum register_type type, uint64_t bits)
{
    double number;
    switch (type) {
    case REGISTER_INT16:
        return (double) (int16_t) bits;
    case REGISTER_INT32:
        return (double) (int32_t) bits;
    case REGISTER_FLOAT32:
        return float32_of(bits);
    case REGISTER_FLOAT64:
        memcpy(&number, &bits, sizeof number);
        return number;
    default:
        return (double) bits;
    }
}

/* Range of an integer type; false for the others. */
static bool integer_range(enum register_type type, double *low, double *high)
{
    static const double range[REGISTER_TYPE_COUNT][2] = {
        [REGISTER_INT16] = {-32768, 32767},
        [REGISTER_UINT16] = {0, 65535},
        [REGISTER_INT32] = {-2147483648.0, 2147483647.0},
        [REGISTER_UINT32] = {0, 4294967295.0},
        [REGISTER_BITFIELD] = {0, 65535},
    };
    *low = range[type][0];
    *high = range[type][1];
    return *high > 0;
}

static bool bits_of(enum register_type type, double number, uint64_t *bits)
{
    double low, high, whole = round(number);
    if (integer_range(type, &low, &high)) {
        bool fits = whole >= low && whole <= high;
        *bits = fits ? (uint64_t) (int64_t) whole : 0;
        return fits;
    }
    if (type == REGISTER_FLOAT64) {
        memcpy(bits, &number, sizeof number);
        return isfinite(number);
    }
    float narrow = (float) number;
    uint32_t narrow_bits;
    memcpy(&narrow_bits, &narrow, sizeof narrow);
    *bits = narrow_bits;
    return isfinite(narrow);
}

bool register_encode(enum register_type type, enum register_order order, double number,
                     uint16_t *word)
{
    unsigned n = words_of[type];
    uint64_t bits;
    if (!bits_of(type, number, &bits)) {
        return false;
    }
    for (unsigned i = n; i-- > 0; bits >>= 16) {
        word[place(order, n, i)] = exchange(order, (uint16_t) bits);
    }
    return true;
}

double register_step(enum register_type type, double number)
{
    if (type == REGISTER_FLOAT64) {
        return nextafter(fabs(number), INFINITY) - fabs(number);
    }
    if (type == REGISTER_FLOAT32) {
        float narrow = fabsf((float) number);
        return (double) (nextafterf(narrow, INFINITY) - narrow);
    }
    return 1;
}
