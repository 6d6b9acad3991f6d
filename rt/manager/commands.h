/* Command lines that the manager understands:
 *
 *   mode off|shadow|arm|closed|hold    reset    reload    ping
 */
#ifndef ORBIT_RT_MANAGER_COMMANDS_H
#define ORBIT_RT_MANAGER_COMMANDS_H

#include <stddef.h>

#include "rt/base/rc.h"
#include "rt/manager/machine.h"

/* Carries out one line and writes the answer's text. RC_INPUT: not understood; RC_STATE:
 * refused, with what is missing; RC_TIMEOUT: the loop did not answer. */
MUST_USE enum rc command_execute(struct machine *machine, const char *line, char *reply,
                                 size_t reply_size);

#endif
