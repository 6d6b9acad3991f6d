#include "tests/support/test.h"

#include "tests/stress/exchange_content.h"

#include <stdlib.h>

#include "rt/base/four_slot.h"

static struct segment make(enum segment_kind kind, uint64_t size_b)
{
    struct segment_head head = {.kind = kind, .size_b = size_b, .dims = {1024, 1, 1, 1}};
    struct segment segment;

    assert_int_equal(segment_create(&segment, &head), RC_OK);
    return segment;
}

void content_create(struct content *content)
{
    const uint64_t n = CONTENT_N_VALUE;
    const uint64_t block_b = sizeof content->block;

    content->input = make(SEG_INPUT, segment_input_size_b(n));
    content->ring_segment = make(SEG_RECORD, segment_ring_size_b(CONTENT_N_SLOT, block_b));
    content->memory = aligned_alloc(CACHE_LINE, frame_memory_b(n));
    assert_non_null(content->memory);
    assert_int_equal(frame_writer_attach(&content->writer, &content->input, n), RC_OK);
    assert_int_equal(frame_reader_attach(&content->reader, &content->input, n, content->memory),
                     RC_OK);
    frame_reader_view(&content->reader, &content->view);
    assert_int_equal(
        slot_ring_create(&content->ring, &content->ring_segment, CONTENT_N_SLOT, block_b),
        RC_OK);
    assert_int_equal(slot_reader_attach(&content->blocks, &content->ring_segment, block_b),
                     RC_OK);
}

void content_destroy(struct content *content)
{
    segment_close(&content->input);
    segment_close(&content->ring_segment);
    free(content->memory);
}

void content_publish_frame(struct content *content, uint64_t generation, uint64_t seq)
{
    static double value[CONTENT_N_VALUE];
    static int64_t t_ns[CONTENT_N_VALUE];
    static uint64_t quality[CONTENT_N_VALUE];
    struct frame_head head = {.generation = generation,
                              .frame_seq = seq,
                              .t_sample_ns = (int64_t) seq,
                              .word = {(int64_t) seq},
                              .scalar = {(double) seq}};

    for (unsigned i = 0; i < CONTENT_N_VALUE; i++) {
        value[i] = (double) seq;
        t_ns[i] = (int64_t) seq;
        quality[i] = seq;
    }
    frame_publish(&content->writer, &head, &(struct frame_arrays){value, value, t_ns, quality});
}

void content_assert_frame(const struct content *content)
{
    const struct frame_view *view = &content->view;
    uint64_t seq = view->head.frame_seq;

    assert_int_equal(view->head.t_sample_ns, (int64_t) seq);
    assert_int_equal(view->head.word[0], (int64_t) seq);
    assert_true(view->head.scalar[0] == (double) seq);
    for (unsigned i = 0; i < CONTENT_N_VALUE; i++)
        if (view->value[i] != (double) seq || view->aux[i] != (double) seq ||
            view->t_value_ns[i] != (int64_t) seq || view->quality[i] != seq)
            fail_msg("frame %lu is torn at value %u", seq, i);
}

void content_write_block(struct content *content)
{
    static uint64_t words[CONTENT_N_WORD];

    for (unsigned i = 0; i < CONTENT_N_WORD; i++)
        words[i] = content->ring.number + 1;
    slot_ring_write(&content->ring, words);
}

void content_assert_block(const struct content *content, uint64_t number)
{
    for (unsigned i = 0; i < CONTENT_N_WORD; i++)
        if (content->block[i] != number)
            fail_msg("block %lu is torn: word %u is %lu", number, i, content->block[i]);
}

unsigned content_n_torn_slot(const struct content *content)
{
    unsigned n = 0;

    for (unsigned slot = 0; slot < 4; slot++) {
        const unsigned char *at = content->writer.slots + slot * content->writer.stride_b;
        const struct frame_head *head = (const void *) at;
        const double *value = (const void *) (head + 1);
        const uint64_t *quality = (const void *) (value + 3 * CONTENT_N_VALUE);

        n += value[0] != (double) head->frame_seq ||
             quality[CONTENT_N_VALUE - 1] != head->frame_seq;
    }
    return n;
}
