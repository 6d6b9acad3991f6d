/* cyclictest of rt-tests as the yardstick of wake-up lateness. */
#ifndef ORBIT_BENCH_CYCLICTEST_H
#define ORBIT_BENCH_CYCLICTEST_H

#include <stddef.h>

#include "bench/bench.h"
#include "bench/samples.h"

/* Runs cyclictest for `cycles` periods on the measured core at the measured priority. Its
 * histogram counts whole microseconds, rounded down: ratios to it are to its advantage. RC_SYS
 * or RC_GONE with the reason if it is not installed or has not the rights. */
MUST_USE enum rc cyclictest_run(const struct bench_options *options, int rate_hz, size_t cycles,
                                struct percentiles *late);

#endif
