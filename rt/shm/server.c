#include "rt/shm/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/shm/endpoint.h"

enum {
    MESSAGES_PER_POLL = 4, /* of one client: nobody keeps the manager for himself */
    ACCEPTS_PER_POLL = 16,
    BACKLOG = 64
};

#define HELLO_LIMIT_NS  (2 * NS_PER_S)
#define ACCEPT_PAUSE_NS (NS_PER_S / 10)

struct connection {
    int fd; /* -1: dropped, to be removed */
    bool greeted;
    int64_t since_ns;
    struct server_peer peer;
};

struct server {
    struct server_config config;
    char path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
    int lock_fd, listen_fd;
    int64_t accept_after_ns; /* out of descriptors: no accept before this time */
    uint64_t n_accepted;
    unsigned n;
    struct connection connection[SERVER_MAX_CLIENT];
};

/* ---- socket and lock ---- */

static enum rc refuse_second(int fd, const char *path)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

    if (n <= 0)
        return err_set(RC_STATE, "another instance holds %s", path);
    pid[strcspn(pid, "\n")] = 0;
    return err_set(RC_STATE, "another instance holds %s: pid %s", path, pid);
}

/* The file stays when the lock goes: were it removed, two could hold locks on two files of one
 * name. */
static enum rc take_lock(struct server *server)
{
    char path[sizeof server->path + 8];
    int fd;

    snprintf(path, sizeof path, "%s.lock", server->path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_sys("open %s", path);
    server->lock_fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? refuse_second(fd, path) : err_sys("lock %s", path);
    if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int) getpid()) < 0)
        return err_sys("write %s", path);
    return RC_OK;
}

/* With the lock held, a socket of that name is what a dead instance left. */
static enum rc remove_stale(const char *path)
{
    struct stat stat;

    if (lstat(path, &stat) < 0)
        return errno == ENOENT ? RC_OK : err_sys("%s", path);
    if (!S_ISSOCK(stat.st_mode))
        return err_set(RC_STATE, "%s is there and is no socket", path);
    return unlink(path) < 0 ? err_sys("remove %s", path) : RC_OK;
}

/* Who may come is decided by the folder's rights, what he may do by his credentials. */
static enum rc listen_on(struct server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_sys("socket");
    server->listen_fd = fd;
    memcpy(address.sun_path, server->path, sizeof address.sun_path);
    if (bind(fd, (const struct sockaddr *) &address, sizeof address) < 0)
        return err_sys("bind %s", server->path);
    if (chmod(server->path, 0666) < 0 || listen(fd, BACKLOG) < 0)
        return err_sys("listen on %s", server->path);
    return RC_OK;
}

enum rc server_create(struct server **server, const struct server_config *config)
{
    struct server *made = NULL;
    size_t length = strlen(config->socket_path);
    enum rc rc;

    *server = NULL;
    if (length == 0 || length >= sizeof made->path)
        return err_set(RC_RANGE, "socket path '%s' has %zu bytes (1..%zu)", config->socket_path,
                       length, sizeof made->path - 1);
    made = calloc(1, sizeof *made);
    if (!made)
        return err_set(RC_NOMEM, "no memory for the server");
    made->config = *config;
    made->lock_fd = made->listen_fd = -1;
    memcpy(made->path, config->socket_path, length + 1);
    rc = take_lock(made);
    if (rc == RC_OK)
        rc = remove_stale(made->path);
    if (rc == RC_OK)
        rc = listen_on(made);
    if (rc != RC_OK)
        server_destroy(made);
    else
        *server = made;
    return rc;
}

/* ---- connections ---- */

static void drop(struct server *server, struct connection *connection)
{
    if (connection->fd < 0)
        return;
    close(connection->fd);
    connection->fd = -1;
    if (connection->greeted && connection->peer.role == ROLE_SOURCE)
        server->config.calls.on_detach(server->config.self, connection->peer.source_id);
    if (connection->greeted && server->config.calls.on_close)
        server->config.calls.on_close(server->config.self, &connection->peer);
}

