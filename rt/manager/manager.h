/* The manager: the non-real-time thread of orbitd. Answers commands, checks parameter sets,
 * writes WHY, reloads the configuration. It shares nothing with the loop but the mailbox, the
 * parameter store and single atomic words.
 */
#ifndef ORBIT_RT_MANAGER_MANAGER_H
#define ORBIT_RT_MANAGER_MANAGER_H

#include <stdatomic.h>

#include "rt/base/rc.h"
#include "rt/manager/machine.h"

struct manager;

/* Opens the instance's socket. verdict: shown as it is in the text segment. */
MUST_USE enum rc manager_create(struct manager **manager, struct machine *machine,
                                const char *verdict);

/* Serves until *stop; *reload asks for a reload (SIGHUP). */
MUST_USE enum rc manager_run(struct manager *manager, const atomic_bool *stop,
                             atomic_bool *reload);

void manager_destroy(struct manager *manager);

#endif
