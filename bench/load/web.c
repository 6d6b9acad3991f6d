/* Stands in for orbit-web: snapshots as JSON over TCP, to readers that ask for 20 a second. */
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "rt/shm/client.h"

static const struct timespec between_requests = {.tv_nsec = 50000000};

static bool read_all(int fd, void *buffer, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = read(fd, (char *) buffer + have, size - have);

        if (n <= 0)
            return false;
        have += (size_t) n;
    }
    return true;
}

static bool write_all(int fd, const void *buffer, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t n = send(fd, (const char *) buffer + have, size - have, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        have += (size_t) n;
    }
    return true;
}

/* Asks with one byte; the answer is its length, then the text. */
static void ask_for_ever(const struct load *load, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t) port)};
    static char text[1 << 20];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t length;

    if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) != 0)
        _exit(1);
    while (write_all(fd, "?", 1) && read_all(fd, &length, sizeof length) &&
           length <= sizeof text && read_all(fd, text, length)) {
        load_count(load, 1);
        nanosleep(&between_requests, NULL);
    }
    _exit(1);
}

static char *snapshot_text(struct client *client, void *snapshot)
{
    const struct orbit_dims *dims = client_dims(client);
    const struct snapshot_head *head = snapshot;
    json_t *root, *orbit = json_array(), *full = json_array();
    char *text;

    while (!client_read_snapshot(client, snapshot) && client_alive(client))
        nanosleep(&between_requests, NULL);
    for (uint64_t i = 0; i < dims_n_row(dims); i++)
        json_array_append_new(orbit, json_real(snapshot_values(dims, snapshot, VEC_Y)[i]));
    for (uint64_t i = 0; i < dims_n_col(dims); i++)
        json_array_append_new(full, json_real(snapshot_values(dims, snapshot, VEC_FULL)[i]));
    root = json_pack("{s:I, s:o, s:o}", "cycle", (json_int_t) head->cycle, "orbit", orbit,
                     "full", full);
    text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    return text;
}

static void answer_for_ever(const struct load *load, int fd)
{
    struct client *client;
    void *snapshot;
    char asked;

    if (client_open(&client, load->socket, ROLE_OBSERVER, "web-load", 0) != RC_OK)
        _exit(1);
    snapshot = malloc(snapshot_size_b(client_dims(client)));
    while (snapshot && read_all(fd, &asked, 1)) {
        char *text = snapshot_text(client, snapshot);
        uint64_t length = text ? strlen(text) : 0;
        bool sent =
            text && write_all(fd, &length, sizeof length) && write_all(fd, text, length);

        free(text);
        if (!sent)
            break;
    }
    _exit(1);
}

static enum rc listen_somewhere(int *fd, int *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *) &name, size) != 0 || listen(*fd, 64) != 0 ||
        getsockname(*fd, (struct sockaddr *) &name, &size) != 0)
        return err_sys("a port for the web load");
    *port = ntohs(name.sin_port);
    return RC_OK;
}

enum rc load_web(const struct load *load)
{
    int listener = -1, port = 0;
    enum rc rc = listen_somewhere(&listener, &port);

    for (int i = 0; rc == RC_OK && i < load->clients; i++) {
        int fd;

        if (load_fork_child() == 0)
            ask_for_ever(load, port);
        fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return err_sys("a reader of the web load");
        if (load_fork_child() == 0)
            answer_for_ever(load, fd);
        close(fd);
    }
    while (rc == RC_OK)
        pause();
    return rc;
}
