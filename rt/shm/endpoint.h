/* One end of a SEQPACKET connection: whole messages of struct orbit_msg, with descriptors.
 *
 * Descriptors that arrive are the caller's if the call succeeds, and closed if it does not,
 * whatever the reason. Not for the loop; one thread per connection.
 */
#ifndef ORBIT_RT_SHM_ENDPOINT_H
#define ORBIT_RT_SHM_ENDPOINT_H

#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"

enum { ENDPOINT_MAX_FD = SEG_KIND_COUNT };

struct endpoint_fds {
    int n;
    int fd[ENDPOINT_MAX_FD];
};

/* Zeroes the message and fills in magic, layout hash and type. */
void endpoint_prepare(struct orbit_msg *msg, enum msg_type type);

/* Sends a message, with descriptors unless fds is NULL (they stay the caller's); waits up to
 * timeout_ms for room. RC_TIMEOUT, RC_GONE, RC_SYS. */
MUST_USE enum rc endpoint_send(int socket, const struct orbit_msg *msg,
                               const struct endpoint_fds *fds, int timeout_ms);

/* Waits up to timeout_ms (0: not at all) for a message. fds->n of up to max_fd descriptors
 * arrive with it; more are a fault. RC_TIMEOUT, RC_GONE; RC_INPUT: size, magic or layout are
 * not ours, the text is not terminated, or there are too many descriptors: nothing of it is to
 * be used. */
MUST_USE enum rc endpoint_receive(int socket, struct orbit_msg *msg, struct endpoint_fds *fds,
                                  int max_fd, int timeout_ms);

/* Closes what has been received. */
void endpoint_close_fds(struct endpoint_fds *fds);

#endif