static void remove_dropped(struct server *server)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < server->n; i++)
        if (server->connection[i].fd >= 0)
            server->connection[kept++] = server->connection[i];
    server->n = kept;
}

static void reply(struct server *server, struct connection *connection, uint64_t request,
                  enum rc code, const char *text)
{
    struct orbit_msg msg;

    endpoint_prepare(&msg, MSG_REPLY);
    msg.code = code;
    msg.run_id = server->config.run_id;
    msg.arg[0] = request;
    snprintf(msg.text, sizeof msg.text, "%s", text);
    /* A client that does not read its answers is not waited for. */
    if (endpoint_send(connection->fd, &msg, NULL, 0) != RC_OK)
        drop(server, connection);
}

static void refuse(struct server *server, struct connection *connection, enum rc code)
{
    reply(server, connection, 0, code, err_text());
    drop(server, connection);
}

static bool peer_of(int fd, struct server_peer *peer)
{
    struct ucred ucred;
    socklen_t size = sizeof ucred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
        return false;
    *peer = (struct server_peer){.pid = ucred.pid, .uid = ucred.uid};
    peer->is_operator = ucred.uid == 0 || ucred.uid == geteuid();
    return true;
}

void server_adopt(struct server *server, int socket)
{
    struct connection made = {.fd = socket, .since_ns = clock_mono_ns()};

    if (!peer_of(socket, &made.peer)) {
        close(socket);
    } else if (server->n == SERVER_MAX_CLIENT) {
        refuse(server, &made,
               err_set(RC_STATE, "orbitd has %d clients already", SERVER_MAX_CLIENT));
    } else {
        made.peer.connection = ++server->n_accepted;
        server->connection[server->n++] = made;
    }
}

/* Without descriptors or memory the socket stays readable: look again later instead of
 * spinning. */
static void accept_failed(struct server *server, int error)
{
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS)
        server->accept_after_ns = clock_mono_ns() + ACCEPT_PAUSE_NS;
}

static void accept_clients(struct server *server)
{
    for (int i = 0; i < ACCEPTS_PER_POLL; i++) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
            accept_failed(server, errno);
            break;
        }
        server_adopt(server, fd);
    }
}

/* ---- hello ---- */

static enum rc unknown_source(const struct server *server, const char *name)
{
    char names[ORBIT_MAX_SOURCE * (ORBIT_NAME_SIZE + 2)] = "";
    size_t used = 0;

    for (unsigned i = 0; i < server->config.n_source && used < sizeof names; i++)
        used += (size_t) snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                  server->config.source[i].name);
    return err_set(RC_DENIED, "no source is named '%s'; configured: %s", name, names);
}

