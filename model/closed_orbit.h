/* The closed orbit of a ring with errors and kicks: the fixed point of one nonlinear turn.
 *
 * Newton's method with the analytic tangent map of model/track.h. At fixed momentum four
 * unknowns (x, px, y, py); at fixed RF frequency a fifth, delta, with the path of a turn as its
 * condition; with cavities that act all six.
 */
#ifndef ORBIT_MODEL_CLOSED_ORBIT_H
#define ORBIT_MODEL_CLOSED_ORBIT_H

#include "model/track.h"

enum orbit_mode {
    ORBIT_FIXED_MOMENTUM, /* delta as given */
    ORBIT_FIXED_RF,       /* delta follows from path_m */
    ORBIT_6D              /* cavities act; path_m is what their frequency asks for */
};

struct closed_orbit_request {
    enum orbit_mode mode;
    double delta;  /* ORBIT_FIXED_MOMENTUM: the momentum error */
    double path_m; /* ORBIT_FIXED_RF: excess of path per turn; -C df/f for a change of frequency
                      df; ORBIT_6D: the same */
    bool exact;    /* see struct tracking; false: slices everywhere */
    double step_m; /* stop when a Newton step is shorter (m and rad alike); 0: 1e-12 */
    uint32_t max_iterations; /* 0: 20 */
};

struct closed_orbit {
    double start[TRACK_DIM]; /* in: first guess (zero, or the last orbit); out: entrance of
                                element 0 */
    double turn[4][4];       /* out: one-turn matrix about the orbit, transverse part */
    double turn_6d[6][6];    /* out: the whole of it; the column of ct is that of a drift unless
                                ORBIT_6D */
    uint32_t iterations;     /* out: Newton steps taken */
    double last_step;        /* out: length of the last one */
};

/* RC_NUMERIC with the reason: particle lost, no convergence, resonance (1 - M singular), or
 * motion about the orbit that is not stable; RC_INPUT: ORBIT_6D without a cavity or an energy.
 * After a failure `start` is as it was given. */
MUST_USE enum rc closed_orbit_solve(const struct lattice *lattice,
                                    const struct closed_orbit_request *request,
                                    struct closed_orbit *orbit);

/* Excess of path per turn that the frequency in the file asks for: h c/f - C with h the integer
 * nearest to f C/c; 0: the ring has no cavity. */
double closed_orbit_path_of_rf(const struct lattice *lattice);

/* Coordinates at every element entrance and at the end: z_all [n_element + 1]. */
MUST_USE enum rc closed_orbit_everywhere(const struct lattice *lattice,
                                         const double start[TRACK_DIM],
                                         double z_all[][TRACK_DIM]);

/* True: nothing in the ring kicks, is misaligned or couples the planes, so that the design
 * orbit is the closed one and model/optics.h says all about it. */
bool closed_orbit_is_design(const struct lattice *lattice);

/* Positions at the BPMs: position_m [2 n_bpm], x of all, then y of all. */
MUST_USE enum rc closed_orbit_at_bpms(const struct lattice *lattice,
                                      const double start[TRACK_DIM], double *position_m);

/* The same in the given way of tracking. */
MUST_USE enum rc closed_orbit_at_bpms_as(const struct tracking *how,
                                         const struct lattice *lattice,
                                         const double start[TRACK_DIM], double *position_m);

/* True and both fractional tunes (0..0.5, the order of the planes not told) if the motion of
 * the symplectic one-turn matrix is bounded; false if not. Only reads turn. */
bool closed_orbit_is_stable(double (*turn)[4], double tune[2]);

#endif
