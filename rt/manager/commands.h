/* Command lines that the manager understands:
 *
 *   mode off|shadow|arm|closed|hold    reset    baseline    modes renew    reload    ping
 *   own [SECONDS] [takeover]    release    sysid ..., check ... (sysid.h)
 *
 * Any operator may lower (off, shadow, hold) and ask; while the loop has an owner (owner.h),
 * the rest is the owner's.
 */
#ifndef ORBIT_RT_MANAGER_COMMANDS_H
#define ORBIT_RT_MANAGER_COMMANDS_H

#include <stddef.h>

#include "rt/base/rc.h"
#include "rt/manager/machine.h"

/* Carries out one line of `peer` and writes the answer's text. RC_INPUT: not understood;
 * RC_DENIED: the loop is somebody else's; RC_STATE: refused, with what is missing; RC_TIMEOUT:
 * the loop did not answer. */
MUST_USE enum rc command_execute(struct machine *machine, const struct server_peer *peer,
                                 const char *line, char *reply, size_t reply_size);

/* A request to the loop, and its answer in words; reply stays as it was when it is done.
 * RC_STATE, RC_TIMEOUT. */
MUST_USE enum rc command_request(struct machine *machine, enum request request, char *reply,
                                 size_t reply_size);

#endif
