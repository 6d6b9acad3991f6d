/* Asking for cache lines ahead of their use. Nothing changes but what is cached. */
#ifndef ORBIT_RT_BASE_CACHE_H
#define ORBIT_RT_BASE_CACHE_H

#include <stddef.h>

#include "rt/base/attr.h"

RT_SAFE static inline void cache_warm(const void *at, size_t size_b)
{
    const char *line = at;

    for (size_t i = 0; i < size_b; i += CACHE_LINE)
        __builtin_prefetch(line + i);
}

/* For lines that will be written: their copies elsewhere are taken back too. */
RT_SAFE static inline void cache_warm_to_write(void *at, size_t size_b)
{
    char *line = at;

    for (size_t i = 0; i < size_b; i += CACHE_LINE)
        __builtin_prefetch(line + i, 1);
}

#endif
