/* Follows the record ring of an instance and writes what it is told to: all of it (continuous),
 * and the time around an event (freeze).
 *
 * The ring itself is the queue: a slow disk costs nothing until the ring has gone round. One
 * thread, recorder_run(), reads and writes; recorder_freeze() may be called by any other.
 *
 * A freeze begins when a record is in HOLD or TRIPPED and the one before was not, or on
 * request. It holds the records from pre_s before that one (if the ring still has them, else
 * their number is written as lost) to post_s after it. Another event within that time is marked
 * and extends it, to at most ten times post_s in all.
 */
#ifndef ORBIT_IO_STREAM_RECORDER_H
#define ORBIT_IO_STREAM_RECORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "io/segment/segment_log.h"
#include "io/stream/stream_format.h"

struct recorder_spec {
    const char *socket_path; /* of orbitd */
    const char *folder;      /* records; its parent exists */
    const char *instance;
    const struct devices *devices;
    bool continuous;
    double pre_s, post_s, sync_s;
    struct segment_limits limits; /* of the continuous recording */
    unsigned keep;                /* freezes kept */
};

struct recorder;

/* Makes the folder and takes it for this process alone. RC_STATE: another one has it; RC_SYS,
 * RC_NOMEM, RC_RANGE. spec's pointers stay valid as long as the recorder. */
MUST_USE enum rc recorder_create(struct recorder **recorder, const struct recorder_spec *spec);
void recorder_destroy(struct recorder *recorder);

/* Reads and writes until recorder_stop(). Failures are told on stderr and tried again. */
void recorder_run(struct recorder *recorder);
void recorder_stop(struct recorder *recorder); /* any thread */

/* Freezes around the newest record; answer is the folder or the reason why not. RC_STATE: no
 * orbitd, or no record came yet; RC_TIMEOUT: no answer within timeout_ms. One caller at a time.
 */
MUST_USE enum rc recorder_freeze(struct recorder *recorder, const char *reason, int timeout_ms,
                                 char *answer, size_t size);

#endif
