#include "bench/ring/registers_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/modbus/pdu.h"
#include "io/modbus/register_map.h"
#include "rt/base/clock.h"

enum { POLL_MS = 100, EXCEPTION_FLAG = 0x80, BAD_FUNCTION = 1, BAD_ADDRESS = 2, FAILED = 4 };

#define BYTE_PAUSE_NS (30 * NS_PER_S / 1000)

struct slave {
    struct registers_port *port;
    uint64_t link;
    int server, connection;
    pthread_t thread;
    bool has_thread;
};

struct registers_port {
    const struct ring *ring;
    struct controls *controls;
    struct register_map map;
    uint64_t n_slave;
    struct slave slave[MAP_MAX_LINK];
    atomic_bool stop;
    _Atomic(double) fault;
    struct settings *settings; /* the update thread's copy */
    uint64_t revision;
    pthread_mutex_t lock; /* of the values */
    double *reading_m;    /* [2 n_bpm] */
    double *readback_a;   /* [n_corrector] */
    bool *valid;          /* [n_bpm] */
    double beam_a;
};

/* ---- values ---- */

/* As the device shows it: the sign of a BPM's gain is its polarity. */
static double value_of(const struct registers_port *p, const struct map_point *point)
{
    const struct devices *devices = &p->ring->devices;
    const struct bpm_device *bpm = &devices->bpm[point->device];

    switch (point->quantity) {
    case QUANTITY_X:
        return copysign(1, bpm->gain_x) * p->reading_m[point->device];
    case QUANTITY_Y:
        return copysign(1, bpm->gain_y) * p->reading_m[devices->n_bpm + point->device];
    case QUANTITY_SET:
        return controls_corrector_a(p->controls, (uint32_t) point->device);
    case QUANTITY_READBACK:
        return p->readback_a[point->device];
    case QUANTITY_RF_SET:
    case QUANTITY_RF_READBACK:
        return controls_rf_hz(p->controls);
    case QUANTITY_CURRENT:
        return p->beam_a;
    default:
        return 0;
    }
}

static void encode(const struct registers_port *p, const struct map_point *point,
                   uint16_t *word)
{
    bool valid = point->quantity != QUANTITY_BPM_VALID || p->valid[point->device];

    if (point->type == REGISTER_BITFIELD)
        word[0] = (uint16_t) (valid ? point->equals : ~point->equals & point->mask);
    else if (!map_point_encode(point, value_of(p, point), word))
        memset(word, 0x80, register_words(point->type) * sizeof *word);
}

/* ---- requests ---- */

struct asked {
    uint64_t link;
    uint8_t unit, function;
    enum register_table table;
    unsigned address, n;
};

static bool is_inside(const struct map_point *point, const struct asked *asked)
{
    return point->link == asked->link && point->unit_id == asked->unit &&
           point->table == asked->table && point->address >= asked->address &&
           point->address + register_words(point->type) <= asked->address + asked->n;
}

/* Registers that no point has are 0. */
static size_t read_registers(struct registers_port *p, const struct asked *asked, uint8_t *pdu)
{
    uint16_t word[PDU_MAX_READ] = {0};

    pthread_mutex_lock(&p->lock);
    for (uint64_t i = 0; i < p->map.n_point; i++)
        if (is_inside(&p->map.point[i], asked))
            encode(p, &p->map.point[i], word + (p->map.point[i].address - asked->address));
    pthread_mutex_unlock(&p->lock);
    pdu[1] = (uint8_t) (2 * asked->n);
    for (unsigned i = 0; i < asked->n; i++) {
        pdu[2 + 2 * i] = (uint8_t) (word[i] >> 8);
        pdu[3 + 2 * i] = (uint8_t) word[i];
    }
    return 2 + 2 * (size_t) asked->n;
}

static void write_registers(struct registers_port *p, const struct asked *asked,
                            const uint8_t *byte)
{
    uint16_t word[PDU_MAX_WRITE];

    for (unsigned i = 0; i < asked->n; i++)
        word[i] = (uint16_t) (byte[2 * i] << 8 | byte[2 * i + 1]);
    for (uint64_t i = 0; i < p->map.n_point; i++) {
        const struct map_point *point = &p->map.point[i];
        enum reading_fault fault;

        if (point->quantity == QUANTITY_SET && is_inside(point, asked))
            /* What is not finite stays what it was; controls counts the attempt. */
            (void) !controls_put_corrector(
                p->controls, (uint32_t) point->device,
                map_point_read(point, word + (point->address - asked->address), &fault));
    }
}

