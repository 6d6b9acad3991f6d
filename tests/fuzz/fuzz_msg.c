/* Any sequence of connections, messages, raw bytes and descriptors against the server: it stays
 * up, gives every place, descriptor and source back, and never passes on what it should have
 * refused.
 *
 * The input is a script, so that it need not know the layout hash; a byte chooses a step:
 *   0 connect   1 close i   2 poll   3 message i (type, role, name, patches, descriptor)
 *   4 raw bytes i (length)   5 read what came to i
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/shm/endpoint.h"
#include "rt/shm/param_set.h"
#include "tests/support/exchange_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_CONNECTION = SERVER_MAX_CLIENT + 4, STEPS = 6, MAX_STEP = 400 };

struct script {
    const uint8_t *at;
    size_t left;
};

static struct rig rig;
static int connection[MAX_CONNECTION];
static unsigned n_connection;

static uint8_t take(struct script *script)
{
    if (script->left == 0)
        return 0;
    script->left--;
    return *script->at++;
}

static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static int chosen(struct script *script)
{
    unsigned i = take(script);

    return n_connection ? connection[i % n_connection] : -1;
}

static void connect_one(void)
{
    int pair[2];

    if (n_connection == MAX_CONNECTION)
        return;
    demand(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0,
           "socketpair");
    server_adopt(rig.server, pair[0]);
    connection[n_connection++] = pair[1];
}

static void close_one(struct script *script)
{
    unsigned i = take(script);

    if (n_connection == 0)
        return;
    i %= n_connection;
    close(connection[i]);
    connection[i] = connection[--n_connection];
}

static void patch(struct script *script, void *bytes, size_t size)
{
    for (unsigned n = take(script) % 4; n > 0; n--) {
        size_t offset = (size_t) take(script) << 8;

        offset |= take(script);
        ((uint8_t *) bytes)[offset % size] = take(script);
    }
}

/* A parameter set: right, patched behind its hash, or without seals. */
static int make_set(struct script *script)
{
    static double r[60], k[60];
    struct param_head head = {
        .dims = rig.config.dims, .device_hash = RIG_DEVICES, .n_block = 1};
    struct param_matrices matrices = param_matrices_of(&head.dims, r, k);
    uint8_t kind = take(script) % 3;
    int fd;

    if (kind == 0) {
        demand(param_set_create(&fd, &head, &matrices) == RC_OK, "param_set_create");
        return fd;
    }
    head.magic = ORBIT_SET_MAGIC;
    head.layout_hash = layout_hash();
    head.size_b = param_size_b(&matrices);
    patch(script, &head, sizeof head);
    fd = memfd_create("set", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    demand(ftruncate(fd, (off_t) head.size_b & 0xffffff) == 0, "ftruncate");
    demand(pwrite(fd, &head, sizeof head, 0) == sizeof head, "pwrite");
    if (kind == 2)
        demand(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0, "seal");
    return fd;
}

static void make_descriptor(struct script *script, struct endpoint_fds *fds)
{
    switch (take(script) % 4) {
    case 1:
        fds->fd[fds->n++] = make_set(script);
        break;
    case 2:
        fds->fd[fds->n++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        break;
    case 3: /* two: one too many for any message */
        fds->fd[fds->n++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        fds->fd[fds->n++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        break;
    default:
        break;
    }
}

static void send_message(struct script *script)
{
    static const char *const texts[] = {"bpm", "act", "viewer", "", "mode closed", "a\nb"};
    struct endpoint_fds fds = {.n = 0};
    struct orbit_msg msg;
    int fd = chosen(script);
    enum rc rc;

    endpoint_prepare(&msg, (enum msg_type)(take(script) % 6));
    msg.arg[0] = take(script) % 4;
    strcpy(msg.text, texts[take(script) % 6]);
    patch(script, &msg, sizeof msg);
    make_descriptor(script, &fds);
    rc = fd >= 0 ? endpoint_send(fd, &msg, &fds, 0) : RC_OK;
    demand(rc == RC_OK || rc == RC_GONE || rc == RC_TIMEOUT, "endpoint_send");
    endpoint_close_fds(&fds);
}

static void send_raw(struct script *script)
{
    static uint8_t bytes[65536];
    int fd = chosen(script);
    size_t size = (size_t) take(script) << 8;

    size |= take(script);
    for (size_t i = 0; i < size && script->left; i++)
        bytes[i] = take(script);
    if (fd >= 0 && send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
}

static void read_answer(struct script *script)
{
    struct endpoint_fds fds;
    struct orbit_msg msg;
    int fd = chosen(script);
    enum rc rc;

    if (fd < 0)
        return;
    rc = endpoint_receive(fd, &msg, &fds, ENDPOINT_MAX_FD, 0);
    demand(rc == RC_OK || rc == RC_GONE || rc == RC_TIMEOUT,
           "an answer that is not well-formed");
    if (rc == RC_OK)
        demand(msg.type == MSG_REPLY || msg.type == MSG_WELCOME, "an answer of another type");
    endpoint_close_fds(&fds);
}

static void step(struct script *script)
{
    switch (take(script) % STEPS) {
    case 0:
        connect_one();
        break;
    case 1:
        close_one(script);
        break;
    case 2:
        demand(server_poll(rig.server, 0) == RC_OK, "server_poll");
        break;
    case 3:
        send_message(script);
        break;
    case 4:
        send_raw(script);
        break;
    default:
        read_answer(script);
        break;
    }
}

static void check_callbacks(void)
{
    demand(server_n_client(rig.server) <= SERVER_MAX_CLIENT, "too many clients");
    for (const char *c = rig.line; *c; c++)
        demand(*c >= ' ' && *c <= '~', "a command that is not one printable line");
    if (rig.n_parameters)
        demand(rig.peer.is_operator, "a set from somebody without rights");
}

static void clean_up(void)
{
    rig_destroy(&rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.at = data, .left = size};
    static bool ready;
    unsigned n_fd;

    if (!ready) {
        rig_create(&rig);
        atexit(clean_up);
        ready = true;
    }
    n_fd = rig_n_fd();
    for (int i = 0; i < MAX_STEP && script.left; i++) {
        step(&script);
        check_callbacks();
    }
    while (n_connection)
        close(connection[--n_connection]);
    rig_poll(&rig);
    demand(server_n_client(rig.server) == 0, "a client that is gone keeps its place");
    demand(rig.generation[RIG_BPM] == 0 && rig.generation[RIG_ACT] == 0,
           "a source that is gone is still attached");
    demand(rig_n_fd() == n_fd, "a descriptor is lost");
    return 0;
}
