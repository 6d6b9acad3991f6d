#include "bench/ring/supply_port.h"

#include <endian.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "rt/base/datagram_format.h"

enum {
    MAX_B = 4096,
    ORDER_HEAD_B = 56,
    ANSWER_HEAD_B = 32,
    ALSU_HEAD_B = 12,
    ALSU_MAGIC = 0x7631
};

/* ALS-U's form does not say how long set points are good for. */
#define ALSU_VALID_NS (NS_PER_S / 10)

struct supply_port {
    const struct streams *streams;
    const struct streams_output *output;
    uint64_t index;
    struct controls *controls;
    struct sockaddr_in listener;
    int fd;
    uint64_t cycle, count;
    int64_t until_ns; /* 0: does not follow */
    bool stopped;
    uint8_t byte[MAX_B];
};

enum rc supply_port_create(struct supply_port **port, const struct streams *streams,
                           uint64_t output, struct controls *controls)
{
    const struct streams_output *o = &streams->output[output];
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons(o->send.port),
                              .sin_addr = {htonl(o->send.host)}};
    struct supply_port *p = calloc(1, sizeof *p);

    *port = p;
    if (!p)
        return err_set(RC_NOMEM, "no memory for a virtual power supply");
    p->streams = streams;
    p->output = o;
    p->index = output;
    p->controls = controls;
    p->listener = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(o->listen.port),
        .sin_addr = {htonl(o->listen.host ? o->listen.host : INADDR_LOOPBACK)}};
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || bind(p->fd, (const struct sockaddr *) &own, sizeof own) != 0)
        return err_sys("the virtual power supply %s", o->name);
    return RC_OK;
}

void supply_port_destroy(struct supply_port *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

/* ---- numbers ---- */

static uint64_t get(const uint8_t *at, unsigned n, bool big)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value = value << 8 | at[big ? i : n - 1 - i];
    return value;
}

static uint8_t *put(uint8_t *at, unsigned n, bool big, uint64_t value)
{
    for (unsigned i = 0; i < n; i++)
        at[big ? n - 1 - i : i] = (uint8_t) (value >> 8 * i);
    return at + n;
}

static double get_float(const uint8_t *at, bool big)
{
    uint32_t bits = (uint32_t) get(at, 4, big);
    float value;

    memcpy(&value, &bits, sizeof value);
    return (double) value;
}

static uint8_t *put_float(uint8_t *at, bool big, double value)
{
    float narrow = (float) value;
    uint32_t bits;

    memcpy(&bits, &narrow, sizeof bits);
    return put(at, 4, big, bits);
}

/* ---- set points ---- */

static void set(struct supply_port *p, uint64_t supply, double a)
{
    for (uint64_t i = 0; i < p->streams->n_supply; i++) {
        const struct streams_supply *entry = &p->streams->supply[i];

        /* What is not finite stays what it was; controls counts the attempt. */
        if (entry->index == p->index && (uint64_t) entry->supply == supply)
            (void) !controls_put_corrector(p->controls, (uint32_t) entry->column, a);
    }
}

static void take_orbitd(struct supply_port *p, size_t size_b)
{
    uint64_t n = get(p->byte + 6, 2, false), cycle = get(p->byte + 32, 8, false);

    if (size_b < ORDER_HEAD_B || memcmp(p->byte, "OBSP", 4) != 0 ||
        size_b != ORDER_HEAD_B + 8 * n ||
        get(p->byte + 8, 4, false) != (uint64_t) p->output->device || cycle <= p->cycle)
        return;
    p->cycle = cycle;
    p->stopped = get(p->byte + 52, 4, false) == 0;
    p->until_ns =
        p->stopped ? 0 : clock_mono_ns() + (int64_t) get(p->byte + 48, 4, false) * 1000;
    for (uint64_t i = 0; i < n; i++)
        set(p, get(p->byte + ORDER_HEAD_B + 8 * i, 4, false),
            get_float(p->byte + ORDER_HEAD_B + 8 * i + 4, false));
}

