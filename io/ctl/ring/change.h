/* Changes to a ring as a command line writes them.
 *
 *   NAME.field=value     sets a field of every element of that name
 *   NAME#k.field=value   of the k-th of that name along the ring only, from 0
 *   QF*.field=value      of every element whose name fits (*, ?, as in a shell)
 *   NAME=factor          multiplies the main strength (see change_scale)
 *   NAME.field=factor    multiplies a field
 *   NAME=urad            the kick of a corrector, by the corrector's name
 *
 * Fields: k1 [1/m^2], k2 [1/m^3], k3 [1/m^4] as in a lattice file; b0 ... b15 and a0 ... a15,
 * the normal and skew coefficients of model/lattice.h; dx, dy, ds [m]; tilt [rad]; hkick, vkick
 * [rad].
 */
#ifndef ORBIT_IO_CTL_RING_CHANGE_H
#define ORBIT_IO_CTL_RING_CHANGE_H

#include "model/lattice.h"

/* Each changes the lattice and returns how many elements that were in *n (may be NULL), or, on
 * failure, changes nothing. RC_INPUT: not of that form; no such element, corrector (near names
 * are told) or field; an element that cannot have that field. RC_RANGE: beyond the limits of
 * physics or sense, which are told. */
MUST_USE enum rc change_set(struct lattice *lattice, const char *text, uint32_t *n);

/* Main strength: k1 of quadrupoles, k2 of sextupoles, k3 of octupoles, all coefficients of a
 * multipole, and k1 of a dipole that has one. */
MUST_USE enum rc change_scale(struct lattice *lattice, const char *text, uint32_t *n);

/* Adds to what the corrector's element kicks already. */
MUST_USE enum rc change_kick(struct lattice *lattice, const char *text);

#endif
