/* A segment of frames and one of blocks whose every word follows from their number, so that a
 * reader can tell a whole one from a torn one. */
#ifndef ORBIT_TESTS_STRESS_EXCHANGE_CONTENT_H
#define ORBIT_TESTS_STRESS_EXCHANGE_CONTENT_H

#include "rt/shm/frame.h"
#include "rt/shm/slot_ring.h"

enum { CONTENT_N_VALUE = ORBIT_MAX_ROW, CONTENT_N_SLOT = 8, CONTENT_N_WORD = 1000 };

struct content {
    struct segment input, ring_segment;
    struct frame_writer writer;
    struct frame_reader reader;
    struct frame_view view;
    void *memory;
    struct slot_ring ring;
    struct slot_reader blocks;
    uint64_t block[CONTENT_N_WORD];
};

void content_create(struct content *content);
void content_destroy(struct content *content);

void content_publish_frame(struct content *content, uint64_t generation, uint64_t seq);
void content_write_block(struct content *content);

/* Fail the test unless content->view, content->block are whole. */
void content_assert_frame(const struct content *content);
void content_assert_block(const struct content *content, uint64_t number);

/* Slots of the input that hold words of more than one frame: writes that were cut off. */
unsigned content_n_torn_slot(const struct content *content);

#endif
