/* The parameter sets of a recording: which content a revision has, and its file. */
#ifndef ORBIT_IO_REPLAY_SETS_H
#define ORBIT_IO_REPLAY_SETS_H

#include <stddef.h>

#include "io/stream/stream_format.h"
#include "rt/base/rc.h"

struct sets {
    char folder[640]; /* of the recording */
    size_t n;
    struct stream_set *set; /* [n] */
};

/* path: of the recording, a file or a folder. */
void sets_begin(struct sets *sets, const char *path);
void sets_end(struct sets *sets);

/* RC_NOMEM. */
MUST_USE enum rc sets_add(struct sets *sets, const struct stream_set *set);

/* Adds all that a recording names. RC_INPUT, RC_SYS, RC_NOMEM. */
MUST_USE enum rc sets_scan(struct sets *sets, const char *path);

/* NULL: the recording does not name it. */
const struct stream_set *sets_find(const struct sets *sets, uint64_t run_id, uint64_t revision);

/* Reads the file of a set; *image is the caller's to free. RC_SYS: there is none; RC_INPUT: it
 * is damaged; RC_NOMEM. */
MUST_USE enum rc sets_load(const struct sets *sets, uint64_t set_hash, struct set_head **image);

#endif
