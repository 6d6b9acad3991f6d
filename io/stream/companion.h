/* What a replay needs beside the records: the parameter sets in use, as files, and the
 * checkpoints of the loop. One thread. */
#ifndef ORBIT_IO_STREAM_COMPANION_H
#define ORBIT_IO_STREAM_COMPANION_H

#include <stdbool.h>

#include "io/stream/stream_file.h"

enum { COMPANION_SETS = 256 };

/* Of a connection: the sets seen so far, and where they are kept. */
struct set_shelf {
    struct client *client;
    const char *records; /* the folder of all recordings */
    char folder[SEGMENT_PATH_SIZE];
    struct set_head *image;             /* [of a block of SEG_SET] */
    struct checkpoint_head *checkpoint; /* [of a block of SEG_CHECKPOINT] */
    uint64_t next_set, n_set;
    struct stream_set set[COMPANION_SETS]; /* the newest, set[number % COMPANION_SETS] */
    bool failing;
};

/* records: the folder of all recordings; stays valid as long as the shelf. RC_NOMEM, RC_SYS. */
MUST_USE enum rc set_shelf_open(struct set_shelf *shelf, struct client *client,
                                const char *records);
void set_shelf_close(struct set_shelf *shelf); /* a zeroed one is fine */

/* Stores the sets that are new, and lets go those that no recording can need any more. */
void set_shelf_follow(struct set_shelf *shelf);

/* Of one recording. */
struct companion {
    uint64_t next_checkpoint; /* start with 1 */
    uint64_t revision;        /* named last; 0: none */
    uint64_t segment;         /* in which: number of its first record */
    const char *folder; /* gets its own name of each set's file; NULL: the shelf's will do */
};

/* Behind records up to last_cycle, the newest of which used `revision`: names its set, once in
 * every segment because the oldest ones go, and writes the checkpoints of cycles from
 * first_cycle to there. */
void companion_follow(struct companion *companion, struct set_shelf *shelf,
                      struct stream_file *file, uint64_t first_cycle, uint64_t last_cycle,
                      uint64_t revision);

#endif
