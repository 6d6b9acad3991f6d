#include "io/ctl/ring/finer.h"

#include <math.h>

static uint32_t pieces_of(const struct element *e, double step_m)
{
    bool acts_in_the_middle = e->kind == ELEMENT_CAVITY || e->kind == ELEMENT_CORRECTOR;

    if (!(e->length_m > 0) || acts_in_the_middle)
        return 1;
    return (uint32_t) fmin(LATTICE_MAX_ELEMENTS, ceil(e->length_m / step_m));
}

/* Piece k of n; edges act at the ends of the whole. */
static struct element piece_of(const struct element *whole, uint32_t k, uint32_t n)
{
    struct element piece = *whole;

    piece.length_m /= n;
    piece.angle_rad /= n;
    piece.hkick_rad /= n;
    piece.vkick_rad /= n;
    piece.n_slices = (whole->n_slices + n - 1) / n;
    if (k > 0)
        piece.e1_rad = piece.fint1 = 0;
    if (k + 1 < n)
        piece.e2_rad = piece.fint2 = 0;
    return piece;
}

enum rc finer_ring(struct lattice **finer, const struct lattice *ring, double step_m)
{
    uint64_t n = 0;
    uint32_t at = 0;
    enum rc rc;

    for (uint32_t i = 0; i < ring->n_element; i++)
        n += pieces_of(&ring->element[i], step_m);
    rc = lattice_create(finer, n > UINT32_MAX ? UINT32_MAX : (uint32_t) n);
    if (rc != RC_OK)
        return rc;
    for (uint32_t i = 0; i < ring->n_element; i++) {
        uint32_t pieces = pieces_of(&ring->element[i], step_m);

        for (uint32_t k = 0; k < pieces; k++)
            (*finer)->element[at++] = piece_of(&ring->element[i], k, pieces);
    }
    (*finer)->energy_gev = ring->energy_gev;
    rc = lattice_finish(*finer);
    if (rc != RC_OK)
        lattice_destroy(*finer);
    return rc;
}
