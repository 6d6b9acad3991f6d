/* A program's connection to orbitd: attach, read, publish frames, send commands.
 *
 * One object is used by one thread at a time; several objects are independent. Attaching checks
 * magic, layout hash, sizes, dimensions and device hash of every segment. When orbitd dies or
 * is restarted, client_alive() turns false; close the object and open a new one (the
 * descriptors of the dead run stay readable until then, so nothing faults). No function here is
 * for the loop.
 */
#ifndef ORBIT_RT_SHM_CLIENT_H
#define ORBIT_RT_SHM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"
#include "rt/shm/param_set.h"

struct client;

/* Connects to the instance's socket. name: of the source (as configured) for ROLE_SOURCE, else
 * free text for the audit. device_hash: devices_hash() of the device table in use, or 0 to
 * accept any. Errors: RC_SYS (no socket), RC_DENIED (role, name or peer refused; text says
 * why), RC_INPUT (layout or devices differ), RC_TIMEOUT (no answer in 2 s). *client is NULL on
 * failure. */
MUST_USE enum rc client_open(struct client **client, const char *socket_path,
                             enum client_role role, const char *name, uint64_t device_hash);

/* Unmaps and disconnects; NULL is fine. */
void client_close(struct client *client);

/* False once the peer is gone; never blocks. client_fd() becomes readable then (for poll). */
bool client_alive(struct client *client);
int client_fd(const struct client *client);

const struct orbit_dims *client_dims(const struct client *client);
uint64_t client_run_id(const struct client *client);
uint64_t client_generation(const struct client *client); /* ROLE_SOURCE: of this connection */

/* Live numbers; read single fields with status_load(&block->field). */
const struct status_block *client_status(const struct client *client);
static inline uint64_t status_load(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

/* Copies a histogram for hist_percentile() (rt/base/hist.h). */
void client_copy_phase(const struct client *client, enum phase phase, struct hist *copy);

/* Each copies the newest complete block. false: none was published yet. snapshot: buffer of
 * snapshot_size_b(client_dims()) bytes; snapshot_vector() finds a vector in it. */
bool client_read_snapshot(struct client *client, void *buffer);
const double *snapshot_values(const struct orbit_dims *dims, const void *buffer,
                              enum snapshot_vector vector);
const uint64_t *snapshot_bits(const struct orbit_dims *dims, const void *buffer,
                              enum snapshot_vector vector);
bool client_read_text(struct client *client, struct text_block *text);
/* setpoint: buffer of setpoint_size_b() bytes, struct setpoint_head first, values behind it. */
bool client_read_setpoint(struct client *client, void *buffer);

/* Copies record number *next (start with 0: the newest). Returns 1 and advances *next; 0: none
 * yet; *lost is increased by the number of records that were overwritten before they could be
 * read. */
int client_read_record(struct client *client, uint64_t *next, void *buffer, uint64_t *lost);

/* The same for events; start with 1: the oldest that is kept. */
int client_read_event(struct client *client, uint64_t *next, struct event_record *event,
                      uint64_t *lost);

/* The same of SEG_CHECKPOINT and SEG_SET, whose blocks have client_block_b() bytes. */
uint64_t client_block_b(const struct client *client, enum segment_kind kind);
int client_read_block(struct client *client, enum segment_kind kind, uint64_t *next,
                      void *buffer, uint64_t *lost);

/* ROLE_SOURCE: number of values in a frame of this source, n_row (BPMs) or n_col (actuators);
 * else 0. */
uint64_t client_n_value(const struct client *client);

/* ROLE_SOURCE: publishes one frame. head->source_id and ->generation are filled in. Arrays are
 * [n_value]. Wait-free; one writer. false, and nothing is published: not a source, or
 * head->n_value is not client_n_value(). */
bool client_publish_frame(struct client *client, const struct frame_head *head,
                          const double *value, const double *aux, const int64_t *t_value_ns,
                          const uint64_t *quality);

/* Sends one command line ("mode closed", "reset", "reload", ...) and waits up to timeout_ms for
 * the answer, whose text goes to reply. Returns the answer's code, or RC_GONE / RC_TIMEOUT. */
MUST_USE enum rc client_command(struct client *client, const char *line, int timeout_ms,
                                char *reply, size_t reply_size);

/* ROLE_MODEL: sends a parameter set. head's magic, hashes, size, sections and dims are filled
 * in here. Returns the manager's verdict. */
MUST_USE enum rc client_send_parameters(struct client *client, struct param_head *head,
                                        const struct param_matrices *matrices, int timeout_ms);

#endif
