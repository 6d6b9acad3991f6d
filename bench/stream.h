/* The bound of a matrix-vector product: reading its matrix once. */
#ifndef ORBIT_BENCH_STREAM_H
#define ORBIT_BENCH_STREAM_H

#include <stddef.h>

/* Reads size_b bytes (64-byte aligned; a rest below one vector is left out) once, in order,
 * with the widest vectors of this CPU, and does nothing else with them. */
void stream_read(const void *memory, size_t size_b);

#endif
