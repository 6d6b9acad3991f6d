/* Any bytes as a register map: faults with a text, or a map whose reads stay within what may be
 * asked for and whose points can be read from any words. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/modbus/pdu.h"
#include "io/modbus/read_plan.h"
#include "io/modbus/register_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char table[] =
    "{\"format\": \"orbitd-devices-1\", \"machine\": \"T\", \"energy_gev\": 1.7,"
    "\"bpms\": [{\"name\": \"B1\", \"pv_x\": \"X\", \"pv_y\": \"Y\", \"unit\": \"nm\"}],"
    "\"correctors\": [{\"name\": \"H1\", \"plane\": \"h\", \"element\": \"E\","
    " \"rad_per_a\": 1e-3, \"limit_a\": 10}]}";

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

static void read_everything(const struct register_map *map)
{
    const uint16_t word[REGISTER_MAX_WORDS] = {0x7fc0, 0xffff, 0x8000, 1};
    for (uint64_t i = 0; i < map->n_point; i++) {
        enum reading_fault fault;
        uint16_t back[REGISTER_MAX_WORDS];
        double si = map_point_read(&map->point[i], word, &fault);
        must(isfinite(si) && fault < READING_FAULT_COUNT);
        (void) map_point_encode(&map->point[i], si, back);
    }
}

static void plan_everything(const struct register_map *map)
{
    for (uint64_t l = 0; l < map->n_link; l++) {
        struct read_plan plan;
        must(read_plan_make(&plan, map, l) == RC_OK);
        for (size_t g = 0; g < plan.n_group; g++) {
            const struct read_group *group = &plan.group[g];
            must(group->n >= 1 && group->n <= PDU_MAX_READ);
            must(group->address + group->n <= 65536);
        }
        read_plan_free(&plan);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cfg_faults faults;
    struct devices devices;
    struct register_map map;
    faults.count = 0;
    must(devices_parse(&devices, table, strlen(table), "table", &faults) == RC_OK);
    enum rc rc = register_map_parse(&map, data, size, "input", &devices, &faults);
    must((rc == RC_OK) == (faults.count == 0));
    if (rc == RC_OK) {
        read_everything(&map);
        plan_everything(&map);
        register_map_free(&map);
    }
    devices_free(&devices);
    return 0;
}
