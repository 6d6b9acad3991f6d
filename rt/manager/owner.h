/* Who owns the actuators: nobody, or one named session (an operator, a scenario).
 *
 * Whoever has the operator's role may lower the loop (hold, shadow, off); while somebody owns
 * it, only the owner may raise or change it. An ownership ends with its connection, or, if it
 * was taken for a time, at the end of that time; taking it from somebody else must be asked
 * for. A session is known by its name and user, so that one-shot commands belong to it too.
 * Pure: the caller says the time. The manager's thread only.
 */
#ifndef ORBIT_RT_MANAGER_OWNER_H
#define ORBIT_RT_MANAGER_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/server.h"

struct owner {
    bool held;
    char name[ORBIT_NAME_SIZE];
    uid_t uid;
    uint64_t connection; /* whose end is the end; 0: kept until until_ns */
    int64_t until_ns;
};

/* RC_DENIED with the owner's name if somebody else owns the actuators. */
MUST_USE enum rc owner_check(struct owner *owner, const struct server_peer *peer,
                             int64_t now_ns);

/* Takes or prolongs. lease_ns 0: as long as the peer's connection. RC_DENIED: somebody else's
 * and no takeover. `before` [ORBIT_NAME_SIZE] gets the name of the one who lost it, or "". */
MUST_USE enum rc owner_take(struct owner *owner, const struct server_peer *peer,
                            int64_t lease_ns, bool takeover, int64_t now_ns, char *before);

/* Gives up. RC_DENIED: somebody else's; RC_STATE: nobody's. */
MUST_USE enum rc owner_release(struct owner *owner, const struct server_peer *peer,
                               int64_t now_ns);

/* A connection has ended; true: and with it the ownership. */
bool owner_forget(struct owner *owner, uint64_t connection);

/* "nobody", or name, user and how long yet. */
void owner_describe(struct owner *owner, int64_t now_ns, char *text, size_t size);

#endif
