/* Tells the service manager how orbitd is: the datagrams of sd_notify(3), without its library.
 *
 * The watchdog is fed with the loop's own cycle count: a manager that is alive beside a loop
 * that stands still does not feed it. One thread; nothing here is for the loop's thread.
 * Without a NOTIFY_SOCKET every call does nothing.
 */
#ifndef ORBIT_RT_SYS_NOTIFY_H
#define ORBIT_RT_SYS_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_size;
    int64_t interval_ns; /* between two feedings, half of what is allowed; 0: no watchdog */
    int64_t due_ns;
    uint64_t fed_cycles;
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* The loop runs; status: one line for `systemctl status`. */
void notify_ready(const struct notify *notify, const char *status);

/* Feeds the watchdog if it is time and the loop has run since the last feeding.
 * n_cycles: cycles run so far; now_ns: CLOCK_MONOTONIC. */
void notify_feed(struct notify *notify, uint64_t n_cycles, int64_t now_ns);

void notify_stopping(const struct notify *notify);

#endif
