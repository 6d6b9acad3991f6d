/* Points of one link gathered into few requests: a request costs a round trip, a register
 * nothing. A value is never split between two requests, so that it cannot be torn. Pure. */
#ifndef ORBIT_IO_MODBUS_READ_PLAN_H
#define ORBIT_IO_MODBUS_READ_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "io/modbus/register_map.h"

struct read_group {
    uint8_t unit_id;
    enum register_table table;
    uint16_t address, n;   /* registers */
    size_t first, n_point; /* in read_plan.point */
};

struct read_plan {
    size_t n_point, n_group;
    uint64_t *point; /* [n_point]: points of the map, by unit, table and address */
    struct read_group *group;
};

/* RC_NOMEM. */
MUST_USE enum rc read_plan_make(struct read_plan *plan, const struct register_map *map,
                                uint64_t link);
void read_plan_free(struct read_plan *plan);

#endif
