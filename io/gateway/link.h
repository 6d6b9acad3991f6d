/* One connection to orbitd that is opened again, with a growing pause, whenever it is lost. One
 * thread. */
#ifndef ORBIT_IO_GATEWAY_LINK_H
#define ORBIT_IO_GATEWAY_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/shm/client.h"

struct link_spec {
    const char *program; /* begins our messages */
    const char *socket_path;
    enum client_role role;
    const char *name; /* as for client_open */
    uint64_t device_hash;
};

struct orbit_link {
    struct link_spec spec;
    struct client *client; /* NULL: not connected */
    int64_t next_try_ns, pause_ns;
    uint64_t n_opened; /* connections so far: a change means a new one */
    char said[256];    /* last failure that was reported */
};

void link_init(struct orbit_link *link, const struct link_spec *spec);

/* The live connection; closes a dead one and tries to open a new one when it is time. NULL:
 * there is none. May take 2 s if orbitd hangs, else returns at once. */
struct client *link_poll(struct orbit_link *link, int64_t now_ns);

void link_close(struct orbit_link *link);

#endif
