/* Reads a recording: a segment file, or a folder of them. Believes nothing that is in it.
 *
 *   stream_reader_open -> { stream_reader_next } -> stream_reader_close
 */
#ifndef ORBIT_IO_STREAM_STREAM_READER_H
#define ORBIT_IO_STREAM_STREAM_READER_H

#include <stdbool.h>

#include "io/segment/segment_reader.h"
#include "io/stream/stream_format.h"
#include "rt/shm/record.h"

struct stream_reader {
    struct segment_reader segment;
    bool has_header;
    struct stream_header header;   /* the last one; texts end with NUL */
    char (*name)[ORBIT_NAME_SIZE]; /* [n_bpm + n_col], end with NUL */

    /* What next delivered, by its kind. */
    struct record_view record;
    struct stream_set set;
    const struct checkpoint_head *checkpoint; /* its state_b bytes are there */
    struct stream_lost lost;
    struct stream_mark mark;
};

/* RC_SYS, RC_NOMEM. */
MUST_USE enum rc stream_reader_open(struct stream_reader *reader, const char *path);

/* The kind of the next item (enum stream_kind), 0 at the end, or RC_INPUT: not a recording, or
 * one of another version or layout; RC_SYS, RC_NOMEM. Items of unknown kinds are passed over.
 */
MUST_USE int stream_reader_next(struct stream_reader *reader);

void stream_reader_close(struct stream_reader *reader);

/* The newest record's run and cycle in a folder of segments. false: there is none. */
bool stream_find_last(const char *folder, uint64_t *run_id, uint64_t *cycle);

#endif
