#include "rt/shm/slot_ring.h"

enum { READ_TRIES = 64 };

/* What stands at the start of a slot; the payload follows. */
struct slot {
    uint64_t before, after;
};

static bool power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static void *behind_head(const struct segment *segment)
{
    return (unsigned char *) segment->base + sizeof(struct segment_head);
}

enum rc slot_ring_create(struct slot_ring *ring, const struct segment *segment, uint64_t n_slot,
                         uint64_t payload_b)
{
    struct slot_ring_head *head = behind_head(segment);

    if (!power_of_two(n_slot) || payload_b == 0 || payload_b % 8 != 0 ||
        segment_ring_size_b(n_slot, payload_b) > segment->size_b)
        return err_set(RC_RANGE,
                       "a ring of %lu blocks of %lu bytes does not fit into %lu bytes, or is "
                       "no power of two of whole words",
                       n_slot, payload_b, segment->size_b);
    *head = (struct slot_ring_head){
        .n_slot = n_slot,
        .stride_b = segment_ring_stride_b(payload_b),
        .offset_b = sizeof(struct segment_head) + sizeof *head,
        .payload_b = payload_b,
    };
    *ring = (struct slot_ring){
        .head = head,
        .slots = (unsigned char *) segment->base + head->offset_b,
        .mask = n_slot - 1,
        .stride_b = head->stride_b,
        .payload_b = payload_b,
    };
    return RC_OK;
}

RT_SAFE static struct slot *slot_at(const struct slot_ring *ring, uint64_t number)
{
    return (void *) (ring->slots + (number & ring->mask) * ring->stride_b);
}

void *slot_ring_begin(struct slot_ring *ring)
{
    struct slot *slot = slot_at(ring, ++ring->number);

    __atomic_store_n(&slot->before, ring->number, __ATOMIC_RELAXED);
    /* Pairs with the acquire fence in slot_reader_read: a reader that got one of the words to
     * come also gets this number. */
    words_fence_release();
    return slot + 1;
}

void *slot_ring_filling(const struct slot_ring *ring)
{
    return slot_at(ring, ring->number) + 1;
}

void slot_ring_commit(struct slot_ring *ring)
{
    struct slot *slot = slot_at(ring, ring->number);

    /* Pairs with the acquire load of `after` in slot_reader_read: the words are there first. */
    __atomic_store_n(&slot->after, ring->number, __ATOMIC_RELEASE);
    /* Pairs with the acquire load in slot_reader_newest: the slot is complete first. */
    __atomic_store_n(&ring->head->newest, ring->number, __ATOMIC_RELEASE);
}

void slot_ring_abandon(struct slot_ring *ring)
{
    ring->number--;
}

void slot_ring_warm(const struct slot_ring *ring)
{
    const char *slot = (const char *) slot_at(ring, ring->number + 1);

    for (uint64_t at = 0; at < ring->stride_b; at += CACHE_LINE)
        __builtin_prefetch(slot + at, 1);
}

void slot_ring_write(struct slot_ring *ring, const void *payload)
{
    words_store(slot_ring_begin(ring), payload, ring->payload_b / 8);
    slot_ring_commit(ring);
}

/* The head is read once and checked before use; orbitd does not change it, but a reader need
 * not rely on that to stay inside its mapping. */
enum rc slot_reader_attach(struct slot_reader *reader, const struct segment *segment,
                           uint64_t payload_b)
{
    struct slot_ring_head head;

    if (segment->size_b < sizeof(struct segment_head) + sizeof head)
        return err_set(RC_INPUT, "ring: %lu bytes hold no head", segment->size_b);
    words_load(&head, behind_head(segment), sizeof head / 8);
    if (payload_b == 0)
        payload_b = head.payload_b / 8 * 8;
    if (payload_b == 0 || payload_b > segment->size_b || head.payload_b != payload_b ||
        head.stride_b != segment_ring_stride_b(payload_b) ||
        head.offset_b != sizeof(struct segment_head) + sizeof head)
        return err_set(RC_INPUT, "ring: blocks of %lu bytes, expected %lu", head.payload_b,
                       payload_b);
    if (!power_of_two(head.n_slot) ||
        head.n_slot > (segment->size_b - head.offset_b) / head.stride_b)
        return err_set(RC_INPUT, "ring: %lu blocks of %lu bytes do not fit into %lu bytes",
                       head.n_slot, payload_b, segment->size_b);
    *reader = (struct slot_reader){
        .head = behind_head(segment),
        .slots = (const unsigned char *) segment->base + head.offset_b,
        .mask = head.n_slot - 1,
        .stride_b = head.stride_b,
        .payload_b = payload_b,
    };
    return RC_OK;
}

uint64_t slot_reader_newest(const struct slot_reader *reader)
{
    return __atomic_load_n(&reader->head->newest, __ATOMIC_ACQUIRE);
}

bool slot_reader_read(const struct slot_reader *reader, uint64_t number, void *payload)
{
    const struct slot *slot =
        (const void *) (reader->slots + (number & reader->mask) * reader->stride_b);

    if (number == 0 || __atomic_load_n(&slot->after, __ATOMIC_ACQUIRE) != number)
        return false;
    words_load(payload, slot + 1, reader->payload_b / 8);
    words_fence_acquire();
    return __atomic_load_n(&slot->before, __ATOMIC_RELAXED) == number;
}

uint64_t slot_reader_read_newest(const struct slot_reader *reader, void *payload)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t number = slot_reader_newest(reader);

        if (number == 0)
            return 0;
        if (slot_reader_read(reader, number, payload))
            return number;
    }
    return 0;
}

/* Oldest block that is not about to be overwritten: the slot behind the newest is the next to
 * go. */
static uint64_t oldest(const struct slot_reader *reader, uint64_t newest)
{
    return newest > reader->mask ? newest - reader->mask + 1 : 1;
}

bool slot_reader_read_next(const struct slot_reader *reader, uint64_t *next, void *payload,
                           uint64_t *lost)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t newest = slot_reader_newest(reader);
        uint64_t number = *next ? *next : newest;

        if (number == 0 || number > newest)
            return false;
        if (number < oldest(reader, newest))
            number = oldest(reader, newest);
        if (!slot_reader_read(reader, number, payload))
            continue;
        if (*next)
            *lost += number - *next;
        *next = number + 1;
        return true;
    }
    return false;
}
