/* A segment: one sealed memfd, its mapping and its head.
 *
 * orbitd creates all of them before the loop starts. Nobody can shrink or grow one; all but
 * SEG_INPUT can be written through orbitd's own mapping only (F_SEAL_FUTURE_WRITE), whatever a
 * receiver of the descriptor tries. Set-up only; no function here is for the loop.
 */
#ifndef ORBIT_RT_SHM_SEGMENT_H
#define ORBIT_RT_SHM_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"

struct segment {
    void *base; /* struct segment_head first; NULL: not mapped */
    uint64_t size_b;
    int fd; /* to hand out; -1 once attached by a client */
};

/* Creates, seals, maps writable and prefaults. `head`: kind, size_b, run_id, device_hash, dims,
 * source_id and name are the caller's; magic and layout hash are filled in. RC_SYS, RC_RANGE
 * (dims, size). */
MUST_USE enum rc segment_create(struct segment *segment, const struct segment_head *head);

/* Maps a received descriptor, read-only unless it is SEG_INPUT, after checking seals, true
 * size, magic and layout hash, and that kind, run_id, device_hash (0: any) and dims are those
 * of `expect` (its size_b 0: any, else at least). Does not take the descriptor: the caller
 * closes it. RC_INPUT with the reason. */
MUST_USE enum rc segment_attach(struct segment *segment, int fd,
                                const struct segment_head *expect);

/* Unmaps and closes; a zeroed or closed one is fine. */
void segment_close(struct segment *segment);

static inline const struct segment_head *segment_head(const struct segment *segment)
{
    return segment->base;
}

/* Sizes to create: status; a slot ring of n_slot (power of two) payloads; input frames. */
uint64_t segment_status_size_b(void);
uint64_t segment_ring_size_b(uint64_t n_slot, uint64_t payload_b);
uint64_t segment_input_size_b(uint64_t n_value);

/* From one slot to the next, whole cache lines. */
uint64_t segment_ring_stride_b(uint64_t payload_b);
uint64_t segment_input_stride_b(uint64_t n_value);

/* Largest power of two of slots (at least 4) whose ring fits into size_b. */
uint64_t segment_ring_slots(uint64_t size_b, uint64_t payload_b);

#endif
