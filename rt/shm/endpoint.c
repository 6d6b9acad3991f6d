#include "rt/shm/endpoint.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/base/clock.h"

/* SCM_MAX_FD: the kernel delivers no more with one message, so that the control buffer can
 * never be cut off and a descriptor be left unseen. */
enum { KERNEL_MAX_FD = 253, MAX_TIMEOUT_MS = 3600 * 1000 };

union control_small {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(ENDPOINT_MAX_FD * sizeof(int))];
};

union control_large {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(KERNEL_MAX_FD * sizeof(int))];
};

void endpoint_prepare(struct orbit_msg *msg, enum msg_type type)
{
    *msg = (struct orbit_msg){
        .magic = ORBIT_MSG_MAGIC, .layout_hash = layout_hash(), .type = (uint64_t) type};
}

static int64_t deadline_of(int timeout_ms)
{
    int bounded = timeout_ms < 0                ? 0
                  : timeout_ms > MAX_TIMEOUT_MS ? MAX_TIMEOUT_MS
                                                : timeout_ms;

    return clock_mono_ns() + (int64_t) bounded * 1000000;
}

static enum rc wait_ready(int socket, short events, int64_t deadline_ns)
{
    struct pollfd poll_fd = {.fd = socket, .events = events};

    for (;;) {
        int64_t left_ns = deadline_ns - clock_mono_ns();
        struct timespec left = clock_timespec(left_ns > 0 ? left_ns : 0);
        int n = ppoll(&poll_fd, 1, &left, NULL);

        if (n > 0)
            return RC_OK;
        if (n == 0)
            return err_set(RC_TIMEOUT, "no answer in time");
        if (errno != EINTR)
            return err_sys("poll");
    }
}

static bool would_block(void)
{
    return errno == EAGAIN;
}

static bool peer_gone(void)
{
    return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN;
}

static void attach_fds(struct msghdr *header, union control_small *control,
                       const struct endpoint_fds *fds)
{
    size_t size_b = (size_t) fds->n * sizeof(int);
    struct cmsghdr *item;

    memset(control, 0, sizeof *control);
    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(size_b);
    item = CMSG_FIRSTHDR(header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(size_b);
    memcpy(CMSG_DATA(item), fds->fd, size_b);
}

enum rc endpoint_send(int socket, const struct orbit_msg *msg, const struct endpoint_fds *fds,
                      int timeout_ms)
{
    struct orbit_msg copy = *msg;
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control_small control;
    int64_t deadline_ns = deadline_of(timeout_ms);
    enum rc rc;

    if (fds && fds->n > 0)
        attach_fds(&header, &control, fds);
    for (;;) {
        if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return RC_OK;
        if (errno == EINTR)
            continue;
        if (peer_gone())
            return err_set(RC_GONE, "the peer closed the connection");
        if (!would_block())
            return err_sys("sendmsg");
        rc = wait_ready(socket, POLLOUT, deadline_ns);
        if (rc != RC_OK)
            return rc;
    }
}

/* Keeps the first descriptors and closes those beyond max_fd. Returns how many there were. */
static int take_fds(struct msghdr *header, struct endpoint_fds *fds, int max_fd)
{
    int n_seen = 0;

    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        size_t n = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++, n_seen++) {
            int fd;

            memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
            if (fds->n < max_fd)
                fds->fd[fds->n++] = fd;
            else
                close(fd);
        }
    }
    return n_seen;
}

static enum rc check_message(const struct orbit_msg *msg, ssize_t size_b,
                             const struct msghdr *header)
{
    if (size_b != (ssize_t) sizeof *msg || (header->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return err_set(RC_INPUT, "a message of %zd bytes, or cut off; expected %zu", size_b,
                       sizeof *msg);
    if (msg->magic != ORBIT_MSG_MAGIC)
        return err_set(RC_INPUT, "not a message of orbitd");
    if (msg->layout_hash != layout_hash())
        return err_set(RC_INPUT,
                       "the peer's layout is %016lx, ours is %016lx (ABI version %d): both "
                       "programs must come from the same build",
                       msg->layout_hash, layout_hash(), ORBIT_ABI_VERSION);
    if (!memchr(msg->text, 0, sizeof msg->text))
        return err_set(RC_INPUT, "the text of a message is not terminated");
    return RC_OK;
}

static enum rc receive_once(int socket, struct orbit_msg *msg, struct endpoint_fds *fds,
                            int max_fd)
{
    union control_large control;
    struct iovec part = {.iov_base = msg, .iov_len = sizeof *msg};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t size_b = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    enum rc rc;

    /* A peer that closed with something of ours unread: its last words are still queued. */
    if (size_b < 0 && errno == ECONNRESET)
        size_b = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size_b < 0 && would_block())
        return RC_TIMEOUT;
    if (size_b < 0 && !peer_gone())
        return err_sys("recvmsg");
    if (size_b < 0)
        return err_set(RC_GONE, "the peer closed the connection");
    if (take_fds(&header, fds, max_fd) > max_fd)
        rc = err_set(RC_INPUT, "a message with more than %d descriptors", max_fd);
    else if (size_b == 0)
        rc = err_set(RC_GONE, "the peer closed the connection");
    else
        rc = check_message(msg, size_b, &header);
    if (rc != RC_OK)
        endpoint_close_fds(fds);
    return rc;
}

enum rc endpoint_receive(int socket, struct orbit_msg *msg, struct endpoint_fds *fds,
                         int max_fd, int timeout_ms)
{
    int64_t deadline_ns = deadline_of(timeout_ms);
    enum rc rc;

    fds->n = 0;
    while ((rc = receive_once(socket, msg, fds, max_fd)) == RC_TIMEOUT) {
        rc = wait_ready(socket, POLLIN, deadline_ns);
        if (rc != RC_OK)
            return rc;
    }
    return rc;
}

void endpoint_close_fds(struct endpoint_fds *fds)
{
    for (int i = 0; i < fds->n; i++)
        close(fds->fd[i]);
    fds->n = 0;
}
