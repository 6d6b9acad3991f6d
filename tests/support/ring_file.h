/* Reads the rings in lattices/ (and other text files of the tree) for tests. */
#ifndef ORBIT_TESTS_SUPPORT_RING_FILE_H
#define ORBIT_TESTS_SUPPORT_RING_FILE_H

#include <stddef.h>

#include "model/lattice.h"

/* Whole text of a file, `path` from the root of the tree, with a terminating zero; free() it.
 * Ends the test program with a message when there is none. */
char *ring_file_text(const char *path, size_t *size);

/* The same of a file packed by xz, which does the unpacking. */
char *ring_file_unpacked(const char *path, size_t *size);

/* lattices/<ring>/lattice.json; ends the test program with a message when it does not parse. */
struct lattice *ring_file_lattice(const char *ring);

#endif
