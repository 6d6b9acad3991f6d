/* A serial line by libmodbus, which knows the gaps between frames and the checksum.
 *
 * Without a byte timeout libmodbus lets the whole answer share the response timeout, because
 * select() on Linux leaves in its argument what is left of the time; so the deadline holds here
 * as it does on TCP, but for the time that a write takes, which goes to the line's buffer. */
#include "io/modbus/bus.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rt/base/clock.h"

struct rtu_bus {
    struct bus bus; /* first */
    modbus_t *modbus;
    int64_t gap_ns;      /* silence between frames */
    int64_t last_end_ns; /* of the last frame */
};

static struct rtu_bus *rtu_of(struct bus *bus)
{
    return (struct rtu_bus *) (void *) bus;
}

static enum bus_result fail(struct rtu_bus *r, enum bus_result result, int error)
{
    snprintf(r->bus.said, sizeof r->bus.said, "%s", modbus_strerror(error));
    return result;
}

static enum bus_result open_rtu(struct bus *bus, int64_t deadline_ns)
{
    struct rtu_bus *r = rtu_of(bus);
    (void) deadline_ns; /* opening a line waits for nobody */
    if (modbus_connect(r->modbus)) {
        return fail(r, BUS_REFUSED, errno);
    }
    modbus_flush(r->modbus);
    return BUS_GOOD;
}

static void close_rtu(struct bus *bus)
{
    modbus_close(rtu_of(bus)->modbus);
}

/* ---- one transaction ---- */

static enum bus_result result_of(struct rtu_bus *r, int error)
{
    if (error > MODBUS_ENOBASE + EXCEPTION_FIRST - 1 &&
        error <= MODBUS_ENOBASE + EXCEPTION_LAST) {
        r->bus.exception = (unsigned) (error - MODBUS_ENOBASE);
        return BUS_EXCEPTION;
    }
    if (error == ETIMEDOUT) {
        r->bus.said[0] = '\0';
        return BUS_TIMEOUT;
    }
    bool garbage = error > MODBUS_ENOBASE;
    return fail(r, garbage ? BUS_GARBAGE : BUS_CLOSED, error);
}

static int call(modbus_t *modbus, const struct pdu_request *request)
{
    int address = request->address, n = request->n;
    switch (request->function) {
    case PDU_READ_HOLDING:
        return modbus_read_registers(modbus, address, n, request->word);
    case PDU_READ_INPUT:
        return modbus_read_input_registers(modbus, address, n, request->word);
    case PDU_WRITE_ONE:
        return modbus_write_register(modbus, address, request->word[0]);
    case PDU_WRITE_MANY:
        return modbus_write_registers(modbus, address, n, request->word);
    }
    errno = EINVAL;
    return -1;
}

static void keep_silence(const struct rtu_bus *r)
{
    struct timespec until = clock_timespec(r->last_end_ns + r->gap_ns);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

static enum bus_result transact_rtu(struct bus *bus, const struct pdu_request *request,
                                    int64_t deadline_ns)
{
    struct rtu_bus *r = rtu_of(bus);
    keep_silence(r);
    int64_t left_us = (deadline_ns - clock_mono_ns()) / 1000;
    if (left_us <= 0) {
        return BUS_TIMEOUT;
    }
    modbus_set_slave(r->modbus, request->unit);
    modbus_set_response_timeout(r->modbus, (uint32_t) (left_us / 1000000),
                                (uint32_t) (left_us % 1000000));
    int n = call(r->modbus, request);
    int error = errno;
    r->last_end_ns = clock_mono_ns();
    return n < 0 ? result_of(r, error) : BUS_GOOD;
}

/* ---- making ---- */

static void destroy_rtu(struct bus *bus)
{
    modbus_free(rtu_of(bus)->modbus);
    free(rtu_of(bus));
}

/* 3.5 characters of 11 bits, 1.75 ms above 19200 baud (MODBUS over Serial Line V1.02). */
static int64_t silence_ns(int baud)
{
    return baud > 19200 ? 1750000 : (int64_t) (3.5 * 11 * 1e9) / baud;
}

enum rc bus_create_rtu(struct bus **bus, const struct rtu_line *line)
{
    static const struct bus_calls calls = {open_rtu, transact_rtu, close_rtu, destroy_rtu};
    struct rtu_bus *r = calloc(1, sizeof *r);
    *bus = NULL;
    if (!r) {
        return err_set(RC_NOMEM, "no memory for a line");
    }
    r->modbus = modbus_new_rtu(line->device, line->baud, line->parity, 8, line->stop_bits);
    if (!r->modbus) {
        free(r);
        return err_set(RC_INPUT, "%s: %s", line->device, modbus_strerror(errno));
    }
    modbus_set_byte_timeout(r->modbus, 0, 0);
    r->gap_ns = silence_ns(line->baud);
    r->bus.calls = &calls;
    *bus = &r->bus;
    return RC_OK;
}
