/* The loop of a recording once more: its code, its parameters, its state at a checkpoint, its
 * inputs; and whether the same comes out.
 *
 *   replay_create -> { replay_use_set, replay_restore, replay_cycle ... } -> replay_destroy
 *
 * A gap in the records ends a stretch: replay_restore() with the next checkpoint begins
 * another. One thread, and one replay at a time in it.
 */
#ifndef ORBIT_IO_REPLAY_REPLAY_H
#define ORBIT_IO_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/record.h"

struct replay;

struct replay_setup {
    struct orbit_dims dims;
    uint64_t run_id;
    int64_t period_ns;
    uint64_t kernel, storage; /* of the run's sets: enum matvec_variant, enum matvec_storage */
};

/* Takes the run's kernel where this processor has it (else the best that it has:
 * replay_exact()). RC_NOMEM, RC_RANGE. */
MUST_USE enum rc replay_create(struct replay **replay, const struct replay_setup *setup);
void replay_destroy(struct replay *replay);

/* The kernel is that of the run, so that every bit must be the same. */
bool replay_exact(const struct replay *replay);

/* The parameters from the next cycle on, under the run's numbers. RC_INPUT: set_image.h. */
MUST_USE enum rc replay_use_set(struct replay *replay, const struct set_head *image,
                                uint64_t revision, uint64_t serial);

/* The loop stands behind the checkpoint's cycle; its set must be in use. RC_INPUT: of another
 * build, or it keeps too little of the past; RC_NOMEM. */
MUST_USE enum rc replay_restore(struct replay *replay,
                                const struct checkpoint_head *checkpoint);

/* One cycle on the inputs of `record` (a payload of record_size_b()). Returns the record that
 * the loop makes of it now, valid until the next call. */
const void *replay_cycle(struct replay *replay, const void *record);

/* The first value that is not the same. */
struct replay_difference {
    const char *what;
    uint64_t index; /* row or column */
    double was, is;
};

/* Compares two payloads bit for bit, but for what depends on the run alone (wake-up, UTC, count
 * of requests). tolerance > 0: vectors only to this share of their largest element. true:
 * equal. */
bool replay_same(const struct orbit_dims *dims, const void *was, const void *is,
                 double tolerance, struct replay_difference *difference);

#endif
