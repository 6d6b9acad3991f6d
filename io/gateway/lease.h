/* The lease on set points, as every gateway must keep it: which block may be written, and the
 * echo.
 *
 * A block is written only if the state is CLOSED and the block is active, its run is the one of
 * the present connection, its arm_id was acknowledged in this connection, and its lease has not
 * ended; lease_runs() is asked again immediately before each value. A block refused once stays
 * refused. One thread at a time.
 */
#ifndef ORBIT_IO_GATEWAY_LEASE_H
#define ORBIT_IO_GATEWAY_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/shm/client.h"

struct lease {
    uint64_t ack_arm_id, last_life, refused_life;
    uint64_t last_cycle, n_written, n_refused;
    int64_t last_write_ns;
    int64_t write_period_ns, next_write_ns;
    struct setpoint_head *block; /* taken last; kicks [n_col] behind it */
};

/* RC_NOMEM. */
MUST_USE enum rc lease_init(struct lease *lease, const struct orbit_dims *dims);
void lease_end(struct lease *lease);

/* Highest mean rate of blocks. */
void lease_set_rate(struct lease *lease, double write_hz);

/* A connection was opened or lost: nothing is acknowledged any more. */
void lease_forget(struct lease *lease);

/* Acknowledges the present arming. true: what was written before is history, because this is
 * another arming or because the loop drives nothing and is not in HOLD, and everybody may set
 * set points. */
bool lease_follow(struct lease *lease, struct client *client);

/* Copies the newest block if it is new, due, and may be written; it is then to be written and
 * lease_finish() called. A refused one is counted. */
bool lease_take(struct lease *lease, struct client *client, int64_t now_ns);

/* All conditions for the block taken, now. */
bool lease_allows(const struct lease *lease, struct client *client);

/* Only that its time is not over: a process that was stopped in the middle of a batch must not
 * go on after it. */
bool lease_runs(const struct lease *lease);

const double *lease_kicks(const struct lease *lease);

/* The block taken was written. complete: nothing of it is left; else it is taken again. */
void lease_finish(struct lease *lease, bool complete);

/* Fills the echo's words but WORD_OUTSTANDING. */
void lease_echo(const struct lease *lease, struct frame_head *head);

#endif
