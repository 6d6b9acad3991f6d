#include "rt/hal/udp_socket.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A second of 4096-byte groups at 1 kHz; the kernel gives what net.core.rmem_max allows. */
enum { WANTED_BUFFER_B = 4 << 20 };

static void prepare_batch(struct udp_batch *batch)
{
    for (int i = 0; i < UDP_BATCH; i++) {
        batch->part[i] = (struct iovec){.iov_base = batch->byte[i], .iov_len = DATAGRAM_MAX_B};
        batch->message[i].msg_hdr = (struct msghdr){.msg_name = &batch->sender[i],
                                                    .msg_namelen = sizeof batch->sender[i],
                                                    .msg_iov = &batch->part[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = batch->control[i],
                                                    .msg_controllen = UDP_CONTROL_B};
    }
}

static enum rc bind_to(struct udp_socket *s, const struct udp_address *listen)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(listen->port),
                                  .sin_addr = {htonl(listen->host)}};
    socklen_t size = sizeof address;
    int on = 1, buffer_b = WANTED_BUFFER_B;

    (void) setsockopt(s->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    (void) setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buffer_b, sizeof buffer_b);
    if (bind(s->fd, (const struct sockaddr *) &address, size) != 0 ||
        getsockname(s->fd, (struct sockaddr *) &address, &size) != 0)
        return err_sys("UDP port %u of %u.%u.%u.%u", listen->port, listen->host >> 24,
                       listen->host >> 16 & 255, listen->host >> 8 & 255, listen->host & 255);
    s->port = ntohs(address.sin_port);
    return RC_OK;
}

enum rc udp_socket_open(struct udp_socket *s, const struct udp_address *listen)
{
    enum rc rc;

    *s = (struct udp_socket){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (s->fd < 0)
        return err_sys("a UDP socket");
    s->batch = calloc(1, sizeof *s->batch);
    rc = s->batch ? bind_to(s, listen) : err_set(RC_NOMEM, "no memory for datagrams");
    if (rc != RC_OK)
        udp_socket_close(s);
    else
        prepare_batch(s->batch);
    return rc;
}

void udp_socket_close(struct udp_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    free(s->batch);
    s->batch = NULL;
}

int udp_socket_receive(struct udp_socket *s)
{
    int n = recvmmsg(s->fd, s->batch->message, UDP_BATCH, MSG_DONTWAIT, NULL);

    return n > 0 ? n : 0;
}

struct udp_datagram udp_socket_datagram(const struct udp_socket *s, int i)
{
    const struct mmsghdr *message = &s->batch->message[i];
    const struct sockaddr_in *sender = &s->batch->sender[i];
    bool whole = !(message->msg_hdr.msg_flags & MSG_TRUNC);

    return (struct udp_datagram){
        .byte = s->batch->byte[i],
        .size_b = whole ? message->msg_len : 0,
        .sender = {.host = ntohl(sender->sin_addr.s_addr), .port = ntohs(sender->sin_port)}};
}

/* The kernel adds its count of drops to the datagrams after them. What it changes in the
 * headers is set back for the next batch. */
uint32_t udp_socket_new_drops(struct udp_socket *s, int n_received)
{
    uint32_t before = s->dropped;

    for (int i = 0; i < n_received; i++) {
        struct msghdr *header = &s->batch->message[i].msg_hdr;
        const struct cmsghdr *control = CMSG_FIRSTHDR(header);

        if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL)
            memcpy(&s->dropped, CMSG_DATA(control), sizeof s->dropped);
        header->msg_controllen = UDP_CONTROL_B;
        header->msg_namelen = sizeof s->batch->sender[i];
    }
    return s->dropped - before;
}

bool udp_socket_send(struct udp_socket *s, const struct udp_address *to, const void *byte,
                     size_t size_b)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(to->port), .sin_addr = {htonl(to->host)}};

    return sendto(s->fd, byte, size_b, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *) &address, sizeof address) == (ssize_t) size_b;
}
