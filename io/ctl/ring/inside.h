/* Optics between the entrances of elements, for curves that look like what the beam does. */
#ifndef ORBIT_IO_CTL_RING_INSIDE_H
#define ORBIT_IO_CTL_RING_INSIDE_H

#include "model/optics.h"

/* Points along the ring; the first at 0, the last at its end. */
struct inside {
    uint32_t n;
    double *s_m, *beta_x_m, *beta_y_m, *eta_x_m; /* one block of memory, owned by s_m */
};

/* From optics that are computed for this ring, a point at least every step_m, with exact
 * matrices within an element. Edges of dipoles act at the edges. RC_NOMEM. */
MUST_USE enum rc inside_compute(struct inside *inside, const struct lattice *ring,
                                const struct optics *optics, double step_m);
void inside_free(struct inside *inside);

#endif
