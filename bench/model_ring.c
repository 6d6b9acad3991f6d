#include "bench/model_ring.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/folders.h"
#include "model/engine/inputs.h"
#include "model/response.h"

enum { CELLS_IN_FODO = 12 };

static const double kick_rad = 20e-6; /* as in tests/physics/make_reference.py */

static size_t heap_b(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void kick_all(struct lattice *lattice)
{
    for (uint32_t i = 0; i < lattice->n_hcorrector; i++)
        lattice->element[lattice->hcorrector[i].element].hkick_rad =
            kick_rad * sin(1 + 0.7 * i);
    for (uint32_t i = 0; i < lattice->n_vcorrector; i++)
        lattice->element[lattice->vcorrector[i].element].vkick_rad =
            kick_rad * sin(1 + 0.7 * i + 0.5);
}

/* The rest, once the lattice is there. */
static enum rc prepare(struct model_ring *ring, size_t before_b)
{
    size_t rows = lattice_rows(ring->lattice);
    enum rc rc = optics_create(&ring->optics, ring->lattice->n_element);

    if (rc == RC_OK)
        rc = quick_orbit_create(&ring->quick, ring->lattice->n_element);
    ring->matrix = calloc(rows * lattice_columns(ring->lattice), sizeof(double));
    ring->position_m = calloc(rows, sizeof(double));
    ring->memory_b = heap_b() - before_b;
    if (rc == RC_OK && (!ring->matrix || !ring->position_m))
        rc = err_set(RC_NOMEM, "matrix of a benchmark");
    if (rc == RC_OK)
        rc = lattice_copy(&ring->kicked, ring->lattice);
    if (rc == RC_OK)
        kick_all(ring->kicked);
    return rc;
}

static enum rc load(struct lattice **lattice, const char *name)
{
    char path[512];
    enum rc rc = bench_ring_lattice(name, path, sizeof(path));

    return rc == RC_OK ? lattice_load(lattice, path) : rc;
}

enum rc model_ring_open(struct model_ring *ring, const char *name)
{
    size_t before_b = heap_b();
    enum rc rc;

    *ring = (struct model_ring){0};
    rc = load(&ring->lattice, name);
    return rc == RC_OK ? prepare(ring, before_b) : rc;
}

static enum rc repeat(struct lattice **lattice, const struct lattice *cell, uint32_t cells)
{
    uint32_t n = cell->n_element / CELLS_IN_FODO;
    enum rc rc = lattice_create(lattice, n * cells);

    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < n * cells; i++) {
        (*lattice)->element[i] = cell->element[i % n];
        (*lattice)->element[i].name = "";
    }
    return lattice_finish(*lattice);
}

static enum rc spread(struct lattice_device **device, uint32_t n, uint32_t n_element)
{
    *device = calloc(n, sizeof(**device));
    if (!*device)
        return err_set(RC_NOMEM, "devices of a benchmark");
    for (uint32_t i = 0; i < n; i++)
        (*device)[i] = (struct lattice_device){"", (uint32_t) ((uint64_t) i * n_element / n)};
    return RC_OK;
}

enum rc model_ring_repeat(struct model_ring *ring, uint32_t cells, uint32_t devices,
                          uint32_t *cell_elements)
{
    struct lattice *fodo = NULL, *lattice;
    size_t before_b;
    enum rc rc;

    *ring = (struct model_ring){0};
    rc = load(&fodo, "fodo");
    before_b = heap_b();
    if (rc == RC_OK)
        rc = repeat(&ring->lattice, fodo, cells);
    if (rc == RC_OK) {
        lattice = ring->lattice;
        *cell_elements = fodo->n_element / CELLS_IN_FODO;
        lattice->n_bpm = lattice->n_hcorrector = lattice->n_vcorrector = devices;
        rc = spread(&lattice->bpm, devices, lattice->n_element);
        if (rc == RC_OK)
            rc = spread(&lattice->hcorrector, devices, lattice->n_element);
        if (rc == RC_OK)
            rc = spread(&lattice->vcorrector, devices, lattice->n_element);
    }
    if (rc == RC_OK)
        rc = prepare(ring, before_b);
    lattice_destroy(fodo);
    return rc;
}

void model_ring_close(struct model_ring *ring)
{
    lattice_destroy(ring->lattice);
    lattice_destroy(ring->kicked);
    optics_destroy(ring->optics);
    quick_orbit_destroy(ring->quick);
    free(ring->matrix);
    free(ring->position_m);
    *ring = (struct model_ring){0};
}

enum rc model_ring_update(struct model_ring *ring, enum integrator integrator)
{
    enum rc rc = optics_compute(ring->optics, ring->lattice, integrator);

    return rc == RC_OK ? response_matrix_design(ring->optics, ring->lattice,
                                                RESPONSE_FIXED_MOMENTUM, ring->matrix)
                       : rc;
}

enum rc model_ring_update_rf(struct model_ring *ring)
{
    enum rc rc = optics_compute(ring->optics, ring->lattice, INTEGRATOR_EXACT);

    return rc == RC_OK ? response_matrix_design(ring->optics, ring->lattice, RESPONSE_FIXED_RF,
                                                ring->matrix)
                       : rc;
}

enum rc model_ring_orbit(struct model_ring *ring)
{
    double start[4] = {0};
    enum rc rc = quick_orbit_prepare(ring->quick, ring->kicked, 0);

    if (rc == RC_OK)
        rc = quick_orbit_solve(ring->quick, start, NULL);
    if (rc == RC_OK)
        quick_orbit_at_bpms(ring->quick, ring->position_m);
    return rc;
}

double model_ring_norm(const struct model_ring *ring, int plane)
{
    const struct lattice *lattice = ring->lattice;
    uint32_t stride = lattice_columns(lattice), first_row = plane ? lattice->n_bpm : 0;
    uint32_t first = plane ? lattice->n_hcorrector : 0;
    uint32_t n = plane ? lattice->n_vcorrector : lattice->n_hcorrector;
    double sum = 0;

    for (uint32_t i = first_row; i < first_row + lattice->n_bpm; i++)
        for (uint32_t j = first; j < first + n; j++)
            sum +=
                ring->matrix[(size_t) i * stride + j] * ring->matrix[(size_t) i * stride + j];
    return sqrt(sum);
}
