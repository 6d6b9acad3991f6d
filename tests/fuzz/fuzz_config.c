/* Any bytes as a configuration and as a device table: faults with a text, or something that is
 * usable: a configuration that prints and reads back the same, a table whose names are found.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cfg.h"
#include "config/devices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* A fault is one printable line. */
static void look_at(const struct cfg_faults *faults)
{
    for (size_t i = 0; i < faults->count && i < CFG_MAX_FAULTS; i++) {
        const char *text = faults->text[i];

        must(text[0] != '\0' && strlen(text) < CFG_FAULT_SIZE);
    }
}

static void print_and_read(const struct cfg *cfg)
{
    static struct cfg_faults faults;
    static struct cfg again;
    char *text = NULL, live[64], start[64];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    must(out != NULL);
    cfg_print(out, cfg);
    fclose(out);
    must(cfg_parse(&again, text, size, "/printed", &faults) == RC_OK);
    must(!cfg_differences(cfg, &again, live, sizeof live, start, sizeof start));
    free(text);
}

static void as_configuration(const uint8_t *data, size_t size)
{
    static struct cfg_faults faults;
    static struct cfg cfg;
    enum rc rc = cfg_parse(&cfg, data, size, "/input", &faults);

    must((rc == RC_OK) == (faults.count == 0));
    look_at(&faults);
    if (rc == RC_OK)
        print_and_read(&cfg);
}

static void as_devices(const uint8_t *data, size_t size)
{
    static struct cfg_faults faults;
    struct devices devices;
    enum rc rc;

    faults.count = 0;
    rc = devices_parse(&devices, data, size, "/input", &faults);
    must((rc == RC_OK) == (faults.count == 0));
    look_at(&faults);
    for (uint64_t i = 0; i < devices.n_bpm; i++)
        must(devices_find_bpm(&devices, devices.bpm[i].name) == (int) i);
    for (uint64_t i = 0; i < devices.n_h + devices.n_v; i++)
        must(devices.corrector[i].plane == (i < devices.n_h ? PLANE_H : PLANE_V));
    devices_free(&devices);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_configuration(data, size);
    as_devices(data, size);
    return 0;
}
