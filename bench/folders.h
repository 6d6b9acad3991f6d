/* Where the programs and rings beside this program are. */
#ifndef ORBIT_BENCH_FOLDERS_H
#define ORBIT_BENCH_FOLDERS_H

#include <stddef.h>

#include "rt/base/rc.h"

enum { FOLDER_PATH = 256 };

/* Folder of the running program; the others lie in it too. */
MUST_USE enum rc bench_folder(char *folder, size_t size);

/* Folder of a ring of lattices/: in the sources that this was built from, else where an
 * installation has it. */
MUST_USE enum rc bench_ring_folder(const char *ring, char *folder, size_t size);

/* Its lattice. */
MUST_USE enum rc bench_ring_lattice(const char *ring, char *path, size_t size);

#endif
