#include "rt/manager/owner.h"

#include <stdio.h>
#include <string.h>

static bool expire(struct owner *owner, int64_t now_ns)
{
    if (owner->held && owner->connection == 0 && now_ns >= owner->until_ns)
        owner->held = false;
    return owner->held;
}

static bool is_owner(const struct owner *owner, const struct server_peer *peer)
{
    return owner->uid == peer->uid && strcmp(owner->name, peer->name) == 0;
}

void owner_describe(struct owner *owner, int64_t now_ns, char *text, size_t size)
{
    if (!expire(owner, now_ns))
        snprintf(text, size, "nobody");
    else if (owner->connection)
        snprintf(text, size, "%s (uid %u), while it is connected", owner->name,
                 (unsigned) owner->uid);
    else
        snprintf(text, size, "%s (uid %u), for another %.0f s", owner->name,
                 (unsigned) owner->uid, (double) (owner->until_ns - now_ns) / 1e9);
}

enum rc owner_check(struct owner *owner, const struct server_peer *peer, int64_t now_ns)
{
    char text[2 * ORBIT_NAME_SIZE + 64];

    if (!expire(owner, now_ns) || is_owner(owner, peer))
        return RC_OK;
    owner_describe(owner, now_ns, text, sizeof text);
    return err_set(RC_DENIED,
                   "the loop belongs to %s: only the owner may do this; orbitctl own "
                   "--takeover takes it over",
                   text);
}

enum rc owner_take(struct owner *owner, const struct server_peer *peer, int64_t lease_ns,
                   bool takeover, int64_t now_ns, char *before)
{
    enum rc rc = owner_check(owner, peer, now_ns);

    before[0] = '\0';
    if (rc != RC_OK && !takeover)
        return rc;
    if (owner->held && !is_owner(owner, peer))
        snprintf(before, ORBIT_NAME_SIZE, "%s", owner->name);
    *owner = (struct owner){.held = true,
                            .uid = peer->uid,
                            .connection = lease_ns ? 0 : peer->connection,
                            .until_ns = now_ns + lease_ns};
    snprintf(owner->name, sizeof owner->name, "%s", peer->name);
    return RC_OK;
}

enum rc owner_release(struct owner *owner, const struct server_peer *peer, int64_t now_ns)
{
    enum rc rc = owner_check(owner, peer, now_ns);

    if (rc != RC_OK)
        return rc;
    if (!owner->held)
        return err_set(RC_STATE, "nobody owns the loop");
    owner->held = false;
    return RC_OK;
}

bool owner_forget(struct owner *owner, uint64_t connection)
{
    if (!owner->held || owner->connection == 0 || owner->connection != connection)
        return false;
    owner->held = false;
    return true;
}
