/* Reads a ring from LatticeJSON 2.0 to 2.2 with the extensions that lattices/README.md
 * describes.
 *
 * Further types Marker, Monitor, Corrector, Multipole; further attributes n_slices, fint1,
 * fint2, gap (full gap), polynom_a, polynom_b, k2 on a Dipole, hkick, vkick, harmonic_number; a
 * top-level object x_ext with bpms, hcorrectors, vcorrectors. Any other type or attribute is an
 * error, never ignored.
 */
#ifndef ORBIT_MODEL_LATTICE_JSON_H
#define ORBIT_MODEL_LATTICE_JSON_H

#include <stddef.h>

#include "model/lattice.h"

enum { LATTICE_JSON_MAX_BYTES = 64 * 1024 * 1024 };

/* text: `size` bytes, no terminating zero needed. `source` names them in messages (a file
 * name). RC_INPUT with one message that says where (line and column for syntax, element, line
 * or list otherwise) and what; RC_RANGE when a limit of model/lattice.h is passed. *lattice is
 * set on RC_OK only. */
MUST_USE enum rc lattice_json_parse(struct lattice **lattice, const char *text, size_t size,
                                    const char *source);

#endif
