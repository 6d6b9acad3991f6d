#include "rt/sys/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path, or a name of the abstract space written with a leading '@'. */
static socklen_t set_address(struct sockaddr_un *address, const char *name)
{
    size_t length = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || length >= sizeof address->sun_path)
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length);
}

/* Half of WATCHDOG_USEC, if that is meant for this process; 0: none. */
static int64_t read_interval_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long allowed_us = usec ? strtoll(usec, NULL, 10) : 0;

    if (pid && strtoll(pid, NULL, 10) != getpid())
        return 0;
    return allowed_us > 0 && allowed_us < INT64_MAX / 1000 ? allowed_us * 500 : 0;
}

void notify_open(struct notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET");

    *notify = (struct notify){.fd = -1};
    if (!name)
        return;
    notify->address_size = set_address(&notify->address, name);
    if (notify->address_size > 0)
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0)
        fprintf(stderr, "orbitd: cannot reach the service manager at %s\n", name);
    else
        notify->interval_ns = read_interval_ns();
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

/* A lost datagram is no fault: the service manager's own time limits notice. */
static void send_text(const struct notify *notify, const char *text)
{
    if (notify->fd >= 0)
        (void) sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL,
                      (const struct sockaddr *) &notify->address, notify->address_size);
}

void notify_ready(const struct notify *notify, const char *status)
{
    char text[512];

    snprintf(text, sizeof text, "READY=1\nSTATUS=%s", status);
    send_text(notify, text);
}

void notify_feed(struct notify *notify, uint64_t n_cycles, int64_t now_ns)
{
    if (notify->interval_ns == 0 || now_ns < notify->due_ns || n_cycles == notify->fed_cycles)
        return;
    send_text(notify, "WATCHDOG=1");
    notify->fed_cycles = n_cycles;
    notify->due_ns = now_ns + notify->interval_ns;
}

void notify_stopping(const struct notify *notify)
{
    send_text(notify, "STOPPING=1");
}
