/* Commands of measurements on the machine: excitations of correctors, and the check of their
 * polarity and gain. A client stages a plan line by line and then starts it:
 *
 *   sysid plan sine|prbs|code LEVELS HOLD CODE     an empty plan
 *   sysid wave CORRECTOR RAD [PHASE RATE CHIRP]    sine: in turns, turns per level, per level^2
 *   sysid wave CORRECTOR RAD ROW                   code
 *   sysid wave CORRECTOR RAD                       prbs
 *   sysid go | stop
 *   check begin, check put CORRECTOR GAIN CORRELATION ..., check commit; check forget
 */
#ifndef ORBIT_RT_MANAGER_SYSID_H
#define ORBIT_RT_MANAGER_SYSID_H

#include <stddef.h>

#include "rt/manager/machine.h"

/* words: behind "sysid " and "check ". As command_execute(). */
MUST_USE enum rc sysid_execute(struct machine *m, const char *words, char *reply, size_t size);
MUST_USE enum rc sysid_check(struct machine *m, const char *words, char *reply, size_t size);

#endif
