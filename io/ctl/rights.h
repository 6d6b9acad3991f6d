/* What a child of `orbitctl run` may do: set between fork and exec, in the child.
 *
 * Only orbitd may run in real time. Any other program loses every capability (bounding, ambient
 * and inheritable sets too, so that uid 0 gets none back by exec), every real-time limit, the
 * right to lock more than a little memory, and the loop's processor: EPICS as root would turn
 * its threads into SCHED_FIFO.
 */
#ifndef ORBIT_IO_CTL_RIGHTS_H
#define ORBIT_IO_CTL_RIGHTS_H

#include "rt/base/rc.h"

/* Keeps CAP_SYS_NICE and CAP_IPC_LOCK across the exec where this process has them; drops all
 * others. */
MUST_USE enum rc rights_keep_real_time(void);

/* Drops everything. RC_SYS if the kernel refuses; the child must not be started then. */
MUST_USE enum rc rights_drop_all(void);

/* Takes the processor of a loop with this loop.core (rt/base/cores.h) out of this process's
 * affinity, unless it is the only one. */
void rights_leave_core(int loop_core);

#endif
