/* Any bytes as a file of this format: an error with a text, or a ring that can be written. */
#include <stdint.h>
#include <stdlib.h>

#include "model/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_back(const struct lattice *ring)
{
    char *text = NULL;
    size_t size = 0;

    if (export_lattice_json(ring, &text, &size) != RC_OK || !size)
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct import_source source = {.name = "input",
                                         .text = (const char *) data,
                                         .size = size,
                                         .format = IMPORT_MADX,
                                         .energy_gev = 1};
    struct import_report report = {.n_line = 0};
    struct lattice *ring = NULL;

    if (import_parse(&ring, &source, &report) == RC_OK)
        write_back(ring);
    else if (ring || !err_text()[0])
        abort();
    lattice_destroy(ring);
    import_report_free(&report);
    return 0;
}
