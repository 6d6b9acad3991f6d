/* Datagrams from and to the loop: many by one system call, without waiting. */
#ifndef ORBIT_RT_HAL_UDP_SOCKET_H
#define ORBIT_RT_HAL_UDP_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/hal/bpm_datagram.h"

enum { UDP_BATCH = 16, UDP_CONTROL_B = 64 };

struct udp_address {
    uint32_t host; /* IPv4, host order */
    uint16_t port;
};

struct udp_batch {
    struct mmsghdr message[UDP_BATCH];
    struct iovec part[UDP_BATCH];
    struct sockaddr_in sender[UDP_BATCH];
    _Alignas(8) uint8_t control[UDP_BATCH][UDP_CONTROL_B];
    uint8_t byte[UDP_BATCH][DATAGRAM_MAX_B];
};

struct udp_socket {
    int fd; /* -1: none */
    uint16_t port;
    uint32_t dropped; /* by the kernel, so far */
    struct udp_batch *batch;
};

/* A bound socket that counts what the kernel drops. RC_SYS, RC_NOMEM; the socket is then
 * closed. */
MUST_USE enum rc udp_socket_open(struct udp_socket *socket, const struct udp_address *listen);
void udp_socket_close(struct udp_socket *socket);

/* Up to UDP_BATCH datagrams into the batch; their number, 0 if there is none. */
RT_SAFE int udp_socket_receive(struct udp_socket *socket);

/* The i-th of them. A longer one than DATAGRAM_MAX_B has size 0, which no format has. */
struct udp_datagram {
    const uint8_t *byte;
    size_t size_b;
    struct udp_address sender;
};
RT_SAFE struct udp_datagram udp_socket_datagram(const struct udp_socket *socket, int i);

/* Datagrams that the kernel dropped since the last call. */
RT_SAFE uint32_t udp_socket_new_drops(struct udp_socket *socket, int n_received);

/* One datagram, without waiting; false: it did not leave. */
RT_SAFE bool udp_socket_send(struct udp_socket *socket, const struct udp_address *to,
                             const void *byte, size_t size_b);

#endif
