/* bench disturb: a running loop, bare and loaded in turn. */
#ifndef ORBIT_BENCH_DISTURB_H
#define ORBIT_BENCH_DISTURB_H

#include <stdbool.h>

#include "bench/bench.h"

/* True if every name of the list, separated by commas, is a load. */
bool disturb_knows(const char *loads);

#endif
