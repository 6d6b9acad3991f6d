/* A command's view of one instance: its configuration, its device table where readable, its
 * orbitd.
 *
 *   session_locate -> session_attach -> { session_read, client_command } -> session_close
 */
#ifndef ORBIT_IO_CTL_SESSION_H
#define ORBIT_IO_CTL_SESSION_H

#include "config/cfg.h"
#include "config/devices.h"
#include "io/ctl/ctl.h"
#include "io/points.h"
#include "rt/base/hist.h"
#include "rt/shm/client.h"

struct session {
    struct cfg cfg;
    struct devices devices; /* empty: not readable, or not known (--instance) */
    struct client *client;
    void *snapshot;
    bool has_snapshot, has_text;
    struct text_block text;
    struct hist phase[PHASE_COUNT];
    struct points_source points; /* of the last session_read */
};

/* Finds the instance. A faulty configuration is warned of and used as far as it goes: a running
 * orbitd can still be asked. RC_INPUT: no instance named, or the file cannot be read at all. */
MUST_USE enum rc session_locate(struct session *session, const struct ctl *ctl);

/* Connects. RC_GONE: there is no orbitd; else as client_open. */
MUST_USE enum rc session_attach(struct session *session, const struct ctl *ctl);

/* Takes the newest snapshot, texts and histograms; session->points then reads them. RC_GONE:
 * orbitd is gone. Before the first cycle there is no snapshot. */
MUST_USE enum rc session_read(struct session *session);

/* An empty one is fine. */
void session_close(struct session *session);

/* Both steps for a command: on failure says why and sets *code to its exit code. */
bool session_open(struct session *session, const struct ctl *ctl, int *code);

#endif
