/* The children of `orbitctl run`: starts them in order, restarts dead ones, stops them in
 * reverse.
 *
 * While it runs it is the reaper of all descendants, so that what a child leaves behind (a
 * caRepeater, say) ends with the set too. Uses SIGCHLD, SIGINT, SIGTERM, SIGHUP of this
 * process, which it blocks; one at a time.
 */
#ifndef ORBIT_IO_CTL_SUPERVISOR_H
#define ORBIT_IO_CTL_SUPERVISOR_H

#include <stdint.h>

#include "io/ctl/child.h"

/* Runs children [n] until SIGINT, SIGTERM, SIGHUP or the time is over (seconds <= 0: never),
 * then stops and reaps everything. RC_SYS: could not begin, nothing was started. */
MUST_USE enum rc supervisor_run(struct child *children, unsigned n, double seconds);

#endif
