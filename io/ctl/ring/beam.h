/* Orbit and optics of a ring as the commands show them.
 *
 * About the design orbit where that is the closed one and nothing couples the planes; else, and
 * with cavities, about the closed orbit by normal modes. Mode 1 is the horizontal one, mode 2
 * the vertical one, beta functions are those of Mais and Ripken (model/normal_mode.h).
 */
#ifndef ORBIT_IO_CTL_RING_BEAM_H
#define ORBIT_IO_CTL_RING_BEAM_H

#include "io/ctl/ring/request.h"

struct beam {
    uint32_t n;       /* places: the entrance of every element, and the end */
    bool about_orbit; /* false: the design orbit; x, y, the other mode's beta and eta_y are 0 */
    /* [n] each; one block of memory, owned by beta_x_m */
    double *beta_x_m, *alpha_x, *mu_x_rad;   /* mode 1 in x */
    double *beta_y_m, *alpha_y, *mu_y_rad;   /* mode 2 in y */
    double *beta_x_mode2_m, *beta_y_mode1_m; /* what coupling adds */
    double *eta_x_m, *etap_x, *eta_y_m, *etap_y;
    double *x_m, *y_m;
    double tune[2];          /* with the integer part */
    double synchrotron_tune; /* 0 unless the cavities act */
    double alpha_c;
    double delta; /* of the closed orbit */
};

/* mode RING_4D: fixed momentum; RING_FIXED_RF; RING_6D with cavities. RC_NUMERIC: there is no
 * such orbit, or motion about it is not stable; RC_INPUT: RING_6D without a cavity. */
MUST_USE enum rc beam_compute(struct beam *beam, const struct lattice *ring,
                              enum integrator integrator, enum ring_mode mode);

/* beam_compute on the ring cut into pieces for a plot of the part from..to; *s_m [beam->n] is
 * the caller's to free. */
MUST_USE enum rc beam_compute_fine(struct beam *beam, double **s_m,
                                   const struct request *request, const struct lattice *ring);

void beam_free(struct beam *beam);

/* Largest share of beta that the other mode has, of x (plane 0) or y (1), over all places. */
double beam_coupling(const struct beam *beam, int plane);

#endif
