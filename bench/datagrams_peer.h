/* The machine at the other end of the loop's sockets, played by the benchmark: it sends
 * positions, times what comes back, and answers as a power supply. */
#ifndef ORBIT_BENCH_DATAGRAMS_PEER_H
#define ORBIT_BENCH_DATAGRAMS_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"

enum { PEER_DEVICE = 7, PEER_SET_BYTES = 4096 };

struct datagrams_peer {
    int fd;
    uint16_t port; /* its own, where set points go */
    uint16_t bpm_port, answer_port;
    uint64_t n_bpm, n_supply, cycle, counter;
    float *set_a; /* [n_supply] */
};

MUST_USE enum rc datagrams_peer_open(struct datagrams_peer *peer, uint64_t n_bpm,
                                     uint64_t n_supply);
void datagrams_peer_close(struct datagrams_peer *peer);

/* Sends one group of positions, which change their sign from one to the next. */
void datagrams_peer_send(struct datagrams_peer *peer);

/* Says what is set. */
void datagrams_peer_answer(struct datagrams_peer *peer);

/* Polls until a datagram comes, and takes its set points; false: none by then. */
bool datagrams_peer_await(struct datagrams_peer *peer, int64_t until_ns);

#endif
