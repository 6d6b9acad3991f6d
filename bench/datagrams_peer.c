#include "bench/datagrams_peer.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/base/clock.h"

enum { RECORD_B = 16, ORDER_HEAD_B = 56, ANSWER_HEAD_B = 32, LOCKED_AND_VALID = 0x801 };

enum rc datagrams_peer_open(struct datagrams_peer *peer, uint64_t n_bpm, uint64_t n_supply)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof own;

    *peer = (struct datagrams_peer){.n_bpm = n_bpm, .n_supply = n_supply};
    peer->set_a = calloc(n_supply, sizeof *peer->set_a);
    peer->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!peer->set_a)
        return err_set(RC_NOMEM, "datagrams of a benchmark");
    if (peer->fd < 0 || bind(peer->fd, (const struct sockaddr *) &own, size) != 0 ||
        getsockname(peer->fd, (struct sockaddr *) &own, &size) != 0)
        return err_sys("a socket of a benchmark");
    peer->port = ntohs(own.sin_port);
    return RC_OK;
}

void datagrams_peer_close(struct datagrams_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    free(peer->set_a);
}

static void put(uint8_t *at, unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t) (value >> 8 * i);
}

static void send_to(const struct datagrams_peer *peer, uint16_t port, const uint8_t *byte,
                    size_t size)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

    (void) !sendto(peer->fd, byte, size, MSG_NOSIGNAL, (const struct sockaddr *) &to,
                   sizeof to);
}

void datagrams_peer_send(struct datagrams_peer *peer)
{
    uint8_t byte[RECORD_B * 256] = {0};
    int32_t sign = peer->counter++ % 2 ? 1 : -1;

    for (uint64_t i = 0; i < peer->n_bpm; i++) {
        uint8_t *record = byte + RECORD_B * i;

        put(record + 4, 4, (uint32_t) (sign * (int32_t) (100 + i)));
        put(record + 8, 4, (uint32_t) (-sign * (int32_t) (100 + i)));
        put(record + 12, 2, LOCKED_AND_VALID | i << 2);
        put(record + 14, 2, peer->counter);
    }
    send_to(peer, peer->bpm_port, byte, RECORD_B * peer->n_bpm);
}

void datagrams_peer_answer(struct datagrams_peer *peer)
{
    uint8_t byte[PEER_SET_BYTES] = "OBRB";

    put(byte + 4, 2, 1);
    put(byte + 6, 2, peer->n_supply);
    put(byte + 8, 4, PEER_DEVICE);
    put(byte + 16, 8, peer->cycle);
    for (uint64_t i = 0; i < peer->n_supply; i++) {
        uint8_t *record = byte + ANSWER_HEAD_B + 12 * i;

        put(record, 2, i);
        put(record + 2, 2, 1);
        memcpy(record + 4, &peer->set_a[i], 4);
        memcpy(record + 8, &peer->set_a[i], 4);
    }
    send_to(peer, peer->answer_port, byte, ANSWER_HEAD_B + 12 * peer->n_supply);
}

static void take(struct datagrams_peer *peer, const uint8_t *byte, size_t size)
{
    if (size < ORDER_HEAD_B)
        return;
    memcpy(&peer->cycle, byte + 32, 8);
    for (size_t at = ORDER_HEAD_B; at + 8 <= size; at += 8) {
        uint32_t supply;

        memcpy(&supply, byte + at, 4);
        if (supply < peer->n_supply)
            memcpy(&peer->set_a[supply], byte + at + 4, 4);
    }
}

bool datagrams_peer_await(struct datagrams_peer *peer, int64_t until_ns)
{
    uint8_t byte[PEER_SET_BYTES];

    do {
        ssize_t n = recv(peer->fd, byte, sizeof byte, MSG_DONTWAIT);

        if (n >= 0) {
            take(peer, byte, (size_t) n);
            return true;
        }
    } while (clock_mono_ns() < until_ns);
    return false;
}
