/* Everything that the loop keeps from one cycle to the next, copied to SEG_CHECKPOINT every
 * second and put back by a replay.
 *
 * The state is struct workspace, the grid, and the blocks of memory that the workspace points
 * to; of the past set points only as many as the delay reaches back. Its order is that of this
 * build: state_hash tells another one. Writing happens in the idle time behind a cycle, by the
 * loop's thread; restoring is for replays alone.
 */
#ifndef ORBIT_RT_LOOP_CHECKPOINT_H
#define ORBIT_RT_LOOP_CHECKPOINT_H

#include <stdint.h>

#include "rt/base/attr.h"
#include "rt/base/rc.h"
#include "rt/loop/grid.h"
#include "rt/loop/workspace.h"
#include "rt/shm/slot_ring.h"

enum { CHECKPOINT_EVERY_NS = 1000000000, CHECKPOINT_PAST = 256 /* set points kept */ };

struct checkpoints {
    struct slot_ring *ring; /* NULL: none are written */
    struct workspace *w;
    struct grid *grid;
    const struct hal *hal;
    uint64_t state_hash;
    int64_t due_ns, cost_ns; /* of the next; how long the last one took */
};

/* Bytes of a block of the ring for machines of these sizes. RC_NOMEM. */
MUST_USE enum rc checkpoint_size_b(uint64_t *size_b, const struct orbit_dims *dims);

/* What it points to outlives it. */
void checkpoints_begin(struct checkpoints *self, struct slot_ring *ring, struct workspace *w,
                       struct grid *grid, const struct hal *hal);

/* Behind a cycle: writes a block if one is due and the time to the next cycle suffices; a loop
 * that never has that time writes one every ten seconds all the same. */
RT_SAFE void checkpoints_follow(struct checkpoints *self, const struct params *p);

/* Puts the state behind `head` into a workspace of the same sizes that never ran; what w points
 * to, and its number of sources, stay its own. RC_INPUT: of another build, or cut short;
 * RC_NOMEM. */
MUST_USE enum rc checkpoint_restore(struct workspace *w, struct grid *grid,
                                    const struct checkpoint_head *head);

#endif
