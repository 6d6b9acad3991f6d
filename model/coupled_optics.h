/* Linear optics about any closed orbit, planes coupled or not, at every element.
 *
 * What rolls, skew gradients and an orbit off the axis of sextupoles do is a result here, by
 * the normal modes of the one-turn matrix. Beta functions are those of Mais and Ripken (see
 * normal_mode.h): beta_x[0] is mode 0 seen in x, beta_x[1] mode 1 seen in x; without coupling
 * beta_x[0], beta_y[1] are the usual ones and the other two vanish.
 */
#ifndef ORBIT_MODEL_COUPLED_OPTICS_H
#define ORBIT_MODEL_COUPLED_OPTICS_H

#include "model/closed_orbit.h"

struct coupled_point {
    double orbit[TRACK_DIM];
    double beta_x_m[2], alpha_x[2], beta_y_m[2], alpha_y[2]; /* of mode 0, mode 1 */
    double mu_rad[2]; /* phase of mode 0 in x, of mode 1 in y, from the start */
    double eta[4];    /* x, px, y, py per delta */
};

struct coupled_optics {
    uint32_t n_element;
    struct coupled_point *point; /* [n_element + 1]: entrance of each element, and the end */
    double tune[2];              /* with the integer part */
    double synchrotron_tune;     /* 0..0.5; 0 unless the cavities act */
    double alpha_c, path_per_delta_m; /* at fixed momentum, 0 when the cavities act */
};

MUST_USE enum rc coupled_optics_create(struct coupled_optics **optics, uint32_t n_element);
void coupled_optics_destroy(struct coupled_optics *optics);

/* About the closed orbit that starts with `start` (closed_orbit_solve, in the same way of
 * tracking; how->cavities: six dimensions). RC_NUMERIC with the reason: particle lost, motion
 * not stable, integer resonance. RC_RANGE: another number of elements than the object's. */
MUST_USE enum rc coupled_optics_compute(struct coupled_optics *optics,
                                        const struct lattice *lattice,
                                        const struct tracking *how,
                                        const double start[TRACK_DIM]);

#endif
