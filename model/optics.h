/* Uncoupled linear optics about the design orbit, at every element.
 *
 * Courant-Snyder parameters, phase, dispersion, tunes with their integer part, momentum
 * compaction. Kicks, misalignments and the feed-down of sextupoles do not enter (see response.h
 * for matrices about another orbit). One object per thread; nothing is allocated after
 * optics_create.
 */
#ifndef ORBIT_MODEL_OPTICS_H
#define ORBIT_MODEL_OPTICS_H

#include "model/map.h"

struct optics {
    uint32_t n_element;
    enum integrator integrator; /* of the last optics_compute */
    /* [n_element + 1] each: at the entrance of every element, and at the end */
    double *beta_x_m, *alpha_x, *mu_x_rad, *eta_x_m, *etap_x;
    double *beta_y_m, *alpha_y, *mu_y_rad;
    double tune_x, tune_y;   /* with the integer part */
    double alpha_c;          /* momentum compaction: (dC/C)/delta, ultra-relativistic */
    double path_per_delta_m; /* alpha_c times circumference */
    struct map *element_map; /* [n_element] */
    struct map *transfer; /* [n_element + 1]: from the start to the entrance of each element */
    struct map turn;      /* equal to transfer[n_element] */
};

MUST_USE enum rc optics_create(struct optics **optics, uint32_t n_element);
void optics_destroy(struct optics *optics);

/* Recomputes everything from the elements' strengths. RC_NUMERIC with the reason: no stable
 * motion in a plane (cos mu is told), integer resonance, an element that couples the planes.
 * RC_RANGE if the lattice has another number of elements than the object was made for. */
MUST_USE enum rc optics_compute(struct optics *optics, const struct lattice *lattice,
                                enum integrator integrator);

#endif
