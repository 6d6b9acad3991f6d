#include "rt/shm/frame.h"

#include <string.h>

#include "rt/base/cache.h"
#include "rt/base/four_slot.h"
#include "rt/base/words.h"

enum { HEAD_WORDS = sizeof(struct frame_head) / 8, ARRAYS = 4 };

/* One slot. The arrays follow each other: value, aux, t_value_ns, quality. */
struct frame_slot {
    struct frame_head head;
    uint64_t arrays[]; /* [ARRAYS][n_value] */
};

static enum rc check_size(const struct segment *segment, uint64_t n_value)
{
    /* First the count: a large one would wrap the size. */
    if (n_value < 1 || n_value > ORBIT_MAX_ROW ||
        segment_input_size_b(n_value) > segment->size_b)
        return err_set(RC_RANGE, "frames of %lu values do not fit into a segment of %lu bytes",
                       n_value, segment->size_b);
    return RC_OK;
}

static struct four_slot *control_of(const struct segment *segment)
{
    return (void *) ((unsigned char *) segment->base + sizeof(struct segment_head));
}

static unsigned char *slots_of(const struct segment *segment)
{
    return (unsigned char *) (control_of(segment) + 1);
}

enum rc frame_writer_attach(struct frame_writer *writer, const struct segment *segment,
                            uint64_t n_value)
{
    enum rc rc = check_size(segment, n_value);

    if (rc != RC_OK)
        return rc;
    *writer = (struct frame_writer){
        .control = control_of(segment),
        .slots = slots_of(segment),
        .stride_b = segment_input_stride_b(n_value),
        .n_value = n_value,
    };
    return RC_OK;
}

void frame_publish(const struct frame_writer *writer, const struct frame_head *head,
                   const struct frame_arrays *arrays)
{
    unsigned index = four_slot_write_begin(writer->control);
    struct frame_slot *slot = (void *) (writer->slots + index * writer->stride_b);
    struct frame_head own = *head;
    uint64_t n = writer->n_value;

    own.n_value = n;
    words_store(&slot->head, &own, HEAD_WORDS);
    words_store(slot->arrays, arrays->value, n);
    words_store(slot->arrays + n, arrays->aux, n);
    words_store(slot->arrays + 2 * n, arrays->t_value_ns, n);
    words_store(slot->arrays + 3 * n, arrays->quality, n);
    four_slot_write_commit(writer->control, index);
}

uint64_t frame_memory_b(uint64_t n_value)
{
    return (ARRAYS * 8 * n_value + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

enum rc frame_reader_attach(struct frame_reader *reader, const struct segment *segment,
                            uint64_t n_value, void *memory)
{
    enum rc rc = check_size(segment, n_value);

    if (rc != RC_OK)
        return rc;
    *reader = (struct frame_reader){
        .control = control_of(segment),
        .slots = slots_of(segment),
        .stride_b = segment_input_stride_b(n_value),
        .n_value = n_value,
        .source_id = segment_head(segment)->source_id,
        .memory = memory,
    };
    memset(memory, 0, frame_memory_b(n_value));
    return RC_OK;
}

/* Set-up or loop: pointers only. */
RT_SAFE static void point_view(const struct frame_reader *reader, struct frame_view *view)
{
    double *value = reader->memory;

    view->value = value;
    view->aux = value + reader->n_value;
    view->t_value_ns = (const void *) (value + 2 * reader->n_value);
    view->quality = (const void *) (value + 3 * reader->n_value);
}

void frame_reader_view(const struct frame_reader *reader, struct frame_view *view)
{
    view->head = (struct frame_head){.source_id = reader->source_id};
    point_view(reader, view);
}

/* A frame that contradicts itself is counted once, however often it is seen. */
RT_SAFE static bool refuse(struct frame_reader *reader, const struct frame_head *head)
{
    if (head->n_value == reader->n_value && head->source_id == reader->source_id)
        return false;
    if (head->frame_seq != reader->bad_seq)
        reader->n_bad++;
    reader->bad_seq = head->frame_seq;
    return true;
}

/* The newest slot, if its frame is new and does not contradict itself; else NULL. */
RT_SAFE static inline const struct frame_slot *open_newest(struct frame_reader *reader,
                                                           struct frame_head *head)
{
    unsigned index = four_slot_read_begin(reader->control);
    const struct frame_slot *slot = (const void *) (reader->slots + index * reader->stride_b);

    words_load(head, &slot->head, HEAD_WORDS);
    if (head->frame_seq == 0 ||
        (head->frame_seq == reader->frame_seq && head->generation == reader->generation))
        return NULL;
    return refuse(reader, head) ? NULL : slot;
}

bool frame_peek(struct frame_reader *reader, struct frame_head *head)
{
    return open_newest(reader, head) != NULL;
}

void frame_warm(struct frame_reader *reader)
{
    struct frame_head head;
    const struct frame_slot *slot = open_newest(reader, &head);

    if (!slot || head.frame_seq == reader->warm_seq)
        return;
    reader->warm_seq = head.frame_seq;
    cache_warm(slot, reader->stride_b);
    cache_warm_to_write(reader->memory, ARRAYS * 8 * reader->n_value);
}

bool frame_read(struct frame_reader *reader, struct frame_view *view)
{
    struct frame_head head;
    const struct frame_slot *slot = open_newest(reader, &head);

    if (!slot)
        return false;
    words_load(reader->memory, slot->arrays, ARRAYS * reader->n_value);
    reader->frame_seq = head.frame_seq;
    reader->generation = head.generation;
    view->head = head;
    point_view(reader, view);
    return true;
}
