/* One entry of the list of worst cycles in SEG_STATUS: one writer that never waits, readers
 * that check their copy. The order of accesses, and why it is enough, is that of slot_ring.h.
 */
#ifndef ORBIT_RT_SHM_SLOW_CYCLE_H
#define ORBIT_RT_SHM_SLOW_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/shm/layout.h"

/* Loop: replaces an entry; number counts the writes to the list from 1. */
RT_SAFE void slow_cycle_write(struct slow_cycle *entry, uint64_t number,
                              const struct slow_cycle *value);

/* Readers: the entries that are filled, slowest first; returns how many. copy is
 * [ORBIT_WORST_CYCLES]. An entry that was rewritten in each of a few tries is left out. */
unsigned slow_cycles_read(const struct status_block *status, struct slow_cycle *copy);

#endif
