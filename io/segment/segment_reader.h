/* Reads the records of one segment file, or of all segments of a folder, in order.
 *
 *   segment_reader_open -> { segment_reader_next } -> segment_reader_close
 *
 * Believes nothing: magic, length, number and checksum of every record are checked. The first
 * bad record ends its file (counted, not an error); a folder's reader goes on with the next
 * file. A file may grow while it is read. One thread per reader.
 */
#ifndef ORBIT_IO_SEGMENT_SEGMENT_READER_H
#define ORBIT_IO_SEGMENT_SEGMENT_READER_H

#include <stdint.h>

#include "io/segment/segment_folder.h"

struct segment_reader {
    char folder[SEGMENT_PATH_SIZE]; /* empty: one file */
    struct segment_folder list;
    size_t file;            /* in work, index of list */
    int fd;                 /* -1: none is open */
    uint64_t offset_b;      /* of the next record in the file */
    unsigned char *payload; /* of the last record [record.length_b] */
    uint64_t window_at_b, window_b;
    unsigned char *window;

    struct segment_record record; /* head of the last record */
    uint64_t n_read;
    uint64_t n_lost;   /* numbers missing between records read */
    uint64_t n_bad;    /* files whose end was not readable */
    uint64_t bad_at_b; /* offset of the newest of those ends */
};

/* Opens a file or a folder (from its first segment on). RC_SYS, RC_NOMEM. */
MUST_USE enum rc segment_reader_open(struct segment_reader *reader, const char *path);

/* Folder: goes to the beginning of segment `index` of list. Counters start again. */
void segment_reader_seek(struct segment_reader *reader, size_t index);

/* Reads the next record: reader->record and reader->payload (aligned to 8 bytes) hold it until
 * the next call. Returns 1; 0: there is none; RC_SYS: a file could not be read. */
MUST_USE int segment_reader_next(struct segment_reader *reader);

/* A zeroed or closed one is fine. */
void segment_reader_close(struct segment_reader *reader);

#endif
