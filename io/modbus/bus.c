#include "io/modbus/bus.h"

#include <stdio.h>

void bus_destroy(struct bus *bus)
{
    if (bus) {
        bus_close(bus);
        bus->calls->destroy(bus);
    }
}

void bus_close(struct bus *bus)
{
    if (bus->is_open) {
        bus->calls->close(bus);
        bus->is_open = false;
    }
}

/* What one broken answer leaves behind would be taken for the next one: only a new connection
 * is clean. */
static enum bus_result finish(struct bus *bus, enum bus_result result)
{
    bus->counts.result[result]++;
    if (result != BUS_GOOD && result != BUS_EXCEPTION) {
        bus_close(bus);
    }
    return result;
}

enum bus_result bus_open(struct bus *bus, int64_t deadline_ns)
{
    bus_close(bus);
    bus->said[0] = '\0';
    bus->is_open = true;
    enum bus_result result = bus->calls->open(bus, deadline_ns);
    if (result != BUS_GOOD) {
        return finish(bus, result);
    }
    return BUS_GOOD;
}

enum bus_result bus_transact(struct bus *bus, const struct pdu_request *request,
                             int64_t deadline_ns)
{
    if (!bus->is_open) {
        return BUS_CLOSED;
    }
    return finish(bus, bus->calls->transact(bus, request, deadline_ns));
}

void bus_describe(const struct bus *bus, enum bus_result result, char text[96])
{
    static const char *const words[BUS_RESULT_COUNT] = {
        [BUS_GOOD] = "good",
        [BUS_TIMEOUT] = "no complete answer in time",
        [BUS_GARBAGE] = "what came is not an answer",
        [BUS_CLOSED] = "the connection was closed",
        [BUS_REFUSED] = "no connection",
    };
    if (result == BUS_EXCEPTION) {
        snprintf(text, 96, "exception %u, %s", bus->exception, exception_text(bus->exception));
    } else if (bus->said[0]) {
        snprintf(text, 96, "%s (%.60s)", words[result], bus->said);
    } else {
        snprintf(text, 96, "%s", words[result]);
    }
}