static size_t refuse(uint8_t *pdu, uint8_t exception)
{
    pdu[0] |= EXCEPTION_FLAG;
    pdu[1] = exception;
    return 2;
}

/* Answers in the request's place; returns the size. */
static size_t answer(struct registers_port *p, struct asked *asked, uint8_t *pdu, size_t size)
{
    bool reads = asked->function == PDU_READ_HOLDING || asked->function == PDU_READ_INPUT;
    bool one = asked->function == PDU_WRITE_ONE;

    if (!reads && !one && asked->function != PDU_WRITE_MANY)
        return refuse(pdu, BAD_FUNCTION);
    asked->table = asked->function == PDU_READ_INPUT ? TABLE_INPUT : TABLE_HOLDING;
    asked->n = one ? 1 : asked->n;
    if (asked->n < 1 || asked->n > (reads ? PDU_MAX_READ : PDU_MAX_WRITE) ||
        asked->address + asked->n > 65536 ||
        (!reads && !one && (size != 6 + 2 * (size_t) asked->n || pdu[5] != 2 * asked->n)))
        return refuse(pdu, BAD_ADDRESS);
    if (reads)
        return read_registers(p, asked, pdu);
    write_registers(p, asked, one ? pdu + 3 : pdu + 6);
    return 5;
}

/* ---- a connection ---- */

static bool wait_for(const struct slave *s, int fd)
{
    while (!atomic_load(&s->port->stop)) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        int n = poll(&one, 1, POLL_MS);

        if (n != 0)
            return n > 0;
    }
    return false;
}

static bool receive(const struct slave *s, uint8_t *byte, size_t size)
{
    while (size > 0) {
        ssize_t n = wait_for(s, s->connection) ? recv(s->connection, byte, size, 0) : -1;

        if (n <= 0)
            return false;
        byte += n;
        size -= (size_t) n;
    }
    return true;
}