static bool closed_by_peer(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

/* A successor may be faster than the news of its predecessor's end. */
static enum rc claim_source(struct server *server, uint64_t source_id)
{
    for (unsigned i = 0; i < server->n; i++) {
        struct connection *other = &server->connection[i];

        if (other->fd < 0 || !other->greeted || other->peer.role != ROLE_SOURCE ||
            other->peer.source_id != source_id)
            continue;
        if (!closed_by_peer(other->fd))
            return err_set(RC_DENIED, "source '%s' is connected already, by pid %d",
                           other->peer.name, (int) other->peer.pid);
        drop(server, other);
    }
    return RC_OK;
}

static enum rc find_source(struct server *server, struct server_peer *peer)
{
    for (unsigned i = 0; i < server->config.n_source; i++) {
        if (strcmp(server->config.source[i].name, peer->name) != 0)
            continue;
        if (!server->config.source[i].input)
            return err_set(RC_DENIED, "source '%s' is a stream that orbitd receives itself",
                           peer->name);
        peer->source_id = i;
        return claim_source(server, i);
    }
    return unknown_source(server, peer->name);
}

static enum rc take_name(struct server_peer *peer, const char *text)
{
    size_t length = strnlen(text, ORBIT_NAME_SIZE);

    if (length == 0 || length == ORBIT_NAME_SIZE)
        return err_set(RC_INPUT, "a client's name has 1 to %d bytes", ORBIT_NAME_SIZE - 1);
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return err_set(RC_INPUT, "a client's name has a byte that is not printable");
    memcpy(peer->name, text, length + 1);
    return RC_OK;
}

static enum rc check_hello(struct server *server, struct server_peer *peer,
                           const struct orbit_msg *msg)
{
    enum rc rc = take_name(peer, msg->text);

    if (rc != RC_OK)
        return rc;
    if (msg->arg[0] > ROLE_MODEL)
        return err_set(RC_INPUT, "role %lu is unknown", msg->arg[0]);
    peer->role = (enum client_role) msg->arg[0];
    if (peer->role != ROLE_OBSERVER && !peer->is_operator)
        return err_set(RC_DENIED, "uid %u may only observe: sources and models run as uid %u",
                       peer->uid, geteuid());
    if (msg->device_hash != 0 && msg->device_hash != server->config.device_hash)
        return err_set(RC_INPUT, "your device table is %016lx, that of orbitd is %016lx",
                       msg->device_hash, server->config.device_hash);
    return peer->role == ROLE_SOURCE ? find_source(server, peer) : RC_OK;
}

static void welcome(struct server *server, struct connection *connection, uint64_t generation)
{
    const struct server_config *config = &server->config;
    struct endpoint_fds fds = {.n = SEG_INPUT};
    struct orbit_msg msg;

    endpoint_prepare(&msg, MSG_WELCOME);
    msg.run_id = config->run_id;
    msg.device_hash = config->device_hash;
    msg.dims = config->dims;
    for (unsigned i = 0; i < SEG_INPUT; i++)
        fds.fd[i] = config->shared[i]->fd;
    if (connection->peer.role == ROLE_SOURCE) {
        msg.source_id = connection->peer.source_id;
        msg.generation = generation;
        msg.arg[0] = config->source[msg.source_id].n_value;
        fds.fd[fds.n++] = config->source[msg.source_id].input->fd;
    }
    if (endpoint_send(connection->fd, &msg, &fds, 0) != RC_OK)
        drop(server, connection);
}

static void greet(struct server *server, struct connection *connection,
                  const struct orbit_msg *msg)
{
    uint64_t generation = 0;
    enum rc rc = check_hello(server, &connection->peer, msg);

    if (rc != RC_OK) {
        refuse(server, connection, rc);
        return;
    }
    connection->greeted = true;
    if (connection->peer.role == ROLE_SOURCE)
        generation =
            server->config.calls.on_attach(server->config.self, connection->peer.source_id);
    welcome(server, connection, generation);
}

/* ---- requests ---- */

/* A line goes to the audit as it is: no byte of it may look like another line. */
static bool one_printable_line(const char *line)
{
    for (; *line; line++)
        if (*line < ' ' || *line > '~')
            return false;
    return true;
}

static enum rc run_command(struct server *server, const struct server_peer *peer,
                           const char *line, char *text, size_t size)
{
    if (!peer->is_operator)
        return err_set(RC_DENIED, "uid %u may only observe: commands need root or uid %u",
                       peer->uid, geteuid());
    if (!one_printable_line(line))
        return err_set(RC_INPUT, "a command is one line of printable ASCII");
    return server->config.calls.on_command(server->config.self, peer, line, text, size);
}

static enum rc take_parameters(struct server *server, const struct server_peer *peer,
                               const struct endpoint_fds *fds, char *text, size_t size)
{
    const struct server_config *config = &server->config;
    struct param_set set;
    enum rc rc;

    if (peer->role != ROLE_MODEL)
        return err_set(RC_DENIED, "parameter sets come from a model; '%s' is none", peer->name);
    if (fds->n != 1)
        return err_set(RC_INPUT, "a parameter set comes as one descriptor");
    rc = param_set_map(&set, fds->fd[0], &config->dims, config->device_hash);
    if (rc != RC_OK)
        return rc;
    rc = config->calls.on_parameters(config->self, peer, &set, text, size);
    param_set_unmap(&set);
    return rc;
}

static void answer(struct server *server, struct connection *connection,
                   const struct orbit_msg *msg, const struct endpoint_fds *fds)
{
    char text[ORBIT_TEXT_SIZE] = "";
    enum rc rc;

    if (msg->type == MSG_PARAMETERS)
        rc = take_parameters(server, &connection->peer, fds, text, sizeof text);
    else
        rc = run_command(server, &connection->peer, msg->text, text, sizeof text);
    reply(server, connection, msg->arg[0], rc, rc != RC_OK && !text[0] ? err_text() : text);
}

static void handle(struct server *server, struct connection *connection,
                   const struct orbit_msg *msg, const struct endpoint_fds *fds)
{
    bool expects_fd = msg->type == MSG_PARAMETERS;

    if (fds->n > 0 && !expects_fd) {
        refuse(server, connection,
               err_set(RC_INPUT, "a descriptor came with a message that has none"));
    } else if (!connection->greeted && msg->type == MSG_HELLO) {
        greet(server, connection, msg);
    } else if (connection->greeted && (msg->type == MSG_COMMAND || expects_fd)) {
        answer(server, connection, msg, fds);
    } else {
        refuse(server, connection,
               err_set(RC_INPUT, "message type %lu does not belong here", msg->type));
    }
}

static void serve(struct server *server, struct connection *connection)
{
    for (int i = 0; i < MESSAGES_PER_POLL && connection->fd >= 0; i++) {
        struct orbit_msg msg;
        struct endpoint_fds fds;
        enum rc rc = endpoint_receive(connection->fd, &msg, &fds, 1, 0);

        if (rc == RC_TIMEOUT)
            break;
        if (rc == RC_OK)
            handle(server, connection, &msg, &fds);
        else if (rc == RC_INPUT)
            refuse(server, connection, rc);
        else
            drop(server, connection);
        endpoint_close_fds(&fds);
    }
}

static void expire(struct server *server, int64_t now_ns)
{
    for (unsigned i = 0; i < server->n; i++) {
        struct connection *connection = &server->connection[i];

        if (connection->fd >= 0 && !connection->greeted &&
            now_ns - connection->since_ns > HELLO_LIMIT_NS)
            drop(server, connection);
    }
}

enum rc server_poll(struct server *server, int timeout_ms)
{
    struct pollfd poll_fd[SERVER_MAX_CLIENT + 1];
    unsigned n = server->n;
    bool accepting = clock_mono_ns() >= server->accept_after_ns;

    for (unsigned i = 0; i < n; i++)
        poll_fd[i] = (struct pollfd){.fd = server->connection[i].fd, .events = POLLIN};
    poll_fd[n] = (struct pollfd){.fd = accepting ? server->listen_fd : -1, .events = POLLIN};
    if (poll(poll_fd, n + 1, timeout_ms) < 0)
        return errno == EINTR ? RC_OK : err_sys("poll");
    for (unsigned i = 0; i < n; i++)
        if (poll_fd[i].revents != 0)
            serve(server, &server->connection[i]);
    if (poll_fd[n].revents != 0)
        accept_clients(server);
    expire(server, clock_mono_ns());
    remove_dropped(server);
    return RC_OK;
}

unsigned server_n_client(const struct server *server)
{
    return server->n;
}

void server_destroy(struct server *server)
{
    if (!server)
        return;
    for (unsigned i = 0; i < server->n; i++)
        drop(server, &server->connection[i]);
    if (server->listen_fd >= 0) {
        close(server->listen_fd);
        unlink(server->path);
    }
    if (server->lock_fd >= 0)
        close(server->lock_fd);
    free(server);
}
