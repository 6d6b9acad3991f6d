/* FNV-1a, 64 bit (G. Fowler, L. C. Noll, P. Vo): tells contents apart; not against forgery. */
#ifndef ORBIT_RT_BASE_FNV_H
#define ORBIT_RT_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START 0xcbf29ce484222325ULL

/* Hash of `size_b` bytes after what `hash` already contains; start with FNV_START. */
static inline uint64_t fnv_add(uint64_t hash, const void *data, size_t size_b)
{
    const unsigned char *byte = data;

    for (size_t i = 0; i < size_b; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3ULL;
    return hash;
}

#endif
