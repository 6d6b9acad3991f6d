/* Any bytes as the answer of a power supply, the first byte choosing the form: refused, or
 * readings that are all finite and no more than fit. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "rt/hal/supply_datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct supply_answer answer;
    enum supply_format format;

    if (size == 0)
        return 0;
    format = data[0] % SUPPLY_FORMAT_COUNT;
    if (supply_decode(format, data + 1, size - 1, &answer) != SUPPLY_GOOD)
        return 0;
    must(answer.n <= SUPPLY_MAX && (answer.has_set || answer.has_current));
    for (size_t i = 0; i < answer.n; i++)
        must(isfinite(answer.reading[i].set_a) && isfinite(answer.reading[i].current_a));
    return 0;
}
