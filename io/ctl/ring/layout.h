/* The magnets of a ring as a strip of boxes along s. */
#ifndef ORBIT_IO_CTL_RING_LAYOUT_H
#define ORBIT_IO_CTL_RING_LAYOUT_H

#include "io/ctl/plot/panel.h"
#include "model/lattice.h"

enum { LAYOUT_HEIGHT = 46 };

/* Draws the strip with the s axis under it, and under that what the boxes mean. Quadrupoles and
 * higher multipoles stand up if they focus (sextupoles: correct) in x, else they hang. Only the
 * panel's box and x axis are looked at. */
void layout_draw(struct figure *figure, const struct panel *panel, const struct lattice *ring);

#endif
