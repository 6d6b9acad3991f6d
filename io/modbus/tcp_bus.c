#include "io/modbus/bus.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/base/clock.h"

struct tcp_bus {
    struct bus bus; /* first */
    struct sockaddr_storage peer;
    socklen_t peer_size;
    int socket;
    uint16_t transaction;
    struct mbap_input input;
};

static struct tcp_bus *tcp_of(struct bus *bus)
{
    return (struct tcp_bus *) (void *) bus;
}

static enum bus_result fail(struct tcp_bus *t, enum bus_result result, int error)
{
    const char *text = error ? strerror(error) : "";
    size_t length = strnlen(text, sizeof t->bus.said - 1);
    memcpy(t->bus.said, text, length);
    t->bus.said[length] = '\0';
    return result;
}

/* Waits for `events`. BUS_TIMEOUT once the deadline is over, whatever has come meanwhile. */
static enum bus_result wait_for(struct tcp_bus *t, short events, int64_t deadline_ns)
{
    for (;;) {
        int64_t left_ns = deadline_ns - clock_mono_ns();
        struct pollfd fd = {.fd = t->socket, .events = events};
        if (left_ns <= 0) {
            return fail(t, BUS_TIMEOUT, 0);
        }
        struct timespec left = clock_timespec(left_ns);
        int n = ppoll(&fd, 1, &left, NULL);
        if (n > 0) {
            return BUS_GOOD;
        }
        if (n < 0 && errno != EINTR) {
            return fail(t, BUS_CLOSED, errno);
        }
    }
}

/* ---- connecting ---- */

/* One small request after the other: nothing may wait for more to send, and a close throws away
 * what is not sent yet, so that no set point leaves after its lease. */
static void set_options(int fd)
{
    int on = 1;
    struct linger no_linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_linger, sizeof no_linger);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static enum bus_result finish_connect(struct tcp_bus *t, int64_t deadline_ns)
{
    int error = 0;
    socklen_t size = sizeof error;
    enum bus_result result = wait_for(t, POLLOUT, deadline_ns);
    if (result != BUS_GOOD) {
        return fail(t, BUS_REFUSED, result == BUS_TIMEOUT ? ETIMEDOUT : errno);
    }
    if (getsockopt(t->socket, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        return fail(t, BUS_REFUSED, error ? error : errno);
    }
    return BUS_GOOD;
}

static enum bus_result open_tcp(struct bus *bus, int64_t deadline_ns)
{
    struct tcp_bus *t = tcp_of(bus);
    t->input.used = 0;
    t->socket = socket(t->peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->socket < 0) {
        return fail(t, BUS_REFUSED, errno);
    }
    set_options(t->socket);
    if (connect(t->socket, (const struct sockaddr *) &t->peer, t->peer_size) == 0) {
        return BUS_GOOD;
    }
    return errno == EINPROGRESS ? finish_connect(t, deadline_ns) : fail(t, BUS_REFUSED, errno);
}

static void close_tcp(struct bus *bus)
{
    struct tcp_bus *t = tcp_of(bus);
    if (t->socket >= 0) {
        close(t->socket);
    }
    t->socket = -1;
}

/* ---- one transaction ---- */

static enum bus_result send_all(struct tcp_bus *t, const uint8_t *byte, size_t size,
                                int64_t deadline_ns)
{
    while (size > 0) {
        ssize_t n = send(t->socket, byte, size, MSG_NOSIGNAL);
        if (n > 0) {
            byte += n;
            size -= (size_t) n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            enum bus_result result = wait_for(t, POLLOUT, deadline_ns);
            if (result != BUS_GOOD) {
                return result;
            }
        } else {
            return fail(t, BUS_CLOSED, errno);
        }
    }
    return BUS_GOOD;
}

/* Some stacks send an answer in two parts and the second only after our acknowledgement: 40 ms
 * by default. The kernel forgets the option, so it is set before each wait. */
static enum bus_result receive_some(struct tcp_bus *t, int64_t deadline_ns)
{
    int on = 1;
    setsockopt(t->socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    enum bus_result result = wait_for(t, POLLIN, deadline_ns);
    if (result != BUS_GOOD) {
        return result;
    }
    ssize_t n =
        recv(t->socket, t->input.byte + t->input.used, sizeof t->input.byte - t->input.used, 0);
    if (n > 0) {
        t->input.used += (size_t) n;
        return BUS_GOOD;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return BUS_GOOD;
    }
    return fail(t, BUS_CLOSED, n < 0 ? errno : 0);
}

static enum bus_result transact_tcp(struct bus *bus, const struct pdu_request *request,
                                    int64_t deadline_ns)
{
    struct tcp_bus *t = tcp_of(bus);
    uint8_t adu[ADU_MAX_B];
    size_t size = mbap_encode(request, ++t->transaction, adu);
    enum bus_result result = send_all(t, adu, size, deadline_ns);
    while (result == BUS_GOOD) {
        switch (
            mbap_take(&t->input, request, t->transaction, &bus->exception, &bus->counts.late)) {
        case MBAP_GOOD:
            return BUS_GOOD;
        case MBAP_EXCEPTION:
            return BUS_EXCEPTION;
        case MBAP_BAD:
            return fail(t, BUS_GARBAGE, 0);
        case MBAP_MORE:
            break;
        }
        result = receive_some(t, deadline_ns);
    }
    return result;
}

/* ---- making ---- */

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *port = htons((uint16_t) number);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number >= 1 && number <= 65535;
}

static bool parse_v4(struct tcp_bus *t, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return false;
    }
    memcpy(&t->peer, &address, sizeof address);
    t->peer_size = sizeof address;
    return true;
}

static bool parse_v6(struct tcp_bus *t, const char *host, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET6, host, &address.sin6_addr) != 1) {
        return false;
    }
    memcpy(&t->peer, &address, sizeof address);
    t->peer_size = sizeof address;
    return true;
}

static bool parse_address(struct tcp_bus *t, const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t) (colon - text) : 0;
    uint16_t port;
    if (length == 0 || length >= sizeof host || !parse_port(colon + 1, &port)) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        return parse_v6(t, host + 1, port);
    }
    return parse_v4(t, host, port);
}

static void destroy_tcp(struct bus *bus)
{
    free(tcp_of(bus));
}

enum rc bus_create_tcp(struct bus **bus, const char *address)
{
    static const struct bus_calls calls = {open_tcp, transact_tcp, close_tcp, destroy_tcp};
    struct tcp_bus *t = calloc(1, sizeof *t);
    *bus = NULL;
    if (!t) {
        return err_set(RC_NOMEM, "no memory for a connection");
    }
    if (!parse_address(t, address)) {
        free(t);
        return err_set(RC_INPUT,
                       "'%.60s' is not a numeric address with a port, such as "
                       "192.168.1.10:502 or [fe80::1]:502",
                       address);
    }
    t->bus.calls = &calls;
    t->socket = -1;
    *bus = &t->bus;
    return RC_OK;
}
