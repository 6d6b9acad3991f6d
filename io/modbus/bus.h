/* One connection to Modbus devices, TCP or RTU behind the same calls.
 *
 * Every call ends by its deadline (CLOCK_MONOTONIC ns), whatever the other side does. After
 * anything but BUS_GOOD and BUS_EXCEPTION the bus is closed, what was not sent yet is thrown
 * away, and bus_open() is the only call that makes sense. One thread.
 */
#ifndef ORBIT_IO_MODBUS_BUS_H
#define ORBIT_IO_MODBUS_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "io/modbus/pdu.h"
#include "rt/base/rc.h"

enum bus_result {
    BUS_GOOD,
    BUS_EXCEPTION, /* refused by the device; the connection is good */
    BUS_TIMEOUT,   /* no complete answer by the deadline */
    BUS_GARBAGE,   /* an answer that is none */
    BUS_CLOSED,    /* by the other side, or by an error of the system: errno's text in `said` */
    BUS_REFUSED,   /* bus_open: nobody there */
    BUS_RESULT_COUNT
};

struct bus_counts {
    uint64_t result[BUS_RESULT_COUNT];
    uint64_t late; /* answers to earlier requests, thrown away */
};

struct bus {
    const struct bus_calls *calls;
    bool is_open;
    unsigned exception; /* of the last BUS_EXCEPTION */
    char said[96];      /* what the system said last */
    struct bus_counts counts;
};

struct bus_calls {
    enum bus_result (*open)(struct bus *bus, int64_t deadline_ns);
    enum bus_result (*transact)(struct bus *bus, const struct pdu_request *request,
                                int64_t deadline_ns);
    void (*close)(struct bus *bus);
    void (*destroy)(struct bus *bus);
};

/* address: "a.b.c.d:port" or "[v6]:port", numeric, because looking a name up has no deadline.
 * RC_INPUT, RC_NOMEM; nothing is connected yet. */
MUST_USE enum rc bus_create_tcp(struct bus **bus, const char *address);

/* parity: 'N', 'E' or 'O'. RC_INPUT, RC_NOMEM. */
struct rtu_line {
    const char *device;
    int baud, stop_bits;
    char parity;
};
MUST_USE enum rc bus_create_rtu(struct bus **bus, const struct rtu_line *line);

void bus_destroy(struct bus *bus); /* NULL is fine */

enum bus_result bus_open(struct bus *bus, int64_t deadline_ns);
enum bus_result bus_transact(struct bus *bus, const struct pdu_request *request,
                             int64_t deadline_ns);
void bus_close(struct bus *bus);

/* In words; exceptions are named. text [96] */
void bus_describe(const struct bus *bus, enum bus_result result, char text[96]);

#endif
