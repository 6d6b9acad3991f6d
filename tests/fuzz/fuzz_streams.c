/* Any bytes as the file of streams: faults with a text, or entries that name what is there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char table[] =
    "{\"format\": \"orbitd-devices-1\", \"machine\": \"T\", \"energy_gev\": 1.7,"
    "\"bpms\": [{\"name\": \"B1\", \"pv_x\": \"X\", \"pv_y\": \"Y\", \"unit\": \"nm\"}],"
    "\"correctors\": [{\"name\": \"H1\", \"plane\": \"h\", \"element\": \"E\","
    " \"rad_per_a\": 1e-3, \"limit_a\": 10}]}";

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cfg_faults faults;
    struct devices devices;
    struct streams streams;
    enum rc rc;

    faults.count = 0;
    must(devices_parse(&devices, table, strlen(table), "table", &faults) == RC_OK);
    rc = streams_parse(&streams, data, size, "input", &devices, &faults);
    must((rc == RC_OK) == (faults.count == 0));
    for (uint64_t i = 0; i < streams.n_bpm; i++)
        must(streams.bpm[i].input < streams.n_input && streams.bpm[i].device == 0);
    for (uint64_t i = 0; i < streams.n_supply; i++)
        must(streams.supply[i].index < streams.n_output && streams.supply[i].column == 0);
    streams_free(&streams);
    devices_free(&devices);
    return 0;
}
