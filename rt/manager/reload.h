/* Reload: all live keys of the configuration at one cycle boundary, or none. */
#ifndef ORBIT_RT_MANAGER_RELOAD_H
#define ORBIT_RT_MANAGER_RELOAD_H

#include <stddef.h>

#include "rt/base/rc.h"
#include "rt/manager/machine.h"

/* reply: what changed, what needs a restart, or every fault that kept it from being applied. */
MUST_USE enum rc reload(struct machine *machine, char *reply, size_t size);

#endif
