/* What stands in a recording: the payloads of its segments' records (segment_format.h).
 *
 *   STREAM_HEADER  struct stream_header, then names [n_bpm + n_col][32]; first in every segment
 *   STREAM_RECORD  struct record_head and its arrays, as the record ring has them (layout.h)
 *   STREAM_LOST    struct stream_lost: records are missing here
 *   STREAM_MARK    struct stream_mark: why there is a recording; behind the record it is about
 *   STREAM_SET     struct stream_set: what a revision of the parameters is called as a file
 *   STREAM_CHECKPOINT  struct checkpoint_head and the loop's state behind its cycle; behind the
 *                  record of that cycle or a later one
 *
 * Parameter sets are files of their own, each content once: <set_hash, 16 hex digits>.set has
 * struct set_head and what follows it, in the folder of the recording, or in STREAM_SETS beside
 * it.
 *
 * A header holds for what follows it. Every field is 8 bytes wide.
 */
#ifndef ORBIT_IO_STREAM_STREAM_FORMAT_H
#define ORBIT_IO_STREAM_STREAM_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "config/devices.h"
#include "rt/shm/layout.h"

#define STREAM_MAGIC        0x314d41455254534fULL /* "OSTREAM1" */
#define STREAM_SOCKET       "stream.sock"
#define STREAM_FOLDER       "records"
#define STREAM_CONTINUOUS   "continuous"
#define STREAM_FREEZE_START "freeze-"
#define STREAM_SETS         "sets"
#define STREAM_SET_SUFFIX   ".set"

enum { STREAM_REASON_SIZE = 32, STREAM_PARAMETERS_SIZE = 256 };

enum stream_kind {
    STREAM_HEADER = 1,
    STREAM_RECORD,
    STREAM_LOST,
    STREAM_MARK,
    STREAM_SET,
    STREAM_CHECKPOINT,
    STREAM_KIND_END
};

struct stream_header {
    uint64_t magic, header_b; /* of this struct */
    uint64_t layout_hash, run_id, device_hash;
    struct orbit_dims dims;
    uint64_t record_b, period_ns;
    uint64_t revision; /* of the parameter set in use when the recording began */
    int64_t utc_ns;    /* when it began */
    uint64_t freeze;   /* 1: pre_s before to post_s after its first mark; 0: continuous */
    double pre_s, post_s;
    uint64_t named; /* 1: the device table of the run was at hand */
    char instance[ORBIT_NAME_SIZE], machine[ORBIT_NAME_SIZE];
    char reason[STREAM_REASON_SIZE];
    char parameters[STREAM_PARAMETERS_SIZE]; /* what orbitd said of the set last accepted */
};

enum stream_where {
    LOST_RING, /* overwritten before they were read */
    LOST_DISK  /* could not be written; counted when writing works again */
};

struct stream_lost {
    uint64_t count, where;
    uint64_t run_id, after_cycle; /* the newest cycle read before */
};

struct stream_mark {
    uint64_t run_id, cycle;
    int64_t t_mono_ns, t_utc_ns;
    uint64_t state, unmet;    /* of that cycle's record */
    uint64_t cause, offender; /* of the status when the record was read */
    char reason[STREAM_REASON_SIZE];
};

struct stream_set {
    uint64_t run_id, revision, serial, set_hash;
};

/* Bytes of a header with its names. */
uint64_t stream_header_size_b(const struct orbit_dims *dims);

/* Fills names [n_bpm + n_col][32]: BPMs, H, V, RF. All empty if the table has other dimensions;
 * returns whether it fits. */
int stream_names(char (*name)[ORBIT_NAME_SIZE], const struct orbit_dims *dims,
                 const struct devices *devices);

#endif
