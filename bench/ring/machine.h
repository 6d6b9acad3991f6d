/* The virtual storage ring itself: the design lattice with errors of its own, and its nonlinear
 * closed orbit.
 *
 * Quadrupoles are displaced and detuned at random, from a seed: the model that orbitd runs on
 * knows nothing of it. Kicks are what the beam gets (rad), outward and up positive, H
 * correctors first, then V, each in the lattice's order; positions are those of the beam at the
 * BPMs (m), x of all, then y of all. The RF frequency is a change against the design's, and
 * acts through the path of a turn. One thread at a time uses an object.
 */
#ifndef ORBIT_BENCH_RING_MACHINE_H
#define ORBIT_BENCH_RING_MACHINE_H

#include <stdint.h>

#include "model/lattice.h"
#include "rt/base/rc.h"

struct machine_errors {
    uint64_t seed;
    double misalignment_m; /* rms of each plane, every quadrupole by itself, cut at 2.5 sigma */
    double field_error; /* rms relative strength error of every quadrupole, cut at 2.5 sigma */
};

struct machine;

/* Copies the design. RC_INPUT: no BPMs or no correctors; RC_NOMEM. */
MUST_USE enum rc machine_create(struct machine **machine, const struct lattice *design,
                                const struct machine_errors *errors);
void machine_destroy(struct machine *machine);

uint32_t machine_bpms(const struct machine *machine);
/* Correctors of both planes. */
uint32_t machine_correctors(const struct machine *machine);

/* Closed orbit under kick_rad [correctors] and an RF frequency rf_hz off the design's:
 * position_m [2 bpms]. Starts from the last solution, and from zero if that fails. RC_NUMERIC:
 * there is no stable orbit; the last solution stays what machine_response is about. */
MUST_USE enum rc machine_solve(struct machine *machine, const double *kick_rad, double rf_hz,
                               double *position_m);

/* Derivative of the last solution, matrix [2 bpms][correctors + 1] row-major, m/rad; the last
 * column is that of the RF frequency, m/Hz. */
MUST_USE enum rc machine_response(struct machine *machine, double *matrix);

/* What the orbit does when all quadrupoles move by normal random amounts (the source of ground
 * motion and mains ripple): position_m [2 bpms] about the last solution, each plane scaled to
 * an rms of 1. `which` tells patterns of one seed apart. */
MUST_USE enum rc machine_pattern(struct machine *machine, uint64_t which, double *position_m);

#endif
