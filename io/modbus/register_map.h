/* Where in which device what is found: the file fieldbus.map, orbit-fieldbus(8).
 *
 * YAML or JSON with two lists. Links are connections, points bind one value of the machine
 * ("BPM01.x", "HS1.set") to registers. Values come out in SI: m for BPMs, A for correctors and
 * the stored current, Hz for the RF. Every fault is reported with its line.
 */
#ifndef ORBIT_IO_MODBUS_REGISTER_MAP_H
#define ORBIT_IO_MODBUS_REGISTER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/devices.h"
#include "config/entry.h"
#include "io/modbus/register_value.h"

enum {
    MAP_NAME_SIZE = 48,
    MAP_ADDRESS_SIZE = 128,
    MAP_MAX_LINK = 64,
    MAP_MAX_POINT = 8192,
    MAP_MAX_SENTINEL = 4
};

struct map_link {
    char name[ENTRY_NAME_SIZE];
    char tcp[MAP_ADDRESS_SIZE]; /* "address:port", or empty */
    char rtu[MAP_ADDRESS_SIZE]; /* device of a serial line, or empty */
    int64_t baud, stop_bits, unit_id;
    int parity; /* 'N', 'E' or 'O' */
    double rate_hz, timeout_ms;
    int64_t gap;      /* unused registers that may be read along */
    int64_t max_read; /* registers of one request */
};

enum register_table { TABLE_HOLDING, TABLE_INPUT };

enum map_quantity {
    QUANTITY_X,
    QUANTITY_Y,
    QUANTITY_BPM_VALID,
    QUANTITY_SET,
    QUANTITY_READBACK,
    QUANTITY_CORRECTOR_VALID,
    QUANTITY_RF_SET,
    QUANTITY_RF_READBACK,
    QUANTITY_CURRENT,
    QUANTITY_COUNT
};

struct map_point {
    char name[MAP_NAME_SIZE];
    enum map_quantity quantity;
    uint64_t device; /* BPM or corrector */
    uint64_t link;
    uint8_t unit_id;
    enum register_table table;
    uint16_t address; /* of the first register, from 0 */
    enum register_type type;
    enum register_order order;
    /* SI = (number scale + offset) si_per_unit */
    double scale, offset, si_per_unit;
    double min, max; /* SI */
    double sentinel[MAP_MAX_SENTINEL];
    unsigned n_sentinel;
    uint64_t mask, equals; /* bitfield: good if (bits & mask) == equals */
    bool write;
};

struct register_map {
    uint64_t n_link, n_point;
    struct map_link *link;
    struct map_point *point;
};

/* Reads a map. RC_INPUT with every fault in *faults and the first as text; RC_NOMEM. *map is
 * empty on failure. */
MUST_USE enum rc register_map_load(struct register_map *map, const char *path,
                                   const struct devices *devices, struct cfg_faults *faults);
MUST_USE enum rc register_map_parse(struct register_map *map, const void *text, size_t size_b,
                                    const char *path, const struct devices *devices,
                                    struct cfg_faults *faults);
void register_map_free(struct register_map *map);

enum reading_fault {
    READING_GOOD,
    READING_NO_LINK,  /* not connected, or not read yet */
    READING_REFUSED,  /* the device answered with an exception */
    READING_SENTINEL, /* the device's own word for "bad" */
    READING_NOT_FINITE,
    READING_RANGE, /* outside min and max */
    READING_BITS,  /* status bits say that it is not valid */
    READING_FAULT_COUNT
};

/* Value in SI from word [register_words()]; 0 unless finite. */
double map_point_read(const struct map_point *point, const uint16_t *word,
                      enum reading_fault *fault);

/* SI into word [register_words()]. false: it does not fit. */
bool map_point_encode(const struct map_point *point, double si, uint16_t *word);

/* What one step of the register is in SI, at `si`. */
double map_point_step(const struct map_point *point, double si);

#endif
