/* Appends records to the segment files of one folder.
 *
 *   segment_log_open -> { segment_log_append, segment_log_sync } -> segment_log_close
 *
 * Records are gathered in memory and written in pieces of up to 1 MiB; segment_log_sync()
 * brings everything to the disk (fdatasync). What cannot be written (no room, a fault of the
 * disk) is dropped and counted: the numbers of its records are missing from the files, the
 * segment ends behind its last good record, and the next append begins a new one. One thread at
 * a time.
 */
#ifndef ORBIT_IO_SEGMENT_SEGMENT_LOG_H
#define ORBIT_IO_SEGMENT_SEGMENT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "io/segment/segment_format.h"
#include "rt/base/rc.h"

struct segment_limits {
    uint64_t segment_b; /* a segment is closed before it grows beyond this */
    uint64_t folder_b;  /* the oldest segments go when all together are beyond this; 0: never */
};

struct segment_log {
    char folder[SEGMENT_PATH_SIZE];
    struct segment_limits limits;
    int fd;             /* -1: the next record begins a segment */
    uint64_t first;     /* number of the segment's first record */
    uint64_t written_b; /* of the segment, in the file */
    uint64_t next;      /* number of the next record */
    unsigned char *buffer;
    uint64_t buffered_b, n_buffered;
    bool dirty; /* written since the last fdatasync */

    uint32_t preamble_kind;
    uint32_t preamble_b; /* 0: none */
    void *preamble;

    uint64_t n_appended; /* records taken, without preambles */
    uint64_t n_dropped;  /* records that could not be written */
    uint64_t n_segment_dropped, n_segment;
    uint64_t total_b; /* written in this object's life */
};

/* Makes the folder if it is missing (its parent must exist) and finds the last good record in
 * it: numbers go on behind that. Files that are there are never changed: a damaged end stays as
 * it is, and a new segment begins. RC_SYS, RC_NOMEM; RC_RANGE: segments smaller than 4 KiB, or
 * a folder for less than two. */
MUST_USE enum rc segment_log_open(struct segment_log *log, const char *folder,
                                  const struct segment_limits *limits);

/* This record stands first in every segment begun from now on (copied). RC_RANGE, RC_NOMEM. */
MUST_USE enum rc segment_log_preamble(struct segment_log *log, uint32_t kind,
                                      const void *payload, uint32_t length_b);

/* Takes one record; no system call unless the buffer or the segment is full. RC_RANGE: too
 * large; RC_SYS: what was gathered (this record included or not, n_dropped knows) is lost. The
 * next call tries again. */
MUST_USE enum rc segment_log_append(struct segment_log *log, uint32_t kind, const void *payload,
                                    uint32_t length_b);

/* Writes what is gathered; with fdatasync. RC_SYS: as above; after a failed fdatasync the
 * segment is given up, because nobody can tell what of it is on the disk. */
MUST_USE enum rc segment_log_flush(struct segment_log *log);
MUST_USE enum rc segment_log_sync(struct segment_log *log);

/* Ends the segment: the next record begins another one, with the preamble. As segment_log_sync.
 */
MUST_USE enum rc segment_log_roll(struct segment_log *log);

/* Syncs and closes; RC_SYS as above, everything is released anyway. */
enum rc segment_log_close(struct segment_log *log);

#endif
