/* Any bytes as a lattice file: an error with a text, or a ring that the model can be asked
 * about. */
#include <stdint.h>
#include <stdlib.h>

#include "model/lattice_json.h"
#include "model/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_ELEMENTS = 2000, MOST_SLICES = 20000, MOST_ENTRIES = 1000000 };

static void ask_response(const struct lattice *ring, const struct optics *optics)
{
    size_t entries = (size_t) lattice_rows(ring) * lattice_columns(ring);
    const double axis[TRACK_DIM] = {0};
    double *matrix = entries < MOST_ENTRIES ? malloc((entries + 1) * sizeof *matrix) : NULL;

    if (!matrix)
        return;
    if (response_matrix_design(optics, ring, RESPONSE_FIXED_RF, matrix) == RC_OK &&
        response_matrix_about(ring, axis, RESPONSE_FIXED_RF, matrix) != RC_OK && !err_text()[0])
        abort();
    free(matrix);
}

static uint64_t slices_of(const struct lattice *ring)
{
    uint64_t slices = 0;

    for (uint32_t i = 0; i < ring->n_element; i++)
        slices += ring->element[i].n_slices;
    return slices;
}

static void ask(const struct lattice *ring)
{
    struct optics *optics;

    if (ring->n_element > MOST_ELEMENTS || slices_of(ring) > MOST_SLICES ||
        optics_create(&optics, ring->n_element) != RC_OK)
        return;
    if (optics_compute(optics, ring, INTEGRATOR_EXACT) == RC_OK)
        ask_response(ring, optics);
    else if (!err_text()[0])
        abort();
    optics_destroy(optics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lattice *ring = NULL;

    if (lattice_json_parse(&ring, (const char *) data, size, "input") == RC_OK)
        ask(ring);
    else if (ring || !err_text()[0])
        abort();
    lattice_destroy(ring);
    return 0;
}
