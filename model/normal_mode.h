/* Normal modes of a symplectic one-turn matrix, by its eigenvectors.
 *
 * An eigenvector v of mode k, M v = exp(i 2 pi Q) v, is scaled so that the areas Im(conj(x) px)
 * over the planes sum to 1; then |v_x|^2 is the beta function of Mais and Ripken (DESY M-82-05,
 * see also F. Willeke and G. Ripken, DESY 88-114), and in an uncoupled plane v = (sqrt(beta),
 * (i - alpha)/sqrt(beta)). Modes are sorted by the plane in which they have the largest area: 0
 * horizontal, 1 vertical, 2 longitudinal (delta, ct).
 */
#ifndef ORBIT_MODEL_NORMAL_MODE_H
#define ORBIT_MODEL_NORMAL_MODE_H

#include <complex.h>

#include "model/track.h"

enum { MODES = 3 };

struct normal_modes {
    int n;                                   /* 2, or 3 with the longitudinal one */
    double tune[MODES];                      /* fractional, 0..1 */
    complex double vector[MODES][TRACK_DIM]; /* components beyond 2 n are zero */
};

/* turn: the first 2 n rows and columns count. RC_NUMERIC: motion that is not stable (the
 * growth per turn is told). */
MUST_USE enum rc normal_modes_find(double turn[TRACK_DIM][TRACK_DIM], int n,
                                   struct normal_modes *modes);

#endif