static void take_alsu(struct supply_port *p, size_t size_b)
{
    uint64_t cycle = get(p->byte + 4, 8, true);

    if (size_b < ALSU_HEAD_B || (size_b - ALSU_HEAD_B) % 6 ||
        get(p->byte, 4, true) != (uint64_t) ALSU_MAGIC << 16 || cycle <= p->cycle)
        return;
    p->cycle = cycle;
    p->until_ns = clock_mono_ns() + ALSU_VALID_NS;
    for (size_t at = ALSU_HEAD_B; at < size_b; at += 6)
        set(p, get(p->byte + at, 2, true), get_float(p->byte + at + 2, true));
}

static void take_all(struct supply_port *p)
{
    ssize_t n;

    memset(p->byte, 0, ORDER_HEAD_B);
    while ((n = recv(p->fd, p->byte, sizeof p->byte, 0)) >= 0) {
        if (p->output->format == SUPPLY_ALSU)
            take_alsu(p, (size_t) n);
        else
            take_orbitd(p, (size_t) n);
        memset(p->byte, 0, ORDER_HEAD_B);
    }
    if (p->until_ns && clock_mono_ns() > p->until_ns) {
        p->until_ns = 0;
        p->stopped = true;
    }
}

/* ---- answers ---- */

static void send_answer(const struct supply_port *p, const uint8_t *end)
{
    /* Nobody may be listening yet. */
    (void) !sendto(p->fd, p->byte, (size_t) (end - p->byte), MSG_NOSIGNAL,
                   (const struct sockaddr *) &p->listener, sizeof p->listener);
}

static void answer_orbitd(struct supply_port *p, const double *readback_a)
{
    uint8_t *at = p->byte + ANSWER_HEAD_B;
    uint64_t n = 0;

    for (uint64_t i = 0; i < p->streams->n_supply; i++) {
        const struct streams_supply *entry = &p->streams->supply[i];

        if (entry->index != p->index || at + 12 > p->byte + MAX_B)
            continue;
        at = put(at, 2, false, (uint64_t) entry->supply);
        at = put(at, 2, false, 1);
        at = put_float(at, false, controls_corrector_a(p->controls, (uint32_t) entry->column));
        at = put_float(at, false, readback_a[entry->column]);
        n++;
    }
    memcpy(p->byte, "OBRB", 4);
    put(p->byte + 4, 2, false, 1);
    put(p->byte + 6, 2, false, n);
    put(p->byte + 8, 4, false, (uint64_t) p->output->device);
    put(p->byte + 12, 4, false, (p->until_ns ? 1U : 0U) | (p->stopped ? 2U : 0U));
    put(p->byte + 16, 8, false, p->cycle);
    put(p->byte + 24, 8, false, ++p->count);
    send_answer(p, at);
}

static void answer_alsu(struct supply_port *p, unsigned command, const double *readback_a)
{
    uint8_t *at = put(p->byte, 4, true, (uint64_t) ALSU_MAGIC << 16 | command);

    at = put(at, 8, true, p->cycle);
    for (uint64_t i = 0; i < p->streams->n_supply; i++) {
        const struct streams_supply *entry = &p->streams->supply[i];

        if (entry->index != p->index || at + 6 > p->byte + MAX_B)
            continue;
        at = put(at, 2, true, (uint64_t) entry->supply);
        at = put_float(at, true,
                       command ? readback_a[entry->column]
                               : controls_corrector_a(p->controls, (uint32_t) entry->column));
    }
    send_answer(p, at);
}

void supply_port_step(struct supply_port *p, const double *readback_a)
{
    take_all(p);
    if (p->output->format == SUPPLY_ALSU) {
        answer_alsu(p, 1, readback_a);
        answer_alsu(p, 0, readback_a);
    } else {
        answer_orbitd(p, readback_a);
    }
}
