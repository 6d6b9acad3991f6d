/* The engine's connection to orbitd: attaches, hands over the parameter set, again after every
 * restart of orbitd, with back-off between failures. Says on stderr what happened, once per
 * change.
 */
#ifndef ORBIT_MODEL_ENGINE_LINK_H
#define ORBIT_MODEL_ENGINE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/engine/engine.h"
#include "rt/base/rc.h"
#include "rt/shm/client.h"

#define LINK_BACKOFF_FIRST_NS 200000000LL
#define LINK_BACKOFF_MOST_NS  5000000000LL

struct link {
    struct client *client; /* NULL: not attached */
    char socket_path[CFG_PATH_SIZE];
    uint64_t revision; /* sets offered so far */
    bool pending;      /* the present set has not been judged yet by the present orbitd */
    int64_t due_ns;    /* not before this is it tried again */
    int64_t backoff_ns;
    char said[512]; /* the last trouble, so that it is not said twice */
};

/* A new set is to be sent; the configuration may have moved the socket. */
void link_offer(struct link *link, const struct cfg *cfg);

/* Does what is due now: attach, send, notice that orbitd is gone. result NULL: nothing to send.
 * A call blocks as long as orbitd takes to answer, 5 s at most. */
void link_tend(struct link *link, const struct result *result);

/* When link_tend has something to do again, whatever happens on link_fd (-1: none). */
int64_t link_due_ns(const struct link *link, const struct result *result, int64_t horizon_ns);
int link_fd(const struct link *link);

void link_close(struct link *link);

#endif
