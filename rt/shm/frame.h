/* Input frames: newest complete frame from one gateway to the loop (four_slot.h), in SEG_INPUT.
 *
 *                   frame_publish   frame_read
 *   frame_publish        X              -        X: one thread, - : in any interleaving
 *   frame_read           -              X
 *
 * Neither waits or retries. The gateway may write anything into the segment at any time: the
 * reader trusts nothing in it but what it copied and checked, and no offset comes from shared
 * memory.
 */
#ifndef ORBIT_RT_SHM_FRAME_H
#define ORBIT_RT_SHM_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/base/rc.h"
#include "rt/shm/layout.h"
#include "rt/shm/segment.h"

/* ---- gateway ---- */

struct frame_writer {
    struct four_slot *control;
    unsigned char *slots;
    uint64_t stride_b, n_value;
};

struct frame_arrays {
    const double *value, *aux; /* [n_value] */
    const int64_t *t_value_ns; /* [n_value] */
    const uint64_t *quality;   /* [n_value] */
};

/* RC_RANGE: the segment is too small for frames of n_value. */
MUST_USE enum rc frame_writer_attach(struct frame_writer *writer, const struct segment *segment,
                                     uint64_t n_value);

/* Publishes one frame; head->n_value is set here. frame_seq must be above 0. */
RT_SAFE void frame_publish(const struct frame_writer *writer, const struct frame_head *head,
                           const struct frame_arrays *arrays);

/* ---- loop ---- */

/* The last good frame, in the reader's private memory: valid until the next frame_read that
 * returns true. Before the first: a zeroed head and zeroed arrays. */
struct frame_view {
    struct frame_head head;
    const double *value, *aux;
    const int64_t *t_value_ns;
    const uint64_t *quality;
};

struct frame_reader {
    struct four_slot *control;
    const unsigned char *slots;
    uint64_t stride_b, n_value, source_id;
    uint64_t generation, frame_seq; /* of the last frame delivered */
    uint64_t n_bad;                 /* frames refused: n_value or source_id are wrong */
    uint64_t bad_seq;               /* frame_seq refused last, so that each is counted once */
    uint64_t warm_seq;              /* frame_seq whose lines were asked for last */
    void *memory;                   /* private copy of the arrays */
};

/* Bytes of private memory for frame_reader_attach: the four arrays, in whole cache lines. */
uint64_t frame_memory_b(uint64_t n_value);

/* memory: frame_memory_b(n_value) bytes, multiple of 64 aligned, the caller's; zeroed here.
 * RC_RANGE. */
MUST_USE enum rc frame_reader_attach(struct frame_reader *reader, const struct segment *segment,
                                     uint64_t n_value, void *memory);

/* View of the private memory before anything was read (pointers set, all zero). */
void frame_reader_view(const struct frame_reader *reader, struct frame_view *view);

/* Asks for the cache lines of the newest frame, if they were not asked for yet, and of the
 * private copy. Changes nothing. */
RT_SAFE void frame_warm(struct frame_reader *reader);

/* Head of the frame that frame_read would deliver now; false: it would deliver none. */
RT_SAFE bool frame_peek(struct frame_reader *reader, struct frame_head *head);

/* Copies the newest frame, once, if generation or frame_seq differ from the last one delivered,
 * and n_value and source_id are right; true: *view is that frame. false: *view and what it
 * points to are unchanged. Values (NaN, generation, times) are the caller's to judge. */
RT_SAFE bool frame_read(struct frame_reader *reader, struct frame_view *view);

#endif
