/* Any bytes as a table of magnets: an error with a text, or a table whose currents can be set.
 */
#include <stdint.h>
#include <stdlib.h>

#include "model/magnets/magnets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_links(const struct magnets *magnets)
{
    double *input = calloc(magnets->n_converter, sizeof *input);
    double solved;

    if (!input)
        abort();
    magnets_reference_inputs(magnets, input);
    for (uint32_t i = 0; i < magnets->n_link && i < 20; i++)
        if (magnets_solve(magnets, i, magnets->energy_gev, 1.0, input, &solved) != RC_OK &&
            !err_text()[0])
            abort();
    free(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct magnets *magnets;

    if (magnets_read(&magnets, (const char *) data, size, "input", NULL) == RC_OK)
        try_links(magnets);
    else if (magnets || !err_text()[0])
        abort();
    magnets_destroy(magnets);
    return 0;
}
