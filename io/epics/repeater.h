/* Keeps the Channel Access client from starting a caRepeater.
 *
 * A CA client starts a detached caRepeater that outlives it and listens on all interfaces.
 * Where all servers are on this host nothing is to be repeated: a socket of our own holds the
 * repeater's port and confirms the client's registration.
 */
#ifndef ORBIT_IO_EPICS_REPEATER_H
#define ORBIT_IO_EPICS_REPEATER_H

#include "rt/base/rc.h"

/* Takes a free port on loopback and sets EPICS_CA_REPEATER_PORT. *fd is the socket. RC_SYS. */
MUST_USE enum rc repeater_open(int *fd);

/* Answers what has come in; never waits. */
void repeater_answer(int fd);

#endif
