/* Keeps a gateway's threads off the loop's processor. */
#ifndef ORBIT_IO_GATEWAY_AFFINITY_H
#define ORBIT_IO_GATEWAY_AFFINITY_H

#include <stdint.h>

#include "config/cfg.h"

/* The processor that loop.core names; -1 means the last one. */
uint64_t affinity_configured_core(const struct cfg *cfg);

/* All threads of this process leave that processor, unless it is the only one they may use.
 * Threads made later inherit it. */
void affinity_avoid_core(uint64_t core);

#endif
