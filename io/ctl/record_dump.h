/* Recordings of orbit-stream converted: to HDF5 with everything, to CSV with a few columns.
 *
 * HDF5, n records: /cycle [n] and every other field of a record's head, /y, /y_quality
 * [n][n_row], /u_cmd, /u_found, /u_quality [n][n_col]; /names/bpm, /names/corrector; /lost/...
 * and /marks/... ; units as attributes, the header's fields as attributes of the root.
 * orbitctl(1) has the list. One thread.
 */
#ifndef ORBIT_IO_CTL_RECORD_DUMP_H
#define ORBIT_IO_CTL_RECORD_DUMP_H

#include "io/stream/stream_reader.h"

struct dump_spec {
    const char *hdf5_path, *csv_path; /* one of them */
    uint64_t run_id;                  /* 0: all runs; they must be of the same machine */
};

/* Converts the recording at path and says on stderr what is missing in it. RC_INPUT: no
 * recording, no records (of that run), or runs with different devices; RC_SYS: a file. */
MUST_USE enum rc record_dump(const char *path, const struct dump_spec *spec);

/* Where records go; `before` counts the records put so far. Any function may be the first to
 * fail. */
struct dump_sink {
    enum rc (*begin)(void *sink, const struct stream_reader *reader);
    enum rc (*record)(void *sink, const struct stream_reader *reader);
    enum rc (*lost)(void *sink, const struct stream_lost *lost, uint64_t before);
    enum rc (*mark)(void *sink, const struct stream_mark *mark, uint64_t before);
    enum rc (*end)(void *sink); /* always called, once, after begin */
};

extern const struct dump_sink hdf5_sink;
struct hdf5_dump;
MUST_USE enum rc hdf5_dump_create(struct hdf5_dump **dump, const char *path);
void hdf5_dump_destroy(struct hdf5_dump *dump);

#endif
