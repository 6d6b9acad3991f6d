/* Ring of numbered blocks: one writer that never waits, any number of readers that only read.
 *
 *                     begin..commit   read
 *   begin..commit          X           -      X: one writer thread only
 *   read                   -           -      -: in any interleaving; a read may find its block
 *                                                overwritten and says so
 *
 * Writer, block n: store before = n; release fence; payload words (relaxed); store after = n
 * with release; store newest = n with release. Reader of block n: load after with acquire, must
 * be n; payload words (relaxed); acquire fence; load before, must be n.
 *
 * Why a copy that passes is block n, whole. `after` = n, acquired, orders the copy behind all
 * of block n's words. Should the copy hold a word of a later block m in the same slot, that
 * word was stored behind the writer's release fence, and was loaded ahead of the reader's
 * acquire fence: the two fences synchronise, the load of `before` sees m or later, and the copy
 * is refused. A writer killed between begin and commit leaves before != after: that block is
 * never delivered.
 */
#ifndef ORBIT_RT_SHM_SLOT_RING_H
#define ORBIT_RT_SHM_SLOT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/base/words.h"
#include "rt/shm/layout.h"
#include "rt/shm/segment.h"

/* ---- writer (private to its thread) ---- */

struct slot_ring {
    struct slot_ring_head *head;
    unsigned char *slots;
    uint64_t mask, stride_b, payload_b;
    uint64_t number; /* of the block begun or committed last */
};

/* Lays a ring over a created segment (size segment_ring_size_b(n_slot, payload_b) or more).
 * RC_RANGE: n_slot is no power of two, payload_b no multiple of 8, or the segment is too small.
 */
MUST_USE enum rc slot_ring_create(struct slot_ring *ring, const struct segment *segment,
                                  uint64_t n_slot, uint64_t payload_b);

/* Payload of the next block, [payload_b / 8] words of old content, 16 bytes into a cache line:
 * fill it with words_store() only. Until slot_ring_commit() readers refuse this slot. */
RT_SAFE void *slot_ring_begin(struct slot_ring *ring);
RT_SAFE void slot_ring_commit(struct slot_ring *ring);

/* Payload of the block begun last and not yet committed. */
RT_SAFE void *slot_ring_filling(const struct slot_ring *ring);

/* Takes the begin back: the block is never delivered, and the next begin takes its slot and
 * number. */
RT_SAFE void slot_ring_abandon(struct slot_ring *ring);

/* Asks for the next block's cache lines, so that filling it need not wait for memory: for the
 * idle time before. Changes nothing. */
RT_SAFE void slot_ring_warm(const struct slot_ring *ring);

/* begin, copy of payload_b bytes, commit. */
RT_SAFE void slot_ring_write(struct slot_ring *ring, const void *payload);

/* ---- reader ---- */

struct slot_reader {
    const struct slot_ring_head *head;
    const unsigned char *slots;
    uint64_t mask, stride_b, payload_b;
};

/* RC_INPUT: the geometry does not fit into the segment, or its payload is not payload_b (0:
 * any, multiple of 8). */
MUST_USE enum rc slot_reader_attach(struct slot_reader *reader, const struct segment *segment,
                                    uint64_t payload_b);

/* Number of the newest complete block; 0: none yet. */
uint64_t slot_reader_newest(const struct slot_reader *reader);

/* Copies block `number` to payload [payload_b]. false: it is overwritten, being written or not
 * there. */
bool slot_reader_read(const struct slot_reader *reader, uint64_t number, void *payload);

/* Copies the newest block; returns its number, 0 if there is none or the writer lapped the copy
 * in every one of a bounded number of tries (payload is then garbage). */
uint64_t slot_reader_read_newest(const struct slot_reader *reader, void *payload);

/* Copies block *next, or the oldest one still there if *next is gone (0: the newest), adding
 * what was skipped to *lost; *next becomes the number after the one copied. false: nothing new
 * yet. */
bool slot_reader_read_next(const struct slot_reader *reader, uint64_t *next, void *payload,
                           uint64_t *lost);

#endif
