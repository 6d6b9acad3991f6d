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

/* Takes a processor out of this process's allowed ones, unless it is the only one; core < 0:
 * the last of them, which is where a loop with loop.core -1 runs. */
void rights_leave_core(int core);

#endif
