/* The Modbus client of orbit-fieldbus: 125 registers read and 60 written a thousand times a
 * second, and how long a call lasts beyond its deadline where the device misbehaves. */
#include "io/modbus/bus.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/samples.h"
#include "rt/base/clock.h"

enum {
    RATE_HZ = 1000,
    N_READ = 125,
    N_WRITE = 60,
    TIMEOUT_MS = 20,
    CALLS = 20,
    MAX_CALL = 100000
};

enum fault {
    FAULT_NONE,
    FAULT_SILENT,
    FAULT_SLOW,
    FAULT_EXCEPTION,
    FAULT_JUNK,
    FAULT_CUT,
    N_FAULT
};

static const char *const fault_names[N_FAULT] = {"none",      "silent", "a byte every 3 ms",
                                                 "exception", "junk",   "cut short"};

struct slave {
    int server;
    char address[64];
    _Atomic(enum fault) fault;
    atomic_bool stop;
    pthread_t thread;
};

/* ---- the device ---- */

static void set_timeout(int fd)
{
    const struct timeval most = {.tv_usec = 50000};
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static bool receive(struct slave *slave, int fd, uint8_t *byte, size_t size)
{
    while (size > 0 && !atomic_load(&slave->stop)) {
        ssize_t n = recv(fd, byte, size, 0);

        if (n == 0)
            return false;
        byte += n > 0 ? n : 0;
        size -= n > 0 ? (size_t) n : 0;
    }
    return size == 0;
}

static size_t answer(enum fault fault, uint8_t *adu, size_t size)
{
    uint8_t *pdu = adu + MBAP_B;

    if (fault == FAULT_JUNK) {
        memset(adu, 0x5a, size);
        return size;
    }
    if (fault == FAULT_EXCEPTION) {
        pdu[0] |= 0x80;
        pdu[1] = 6;
        size = 2;
    } else if (pdu[0] == PDU_READ_INPUT) {
        pdu[1] = 2 * N_READ;
        memset(pdu + 2, 1, 2 * N_READ);
        size = 2 + 2 * N_READ;
    } else {
        size = 5;
    }
    adu[4] = 0;
    adu[5] = (uint8_t) (size + 1);
    return MBAP_B + size - (fault == FAULT_CUT);
}

static bool send_slowly(const struct slave *slave, int fd, const uint8_t *byte, size_t size)
{
    const struct timespec pause = {.tv_nsec = 3000000};

    for (size_t i = 0; i < size && !atomic_load(&slave->stop); i++) {
        if (send(fd, byte + i, 1, MSG_NOSIGNAL) != 1)
            return false;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    return true;
}

static bool serve(struct slave *slave, int fd)
{
    uint8_t adu[ADU_MAX_B];
    enum fault fault;
    size_t size;

    if (!receive(slave, fd, adu, MBAP_B))
        return false;
    size = (size_t) (adu[4] << 8 | adu[5]) - 1;
    if (size > PDU_MAX_B || !receive(slave, fd, adu + MBAP_B, size))
        return false;
    fault = atomic_load(&slave->fault);
    size = answer(fault, adu, MBAP_B + size);
    if (fault == FAULT_SILENT)
        return true;
    if (fault == FAULT_SLOW)
        return send_slowly(slave, fd, adu, size);
    return send(fd, adu, size, MSG_NOSIGNAL) == (ssize_t) size;
}

static void *run_slave(void *argument)
{
    struct slave *slave = argument;

    while (!atomic_load(&slave->stop)) {
        int fd = accept(slave->server, NULL, NULL);

        if (fd < 0)
            continue;
        set_timeout(fd);
        while (serve(slave, fd))
            ;
        close(fd);
    }
    return NULL;
}

static enum rc slave_open(struct slave *slave)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof own;

    *slave = (struct slave){.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (slave->server < 0 || bind(slave->server, (const struct sockaddr *) &own, size) != 0 ||
        listen(slave->server, 4) != 0 ||
        getsockname(slave->server, (struct sockaddr *) &own, &size) != 0)
        return err_sys("a Modbus device of a benchmark");
    set_timeout(slave->server);
    snprintf(slave->address, sizeof slave->address, "127.0.0.1:%u", ntohs(own.sin_port));
    return pthread_create(&slave->thread, NULL, run_slave, slave)
               ? err_set(RC_SYS, "thread of a benchmark: not created")
               : RC_OK;
}

static void slave_close(struct slave *slave)
{
    atomic_store(&slave->stop, true);
    pthread_join(slave->thread, NULL);
    close(slave->server);
}

/* ---- the client ---- */

struct client {
    struct bus *bus;
    uint16_t word[N_READ];
    double worst_late_ns;
    uint64_t calls, failed;
};

static struct pdu_request request_of(struct client *client, bool write)
{
    return (struct pdu_request){.function = write ? PDU_WRITE_MANY : PDU_READ_INPUT,
                                .unit = 1,
                                .n = write ? N_WRITE : N_READ,
                                .word = client->word};
}

static void call(struct client *client, bool write)
{
    struct pdu_request request = request_of(client, write);
    int64_t deadline_ns = clock_mono_ns() + TIMEOUT_MS * (NS_PER_S / 1000);
    enum bus_result result =
        client->bus->is_open ? BUS_GOOD : bus_open(client->bus, deadline_ns);
    double late_ns;

    if (result == BUS_GOOD)
        result = bus_transact(client->bus, &request, deadline_ns);
    late_ns = (double) (clock_mono_ns() - deadline_ns);
    client->worst_late_ns = late_ns > client->worst_late_ns ? late_ns : client->worst_late_ns;
    client->calls++;
    client->failed += result != BUS_GOOD;
}

/* Both transactions a period, on a grid; a period that is over when they end is an overrun. */
static json_t *poll_json(struct client *client, double seconds, double *sample_ns)
{
    int64_t period_ns = NS_PER_S / RATE_HZ, at_ns = clock_mono_ns() + period_ns;
    int64_t end_ns = at_ns + (int64_t) (seconds * 1e9);
    struct percentiles result;
    uint64_t overruns = 0;
    size_t n = 0;

    while (at_ns < end_ns && n < MAX_CALL) {
        struct timespec wake = clock_timespec(at_ns);
        int64_t began_ns, now_ns;

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        began_ns = clock_mono_ns();
        call(client, false);
        call(client, true);
        now_ns = clock_mono_ns();
        sample_ns[n++] = (double) (now_ns - began_ns);
        overruns += now_ns > at_ns + period_ns;
        at_ns += ((now_ns - at_ns) / period_ns + 1) * period_ns;
    }
    result = samples_percentiles(sample_ns, n);
    return json_pack("{s:i, s:I, s:I, s:I, s:o}", "rate_hz", RATE_HZ, "periods", (json_int_t) n,
                     "overruns", (json_int_t) overruns, "failed", (json_int_t) client->failed,
                     "us", percentiles_json(&result, 1));
}

static json_t *fault_json(struct slave *slave, struct client *client, enum fault fault)
{
    bus_close(client->bus);
    client->worst_late_ns = -1e9;
    client->calls = client->failed = 0;
    atomic_store(&slave->fault, fault);
    for (int i = 0; i < CALLS; i++)
        call(client, i % 2);
    return json_pack("{s:s, s:I, s:I, s:f}", "fault", fault_names[fault], "calls",
                     (json_int_t) client->calls, "failed", (json_int_t) client->failed,
                     "worst_late_ms", client->worst_late_ns * 1e-6);
}

/* So that the code is measured, not what else the host does. */
static void take_right(int priority)
{
    struct sched_param param = {.sched_priority = priority};

    (void) pthread_setschedparam(pthread_self(), priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

static json_t *measure(const struct bench_options *options, struct slave *slave,
                       struct client *client, double *sample_ns)
{
    json_t *faults = json_array();
    json_t *poll = poll_json(client, options->seconds, sample_ns);

    for (enum fault fault = FAULT_SILENT; fault < N_FAULT; fault++)
        json_array_append_new(faults, fault_json(slave, client, fault));
    return json_pack("{s:i, s:o, s:o}", "timeout_ms", TIMEOUT_MS, "poll", poll, "faults",
                     faults);
}

enum rc bench_modbus(const struct bench_options *options, json_t **result)
{
    static struct slave slave;
    struct client client = {.worst_late_ns = -1e9};
    double *sample_ns = calloc(MAX_CALL, sizeof *sample_ns);
    enum rc rc;

    if (!sample_ns)
        return err_set(RC_NOMEM, "samples of a benchmark");
    take_right(options->priority); /* the device's thread inherits it */
    rc = slave_open(&slave);
    if (rc != RC_OK) {
        take_right(0);
        free(sample_ns);
        return rc;
    }
    rc = bus_create_tcp(&client.bus, slave.address);
    if (rc == RC_OK)
        *result = measure(options, &slave, &client, sample_ns);
    take_right(0);
    bus_destroy(client.bus);
    slave_close(&slave);
    free(sample_ns);
    return rc;
}

/* ---- report ---- */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

void bench_print_modbus(const json_t *result)
{
    const json_t *poll = json_object_get(result, "poll"), *us = json_object_get(poll, "us");
    size_t i;
    json_t *row;

    printf(
        "\nModbus TCP, %d registers read and %d written every ms: p50 %.1f p99 %.1f p99.9 %.1f "
        "max %.1f us, %.0f overruns in %.0f periods, %.0f calls failed\n",
        N_READ, N_WRITE, number(us, "p50_us"), number(us, "p99_us"), number(us, "p99_9_us"),
        number(us, "max_us"), number(poll, "overruns"), number(poll, "periods"),
        number(poll, "failed"));
    json_array_foreach(json_object_get(result, "faults"), i, row)
        printf("  device %-20s %3.0f of %.0f calls failed, the last %.3f ms after its deadline "
               "of %d ms\n",
               json_string_value(json_object_get(row, "fault")), number(row, "failed"),
               number(row, "calls"), number(row, "worst_late_ms"), TIMEOUT_MS);
}

void bench_judge_modbus(json_t *verdicts, const json_t *result)
{
    const double limit_ms = 5;
    double worst_ms = -1e3;
    size_t i;
    json_t *row;
    const char *word;

    json_array_foreach(json_object_get(result, "faults"), i,
                       row) if (number(row, "worst_late_ms") > worst_ms) worst_ms =
        number(row, "worst_late_ms");
    word = worst_ms <= limit_ms ? "met" : "missed";
    printf("%-34s %37.5g limit %8.4g  %s\n", "modbus ms beyond a deadline", worst_ms, limit_ms,
           word);
    json_array_append_new(verdicts, json_pack("{s:s, s:s, s:f, s:f, s:s}", "object", "modbus",
                                              "what", "ms beyond a deadline", "measured",
                                              worst_ms, "limit", limit_ms, "verdict", word));
}
