/* Plots of a report of orbit-bench, one file for each part that it holds. */
#ifndef ORBIT_IO_CTL_BENCH_PLOTS_H
#define ORBIT_IO_CTL_BENCH_PLOTS_H

#include <jansson.h>

#include "rt/base/rc.h"

/* Writes products.svg, wakeup.svg, cycle.svg, ... to the folder; *n is their number. RC_SYS: a
 * file cannot be written. RC_INPUT: the report holds nothing to draw. */
MUST_USE enum rc bench_plots_draw(const json_t *report, const char *folder, unsigned *n);

#endif
