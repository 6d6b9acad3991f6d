/* Linear maps of elements about the design orbit: exact hard-edge matrices.
 *
 * Without coupling, 13 numbers say everything at first order (Hill's equation with constant K,
 * see e.g. S. Y. Lee, Accelerator Physics, chapter 2): the blocks of the two planes, the
 * dispersion column and the path-length row. A sextupole or higher multipole is a drift here; a
 * cavity too.
 */
#ifndef ORBIT_MODEL_MAP_H
#define ORBIT_MODEL_MAP_H

#include <stdbool.h>

#include "model/lattice.h"

/* How an element becomes a map. */
enum integrator {
    INTEGRATOR_EXACT, /* exact matrices: the physics, and the default */
    INTEGRATOR_AT     /* the slices of model/track.h, as Accelerator Toolbox does it */
};

struct map {
    double x[4], y[4]; /* row-major 2x2: (x, px) -> (x, px), (y, py) -> (y, py) */
    double d[2];       /* (x, px) per delta */
    double p[2];       /* ct per (x, px) */
    double pd;         /* ct per delta */
};

/* What the kick of a winding in an element does at its exit, per rad: (x, px), (y, py), ct. */
struct kick_map {
    double x[2], y[2];
    double ct_x;
};

void map_identity(struct map *map);

/* The exact map of an element. Misalignments do not change it; a roll or a skew gradient would
 * couple the planes: see map_couples. */
void map_exact(struct map *map, const struct element *element);

/* True: the element, or the kick of a rolled corrector, mixes x and y at first order about the
 * design orbit, so that struct map and struct kick_map cannot describe it. */
bool map_couples(const struct element *element);

/* The exact response of an element's exit to a kick that is spread evenly over its length
 * (a corrector: at its middle). */
void map_kick_exact(struct kick_map *kick, const struct element *element);

/* Both from the slices of model/track.h, about the design orbit; kicks and misalignments of the
 * element do not enter. */
void map_sliced(struct map *map, const struct element *element);
void map_kick_sliced(struct kick_map *kick, const struct element *element);

/* *total = later * *total: appends an element. */
void map_append(struct map *total, const struct map *later);

#endif
