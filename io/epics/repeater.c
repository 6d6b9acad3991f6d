#include "io/epics/repeater.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Channel Access protocol: header of 16 bytes, big-endian. */
enum { CA_HEADER_SIZE = 16, CA_REPEATER_CONFIRM = 17 };

enum rc repeater_open(int *fd)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    char port[8];
    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *) &name, size) ||
        getsockname(*fd, (struct sockaddr *) &name, &size)) {
        return err_sys("repeater socket");
    }
    snprintf(port, sizeof port, "%u", ntohs(name.sin_port));
    setenv("EPICS_CA_REPEATER_PORT", port, 1);
    return RC_OK;
}

void repeater_answer(int fd)
{
    unsigned char request[256];
    unsigned char confirm[CA_HEADER_SIZE] = {0, CA_REPEATER_CONFIRM};
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    confirm[CA_HEADER_SIZE - 4] = 127;
    confirm[CA_HEADER_SIZE - 1] = 1;
    while (recvfrom(fd, request, sizeof request, 0, (struct sockaddr *) &from, &size) >= 0) {
        /* A lost answer is asked for again. */
        (void) !sendto(fd, confirm, sizeof confirm, 0, (struct sockaddr *) &from, size);
        size = sizeof from;
    }
}
