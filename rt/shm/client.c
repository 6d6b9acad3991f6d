#include "rt/shm/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/shm/endpoint.h"
#include "rt/shm/frame.h"
#include "rt/shm/segment.h"
#include "rt/shm/slot_ring.h"

enum { OPEN_TIMEOUT_MS = 2000 };

struct client {
    int socket;
    bool gone;
    enum client_role role;
    uint64_t requests; /* sent so far; numbers them, so that late answers are known */
    uint64_t run_id, source_id, generation, device_hash;
    struct orbit_dims dims;
    struct segment segment[SEG_KIND_COUNT];
    struct slot_reader ring[SEG_INPUT]; /* SEG_STATUS is none */
    struct frame_writer writer;
};

/* ---- opening ---- */

static enum rc connect_to(struct client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = OPEN_TIMEOUT_MS / 1000};

    if (strlen(path) >= sizeof address.sun_path)
        return err_set(RC_RANGE, "socket path '%s' is longer than %zu bytes", path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    client->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (client->socket < 0)
        return err_sys("socket");
    /* Bounds connect() while orbitd's queue of callers is full. */
    if (setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return err_sys("setsockopt");
    if (connect(client->socket, (const struct sockaddr *) &address, sizeof address) < 0)
        return errno == EAGAIN
                   ? err_set(RC_TIMEOUT, "no connection is taken in %d ms", OPEN_TIMEOUT_MS)
                   : err_sys("connect");
    return RC_OK;
}

static enum rc say_hello(struct client *client, const char *name, uint64_t device_hash)
{
    struct orbit_msg msg;
    enum rc rc;

    endpoint_prepare(&msg, MSG_HELLO);
    if (strlen(name) >= ORBIT_NAME_SIZE)
        return err_set(RC_RANGE, "client name '%s' is longer than %d bytes", name,
                       ORBIT_NAME_SIZE - 1);
    memcpy(msg.text, name, strlen(name) + 1);
    msg.arg[0] = client->role;
    msg.device_hash = device_hash;
    rc = endpoint_send(client->socket, &msg, NULL, OPEN_TIMEOUT_MS);
    /* Refused before it was heard: the reason is waiting to be read. */
    return rc == RC_GONE ? RC_OK : rc;
}

static uint64_t payload_size_b(const struct orbit_dims *dims, enum segment_kind kind)
{
    switch (kind) {
    case SEG_TEXT:
        return sizeof(struct text_block);
    case SEG_SNAPSHOT:
        return snapshot_size_b(dims);
    case SEG_RECORD:
        return record_size_b(dims);
    case SEG_SETPOINT:
        return setpoint_size_b(dims);
    case SEG_EVENT:
        return sizeof(struct event_record);
    case SEG_CHECKPOINT: /* as large as orbitd makes them */
    case SEG_SET:
    case SEG_STATUS:
    case SEG_INPUT:
    case SEG_KIND_COUNT:
        break;
    }
    return 0;
}

static enum rc attach_segment(struct client *client, enum segment_kind kind, int fd)
{
    struct segment_head expect = {.kind = kind,
                                  .run_id = client->run_id,
                                  .device_hash = client->device_hash,
                                  .dims = client->dims};
    struct segment *segment = &client->segment[kind];
    enum rc rc;

    if (kind == SEG_STATUS)
        expect.size_b = sizeof(struct status_block);
    rc = segment_attach(segment, fd, &expect);
    if (rc == RC_OK && kind != SEG_STATUS && kind != SEG_INPUT)
        rc = slot_reader_attach(&client->ring[kind], segment,
                                payload_size_b(&client->dims, kind));
    return rc;
}

static enum rc take_welcome(struct client *client, const struct orbit_msg *msg,
                            const struct endpoint_fds *fds)
{
    int n_expected = client->role == ROLE_SOURCE ? SEG_INPUT + 1 : SEG_INPUT;
    enum rc rc = RC_OK;

    if (msg->type == MSG_REPLY && msg->code < 0)
        return err_set((enum rc) msg->code, "%s", msg->text);
    if (msg->type != MSG_WELCOME || fds->n != n_expected || !dims_valid(&msg->dims))
        return err_set(RC_INPUT, "message type %lu with %d descriptors is no welcome",
                       msg->type, fds->n);
    client->run_id = msg->run_id;
    client->device_hash = msg->device_hash;
    client->dims = msg->dims;
    client->source_id = msg->source_id;
    client->generation = msg->generation;
    for (int i = 0; i < fds->n && rc == RC_OK; i++)
        rc = attach_segment(client, (enum segment_kind) i, fds->fd[i]);
    if (rc == RC_OK && client->role == ROLE_SOURCE)
        rc = frame_writer_attach(&client->writer, &client->segment[SEG_INPUT], msg->arg[0]);
    return rc;
}

static enum rc open_session(struct client *client, const char *path, const char *name,
                            uint64_t device_hash)
{
    struct orbit_msg msg;
    struct endpoint_fds fds;
    enum rc rc = connect_to(client, path);

    if (rc == RC_OK)
        rc = say_hello(client, name, device_hash);
    if (rc == RC_OK)
        rc = endpoint_receive(client->socket, &msg, &fds, ENDPOINT_MAX_FD, OPEN_TIMEOUT_MS);
    if (rc != RC_OK)
        return rc;
    rc = take_welcome(client, &msg, &fds);
    endpoint_close_fds(&fds);
    return rc;
}

enum rc client_open(struct client **client, const char *socket_path, enum client_role role,
                    const char *name, uint64_t device_hash)
{
    struct client *made = calloc(1, sizeof *made);
    enum rc rc;

    *client = NULL;
    if (!made)
        return err_set(RC_NOMEM, "no memory for a client");
    made->socket = -1;
    made->role = role;
    rc = open_session(made, socket_path, name, device_hash);
    if (rc != RC_OK) {
        client_close(made);
        return err_add(rc, "orbitd at %s", socket_path);
    }
    *client = made;
    return RC_OK;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    /* Unmap first: the closed connection tells orbitd that nobody writes the segment any more.
     */
    for (int i = 0; i < SEG_KIND_COUNT; i++)
        segment_close(&client->segment[i]);
    if (client->socket >= 0)
        close(client->socket);
    free(client);
}

/* ---- state ---- */

bool client_alive(struct client *client)
{
    while (!client->gone) {
        struct orbit_msg msg;
        struct endpoint_fds fds;
        enum rc rc = endpoint_receive(client->socket, &msg, &fds, 0, 0);

        /* A message here is the late answer to a request that was given up. */
        if (rc == RC_TIMEOUT)
            return true;
        client->gone = rc != RC_OK;
    }
    return false;
}

int client_fd(const struct client *client)
{
    return client->socket;
}

const struct orbit_dims *client_dims(const struct client *client)
{
    return &client->dims;
}

uint64_t client_run_id(const struct client *client)
{
    return client->run_id;
}

uint64_t client_generation(const struct client *client)
{
    return client->generation;
}

int client_read_event(struct client *client, uint64_t *next, struct event_record *event,
                      uint64_t *lost)
{
    return slot_reader_read_next(&client->ring[SEG_EVENT], next, event, lost) ? 1 : 0;
}

uint64_t client_block_b(const struct client *client, enum segment_kind kind)
{
    return client->ring[kind].payload_b;
}

int client_read_block(struct client *client, enum segment_kind kind, uint64_t *next,
                      void *buffer, uint64_t *lost)
{
    return slot_reader_read_next(&client->ring[kind], next, buffer, lost) ? 1 : 0;
}

uint64_t client_n_value(const struct client *client)
{
    return client->writer.n_value;
}

/* ---- reading ---- */

const struct status_block *client_status(const struct client *client)
{
    return client->segment[SEG_STATUS].base;
}

void client_copy_phase(const struct client *client, enum phase phase, struct hist *copy)
{
    hist_copy(copy, &client_status(client)->phase[phase]);
}

bool client_read_snapshot(struct client *client, void *buffer)
{
    return slot_reader_read_newest(&client->ring[SEG_SNAPSHOT], buffer) != 0;
}

static const void *vector_at(const struct orbit_dims *dims, const void *buffer,
                             enum snapshot_vector vector)
{
    return (const unsigned char *) buffer + snapshot_offset_b(dims, vector);
}

const double *snapshot_values(const struct orbit_dims *dims, const void *buffer,
                              enum snapshot_vector vector)
{
    return vector_at(dims, buffer, vector);
}

const uint64_t *snapshot_bits(const struct orbit_dims *dims, const void *buffer,
                              enum snapshot_vector vector)
{
    return vector_at(dims, buffer, vector);
}

bool client_read_text(struct client *client, struct text_block *text)
{
    return slot_reader_read_newest(&client->ring[SEG_TEXT], text) != 0;
}

bool client_read_setpoint(struct client *client, void *buffer)
{
    return slot_reader_read_newest(&client->ring[SEG_SETPOINT], buffer) != 0;
}

int client_read_record(struct client *client, uint64_t *next, void *buffer, uint64_t *lost)
{
    return slot_reader_read_next(&client->ring[SEG_RECORD], next, buffer, lost) ? 1 : 0;
}

/* ---- writing ---- */

bool client_publish_frame(struct client *client, const struct frame_head *head,
                          const double *value, const double *aux, const int64_t *t_value_ns,
                          const uint64_t *quality)
{
    struct frame_arrays arrays = {value, aux, t_value_ns, quality};
    struct frame_head own = *head;

    if (client->role != ROLE_SOURCE || head->n_value != client->writer.n_value)
        return false;
    own.source_id = client->source_id;
    own.generation = client->generation;
    frame_publish(&client->writer, &own, &arrays);
    return true;
}

static int left_ms(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - clock_mono_ns();

    return left_ns > 0 ? (int) (left_ns / 1000000) + 1 : 0;
}

/* Sends a request and waits for the answer that carries its number. */
static enum rc ask(struct client *client, struct orbit_msg *msg, const struct endpoint_fds *fds,
                   int timeout_ms)
{
    int64_t deadline_ns = clock_mono_ns() + (int64_t) timeout_ms * 1000000;
    uint64_t request = ++client->requests;
    enum rc rc;

    msg->arg[0] = request;
    rc = endpoint_send(client->socket, msg, fds, timeout_ms);
    while (rc == RC_OK) {
        struct endpoint_fds none;

        rc = endpoint_receive(client->socket, msg, &none, 0, left_ms(deadline_ns));
        if (rc == RC_OK && msg->type == MSG_REPLY && msg->arg[0] == request)
            return RC_OK;
        /* A refusal that ends the connection answers no number. */
        if (rc == RC_OK && msg->type == MSG_REPLY && msg->arg[0] == 0)
            return RC_OK;
    }
    client->gone = client->gone || rc != RC_TIMEOUT;
    return rc;
}

static enum rc verdict(const struct orbit_msg *msg)
{
    if (msg->code == RC_OK)
        return RC_OK;
    if (msg->code < RC_GONE || msg->code > RC_OK)
        return err_set(RC_INPUT, "an answer with code %ld", msg->code);
    return err_set((enum rc) msg->code, "%s", msg->text);
}

enum rc client_command(struct client *client, const char *line, int timeout_ms, char *reply,
                       size_t reply_size)
{
    struct orbit_msg msg;
    enum rc rc;

    if (reply_size > 0)
        reply[0] = 0;
    endpoint_prepare(&msg, MSG_COMMAND);
    if (strlen(line) >= sizeof msg.text)
        return err_set(RC_RANGE, "a command has at most %zu bytes", sizeof msg.text - 1);
    memcpy(msg.text, line, strlen(line) + 1);
    rc = ask(client, &msg, NULL, timeout_ms);
    if (rc != RC_OK)
        return rc;
    snprintf(reply, reply_size, "%s", msg.text);
    return verdict(&msg);
}

enum rc client_send_parameters(struct client *client, struct param_head *head,
                               const struct param_matrices *matrices, int timeout_ms)
{
    struct endpoint_fds fds = {.n = 1};
    struct orbit_msg msg;
    enum rc rc;

    head->dims = client->dims;
    head->device_hash = client->device_hash;
    rc = param_set_create(&fds.fd[0], head, matrices);
    if (rc != RC_OK)
        return rc;
    endpoint_prepare(&msg, MSG_PARAMETERS);
    rc = ask(client, &msg, &fds, timeout_ms);
    endpoint_close_fds(&fds);
    return rc == RC_OK ? verdict(&msg) : rc;
}
