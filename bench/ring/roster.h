/* Lists of devices as an operator types them: "HS4P2D1R VS2P1T1R" or "0 17". */
#ifndef ORBIT_BENCH_RING_ROSTER_H
#define ORBIT_BENCH_RING_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"

/* Sets mask [n]: true for every device that `text` tells by its name or by its index in name
 * [n]. Blanks and commas part the entries; an empty text or "none" tells none. RC_INPUT names
 * the first unknown entry and leaves the mask as it was. */
MUST_USE enum rc roster_parse(const char *text, const char *const *name, uint32_t n,
                              bool *mask);

#endif