static bool send_slowly(const struct slave *s, const uint8_t *byte, size_t size)
{
    const struct timespec pause = clock_timespec(BYTE_PAUSE_NS);

    for (size_t i = 0; i < size && !atomic_load(&s->port->stop); i++) {
        if (send(s->connection, byte + i, 1, MSG_NOSIGNAL) != 1)
            return false;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    return true;
}

static bool send_answer(const struct slave *s, uint8_t *adu, size_t size,
                        enum modbus_fault fault)
{
    if (fault == MODBUS_SILENT)
        return true;
    if (fault == MODBUS_GARBAGE)
        for (size_t i = 0; i < size; i++)
            adu[i] = (uint8_t) (0x5a ^ (37 * i));
    if (fault == MODBUS_SLOW)
        return send_slowly(s, adu, size);
    return send(s->connection, adu, size, MSG_NOSIGNAL) == (ssize_t) size;
}

/* One request; false: the connection is done with. */
static bool serve_request(struct slave *s)
{
    enum modbus_fault fault = (enum modbus_fault) lrint(atomic_load(&s->port->fault));
    uint8_t adu[ADU_MAX_B], *pdu = adu + MBAP_B;
    size_t size;

    if (!receive(s, adu, MBAP_B))
        return false;
    size = (size_t) (adu[4] << 8 | adu[5]);
    if (adu[2] || adu[3] || size < 6 || size > PDU_MAX_B + 1 || !receive(s, pdu, size - 1))
        return false;
    struct asked asked = {.link = s->link,
                          .unit = adu[6],
                          .function = pdu[0],
                          .address = (unsigned) (pdu[1] << 8 | pdu[2]),
                          .n = (unsigned) (pdu[3] << 8 | pdu[4])};
    size = fault == MODBUS_EXCEPTION ? refuse(pdu, FAILED)
                                     : answer(s->port, &asked, pdu, size - 1);
    adu[4] = 0;
    adu[5] = (uint8_t) (size + 1);
    return send_answer(s, adu, MBAP_B + size, fault);
}

static void *run(void *argument)
{
    struct slave *s = argument;
    int on = 1;

    while (wait_for(s, s->server)) {
        s->connection = accept(s->server, NULL, NULL);
        if (s->connection < 0)
            continue;
        setsockopt(s->connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        while (serve_request(s))
            ;
        close(s->connection);
    }
    return NULL;
}

/* ---- making ---- */

static enum rc parse_address(const struct map_link *link, struct sockaddr_in *address)
{
    char host[MAP_ADDRESS_SIZE];
    char *colon;

    snprintf(host, sizeof host, "%s", link->tcp);
    colon = strrchr(host, ':');
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    if (colon) {
        *colon = '\0';
        address->sin_port = htons((uint16_t) strtoul(colon + 1, NULL, 10));
    }
    if (!colon || inet_pton(AF_INET, host, &address->sin_addr) != 1 ||
        ntohl(address->sin_addr.s_addr) >> 24 != 127)
        return err_set(RC_INPUT, "fieldbus.map: %s: the virtual ring serves 127.x.x.x by TCP",
                       link->name);
    return RC_OK;
}

static enum rc start_slave(struct registers_port *p, uint64_t link)
{
    struct slave *s = &p->slave[link];
    struct sockaddr_in address;
    enum rc rc = parse_address(&p->map.link[link], &address);
    int on = 1;

    *s = (struct slave){.port = p, .link = link, .server = -1};
    p->n_slave++;
    if (rc)
        return rc;
    s->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->server < 0 || setsockopt(s->server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(s->server, (const struct sockaddr *) &address, sizeof address) != 0 ||
        listen(s->server, 4) != 0)
        return err_sys("the virtual device of link %s", p->map.link[link].name);
    s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
    return s->has_thread ? RC_OK : err_sys("no thread for link %s", p->map.link[link].name);
}

static enum rc load(struct registers_port *p)
{
    struct cfg_faults *faults = calloc(1, sizeof *faults);
    enum rc rc;

    if (!faults)
        return err_set(RC_NOMEM, "no memory for fieldbus.map");
    rc = register_map_load(&p->map, p->ring->cfg.fieldbus_map, &p->ring->devices, faults);
    cfg_faults_print(stderr, faults);
    free(faults);
    return rc;
}

static enum rc prepare(struct registers_port *p)
{
    enum rc rc = load(p);

    p->reading_m = calloc(2 * (size_t) ring_bpms(p->ring), sizeof *p->reading_m);
    p->readback_a = calloc(ring_correctors(p->ring), sizeof *p->readback_a);
    p->valid = calloc(ring_bpms(p->ring), sizeof *p->valid);
    if (rc == RC_OK && (!p->reading_m || !p->readback_a || !p->valid))
        rc = err_set(RC_NOMEM, "no memory for virtual devices");
    if (rc == RC_OK)
        rc = settings_create(&p->settings, ring_bpms(p->ring), ring_correctors(p->ring));
    for (uint64_t link = 0; rc == RC_OK && link < p->map.n_link; link++)
        rc = start_slave(p, link);
    return rc;
}

enum rc registers_port_create(struct registers_port **port, const struct ring *ring,
                              struct controls *controls)
{
    struct registers_port *p = calloc(1, sizeof *p);
    enum rc rc;

    *port = NULL;
    if (!p)
        return err_set(RC_NOMEM, "no memory for virtual devices");
    p->ring = ring;
    p->controls = controls;
    pthread_mutex_init(&p->lock, NULL);
    rc = prepare(p);
    if (rc) {
        registers_port_destroy(p);
        return rc;
    }
    *port = p;
    return RC_OK;
}

void registers_port_destroy(struct registers_port *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    for (uint64_t i = 0; i < p->n_slave; i++) {
        if (p->slave[i].has_thread)
            pthread_join(p->slave[i].thread, NULL);
        if (p->slave[i].server >= 0)
            close(p->slave[i].server);
    }
    register_map_free(&p->map);
    pthread_mutex_destroy(&p->lock);
    settings_destroy(p->settings);
    free(p->reading_m);
    free(p->readback_a);
    free(p->valid);
    free(p);
}

void registers_port_put(struct registers_port *p, const struct engine_sample *sample)
{
    uint32_t n = ring_bpms(p->ring);

    if (controls_take_settings(p->controls, &p->revision, p->settings))
        atomic_store(&p->fault, p->settings->value[SETTING_MODBUS_FAULT]);
    if (pthread_mutex_trylock(&p->lock) != 0)
        return;
    for (uint32_t i = 0; i < 2 * n; i++)
        p->reading_m[i] = isfinite(sample->reading_m[i]) ? sample->reading_m[i] : 0;
    for (uint32_t i = 0; i < n; i++)
        p->valid[i] = sample->beam_a > 0 && isfinite(sample->reading_m[i]);
    memcpy(p->readback_a, sample->readback_a, ring_correctors(p->ring) * sizeof(double));
    p->beam_a = sample->beam_a;
    pthread_mutex_unlock(&p->lock);
}
