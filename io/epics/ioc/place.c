/* Where an IOC serves, and with which rights: what EPICS takes from the environment and the
 * process. */
#include "io/epics/ioc/point.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void place_renounce_realtime(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_RTPRIO, &none);
    if (syscall(SYS_capget, &head, data) == 0) {
        uint32_t drop = (1U << CAP_SYS_NICE) | (1U << CAP_IPC_LOCK);
        data[0].effective &= ~drop;
        data[0].permitted &= ~drop;
        data[0].inheritable &= ~drop;
        syscall(SYS_capset, &head, data);
    }
}

static bool bind_port(int type, const struct in_addr *address, int port, int *bound)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_addr = *address, .sin_port = htons((uint16_t) port)};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *) &name, size) == 0 &&
                getsockname(fd, (struct sockaddr *) &name, &size) == 0;
    *bound = ntohs(name.sin_port);
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

/* A number that is free for both TCP and UDP. Somebody else may take it before EPICS does; then
 * the server falls back to another TCP port and clients still find it by the search port. */
static enum rc find_port(const struct in_addr *address, int *port)
{
    for (int i = 0; i < 64; i++) {
        int tcp = 0, udp = 0;
        if (bind_port(SOCK_STREAM, address, 0, &tcp) &&
            bind_port(SOCK_DGRAM, address, tcp, &udp)) {
            *port = tcp;
            return RC_OK;
        }
    }
    return err_sys("no free port");
}

static enum rc check_port(const struct in_addr *address, int *port, const char *what)
{
    int bound = 0;
    if (*port == 0) {
        return find_port(address, port);
    }
    if (!bind_port(SOCK_DGRAM, address, *port, &bound)) {
        return err_sys("%s port %d", what, *port);
    }
    return RC_OK;
}

static void set_number(const char *name, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    setenv(name, text, 1);
}

/* Beacons and searches stay on the interface that we serve. */
static void confine(const char *interface)
{
    static const char *const list[] = {"EPICS_CAS_INTF_ADDR_LIST", "EPICS_CAS_BEACON_ADDR_LIST",
                                       "EPICS_PVAS_INTF_ADDR_LIST",
                                       "EPICS_PVAS_BEACON_ADDR_LIST", "EPICS_PVA_ADDR_LIST"};
    static const char *const off[] = {"EPICS_CAS_AUTO_BEACON_ADDR_LIST",
                                      "EPICS_PVAS_AUTO_BEACON_ADDR_LIST",
                                      "EPICS_PVA_AUTO_ADDR_LIST"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        setenv(list[i], interface, 1);
    }
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        setenv(off[i], "NO", 1);
    }
}

enum rc place_prepare(struct ioc_place *place)
{
    const char *interface = place->interface ? place->interface : "127.0.0.1";
    struct in_addr address;
    if (inet_pton(AF_INET, interface, &address) != 1) {
        return err_set(RC_INPUT, "interface '%s' is not an IPv4 address", interface);
    }
    enum rc rc = check_port(&address, &place->ca_port, "Channel Access");
    rc = rc ? rc : check_port(&address, &place->pva_port, "PV Access");
    if (rc) {
        return rc;
    }
    if (address.s_addr != htonl(INADDR_ANY)) {
        confine(interface);
    }
    set_number("EPICS_CAS_SERVER_PORT", place->ca_port);
    set_number("EPICS_PVAS_SERVER_PORT", place->pva_port);
    set_number("EPICS_PVAS_BROADCAST_PORT", place->pva_port);
    return RC_OK;
}
