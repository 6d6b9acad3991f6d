/* The same ring in shorter pieces, for curves that look like what the beam does. */
#ifndef ORBIT_IO_CTL_RING_FINER_H
#define ORBIT_IO_CTL_RING_FINER_H

#include "model/lattice.h"

/* No piece is longer than step_m but correctors and cavities, which stay whole: they act at
 * their middle. Names belong to `ring`; there are no BPMs and correctors. RC_NOMEM,
 * RC_RANGE. */
MUST_USE enum rc finer_ring(struct lattice **finer, const struct lattice *ring, double step_m);

#endif
