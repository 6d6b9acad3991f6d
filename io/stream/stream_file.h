/* One recording being written: a segment log whose every segment begins with the header. One
 * thread at a time. */
#ifndef ORBIT_IO_STREAM_STREAM_FILE_H
#define ORBIT_IO_STREAM_STREAM_FILE_H

#include <stdbool.h>

#include "io/segment/segment_log.h"
#include "io/stream/stream_format.h"
#include "rt/shm/client.h"

struct stream_file {
    struct segment_log log;
    bool open, failing;
    uint64_t n_told_dropped; /* of log.n_dropped: written as lost */
    uint64_t record_b;
};

/* What a header says beyond what the client knows. */
struct stream_about {
    const char *instance, *reason;
    const struct devices *devices; /* names are left empty if it is not that of the run */
    double pre_s, post_s;
    bool freeze;
};

/* Opens the folder and begins a segment with a header of the client's run. RC_SYS, RC_NOMEM,
 * RC_RANGE. */
MUST_USE enum rc stream_file_open(struct stream_file *file, const char *folder,
                                  const struct segment_limits *limits);
MUST_USE enum rc stream_file_begin(struct stream_file *file, struct client *client,
                                   const struct stream_about *about);

/* Failures are told on stderr once, until writing works again; what they cost is counted. */
void stream_file_record(struct stream_file *file, const void *payload);
void stream_file_lost(struct stream_file *file, const struct stream_lost *lost);
void stream_file_mark(struct stream_file *file, const struct stream_mark *mark);
void stream_file_item(struct stream_file *file, enum stream_kind kind, const void *payload,
                      uint64_t size_b);
void stream_file_sync(struct stream_file *file);
void stream_file_close(struct stream_file *file);

#endif
