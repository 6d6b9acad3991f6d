/* orbitd's side of the socket: hands out segments, carries commands and parameter sets to the
 * manager.
 *
 * One thread (the manager) creates, polls and destroys it; the callbacks run in server_poll. A
 * client that is slow, silent or hostile is refused or dropped and never waited for.
 *
 * Who may do what, by SO_PEERCRED: uid 0 and orbitd's own uid are operators. Others may only
 * observe: they get ROLE_OBSERVER, and their commands are refused.
 */
#ifndef ORBIT_RT_SHM_SERVER_H
#define ORBIT_RT_SHM_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"
#include "rt/shm/param_set.h"
#include "rt/shm/segment.h"

enum { SERVER_MAX_CLIENT = 64 };

struct server_peer {
    pid_t pid;
    uid_t uid;
    bool is_operator;
    enum client_role role;
    char name[ORBIT_NAME_SIZE];
    uint64_t source_id;  /* ROLE_SOURCE: index into server_config.source */
    uint64_t connection; /* 1, 2, ...: never used twice in a run */
};

/* Each gets `self` of the configuration. Text written to reply ([reply_size], empty at entry)
 * goes to the client with the returned code; if it stays empty after a failure, err_text() is
 * sent. */
struct server_calls {
    /* A source attaches; returns its new generation, not 0. */
    uint64_t (*on_attach)(void *self, uint64_t source_id);
    /* Its connection ended, for whatever reason. */
    void (*on_detach)(void *self, uint64_t source_id);
    enum rc (*on_command)(void *self, const struct server_peer *peer, const char *line,
                          char *reply, size_t reply_size);
    /* A connection that had been welcomed ended; NULL is fine. */
    void (*on_close)(void *self, const struct server_peer *peer);
    /* A parameter set, mapped and checked (param_set.h), readable until the return. */
    enum rc (*on_parameters)(void *self, const struct server_peer *peer,
                             const struct param_set *set, char *reply, size_t reply_size);
};

struct server_source {
    const char *name;
    const struct segment *input; /* NULL: the loop receives it itself, nobody may attach */
    uint64_t n_value;            /* values of its frames: n_row or n_col */
};

/* Everything pointed to outlives the server. */
struct server_config {
    const char
        *socket_path; /* its folder exists; the lock file is socket_path with ".lock" behind */
    uint64_t run_id, device_hash;
    struct orbit_dims dims;
    const struct segment *shared[SEG_INPUT]; /* SEG_STATUS ... SEG_EVENT */
    unsigned n_source;
    struct server_source source[ORBIT_MAX_SOURCE];
    struct server_calls calls;
    void *self;
};

struct server;

/* Takes the lock, replaces a stale socket, listens. RC_STATE: another instance holds the lock
 * (its pid is in the text); RC_SYS. *server is NULL on failure. */
MUST_USE enum rc server_create(struct server **server, const struct server_config *config);

/* Serves whatever arrived within timeout_ms (0: only what is there; a few messages per client
 * and call). RC_SYS only if the server itself can go on no longer. */
MUST_USE enum rc server_poll(struct server *server, int timeout_ms);

/* Connected clients. */
unsigned server_n_client(const struct server *server);

/* Serves a connected socket as if it had been accepted (takes it, closes it if there is no
 * room). */
void server_adopt(struct server *server, int socket);

/* Calls on_detach for connected sources, removes the socket, gives up the lock; NULL is fine.
 */
void server_destroy(struct server *server);

#endif
