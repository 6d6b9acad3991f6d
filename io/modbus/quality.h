/* Quality bits (enum quality) of a reading. */
#ifndef ORBIT_IO_MODBUS_QUALITY_H
#define ORBIT_IO_MODBUS_QUALITY_H

#include <stdint.h>

#include "io/modbus/register_map.h"
#include "rt/shm/layout.h"

static inline uint64_t quality_of_reading(enum reading_fault fault)
{
    static const uint64_t quality[READING_FAULT_COUNT] = {
        [READING_GOOD] = QUALITY_GOOD,          [READING_NO_LINK] = QUALITY_ABSENT,
        [READING_REFUSED] = QUALITY_INVALID,    [READING_SENTINEL] = QUALITY_INVALID,
        [READING_NOT_FINITE] = QUALITY_INVALID, [READING_RANGE] = QUALITY_RANGE,
        [READING_BITS] = QUALITY_INVALID};
    return quality[fault];
}

#endif
