/* One Channel Access session: channels, the BPM thread and the actuator thread with their
 * connections to orbitd. Ended and begun anew when the machine's address changes (a restarted
 * virtual ring).
 */
#ifndef ORBIT_IO_EPICS_SESSION_H
#define ORBIT_IO_EPICS_SESSION_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "rt/base/rc.h"

struct session;

/* Connects to the machine as the environment's EPICS_CA_* say. config_path is read again for
 * its live keys. All pointers outlive the session. */
MUST_USE enum rc session_start(struct session **session, const struct devices *devices,
                               const struct cfg *cfg, const char *config_path,
                               const char *socket_path);

/* Ends the threads and the CA context (below 0.3 s unless orbitd hangs). NULL is fine. */
void session_stop(struct session *session);

/* Messages about the machine's PVs; the number of those not usable. Caller: the thread that
 * started it. */
size_t session_report(struct session *session, int64_t now_ns, FILE *stream);

#endif
