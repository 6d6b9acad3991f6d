/* Reads tests/physics/reference/<ring>.json.xz, what pyAT computes for the rings in lattices/.
 */
#ifndef ORBIT_TESTS_SUPPORT_REFERENCE_FILE_H
#define ORBIT_TESTS_SUPPORT_REFERENCE_FILE_H

#include <jansson.h>
#include <stdint.h>

#include "model/lattice.h"

/* The whole file; json_decref it. Ends the test program with a message when there is none. */
json_t *reference_file(const char *ring);

/* Number i of a list; fails the test if there is none. */
double reference_item(const json_t *list, uint32_t i);

/* Number of that name; fails the test if there is none. */
double reference_number(const json_t *object, const char *key);

/* Sets the kicks of all correctors as the reference does, with the amplitude of that name. */
void reference_kick(const json_t *reference, const char *amplitude, struct lattice *lattice);

/* Smaller kicks, and no fringe at edges: exact maps are compared so where the path of a turn
 * counts (see make_reference.py). */
void reference_make_fine(const json_t *reference, struct lattice *lattice);

#endif
