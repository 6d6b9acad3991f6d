#include "tests/support/test.h"

#include "rt/shm/slot_ring.h"

#include <stdlib.h>
#include <string.h>

enum { N_SLOT = 8, N_WORD = 13, PAYLOAD_B = 8 * N_WORD };

struct fixture {
    struct segment segment;
    struct slot_ring ring;
    struct slot_reader reader;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct segment_head head = {.kind = SEG_RECORD,
                                .size_b = segment_ring_size_b(N_SLOT, PAYLOAD_B),
                                .dims = {5, 2, 3, 1}};

    assert_int_equal(segment_create(&f->segment, &head), RC_OK);
    assert_int_equal(slot_ring_create(&f->ring, &f->segment, N_SLOT, PAYLOAD_B), RC_OK);
    assert_int_equal(slot_reader_attach(&f->reader, &f->segment, PAYLOAD_B), RC_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    segment_close(&f->segment);
    free(f);
    return 0;
}

static void write_blocks(struct fixture *f, uint64_t n)
{
    uint64_t payload[N_WORD];

    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t j = 0; j < N_WORD; j++)
            payload[j] = (f->ring.number + 1) * 100 + j;
        slot_ring_write(&f->ring, payload);
    }
}

static void assert_block(const uint64_t *payload, uint64_t number)
{
    for (uint64_t j = 0; j < N_WORD; j++)
        assert_int_equal(payload[j], number * 100 + j);
}

static void an_empty_ring_has_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD];
    uint64_t next = 0;
    uint64_t lost = 0;

    assert_int_equal(slot_reader_newest(&f->reader), 0);
    assert_int_equal(slot_reader_read_newest(&f->reader, payload), 0);
    assert_false(slot_reader_read(&f->reader, 0, payload));
    assert_false(slot_reader_read_next(&f->reader, &next, payload, &lost));
    assert_int_equal(next, 0);
}

static void the_newest_block_is_read_whole(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD];

    for (uint64_t number = 1; number < 3 * N_SLOT; number++) {
        write_blocks(f, 1);
        assert_int_equal(slot_reader_read_newest(&f->reader, payload), number);
        assert_block(payload, number);
    }
}

static void blocks_are_read_in_order_and_losses_are_counted(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD];
    uint64_t next = 1;
    uint64_t lost = 0;
    uint64_t n = 0;

    write_blocks(f, 3);
    while (slot_reader_read_next(&f->reader, &next, payload, &lost))
        assert_block(payload, ++n);
    assert_int_equal(n, 3);
    assert_int_equal(lost, 0);
    write_blocks(f, 100);
    assert_true(slot_reader_read_next(&f->reader, &next, payload, &lost));
    assert_block(payload, next - 1);
    /* The slot to be overwritten next is not promised. */
    assert_int_equal(next - 1, 103 - N_SLOT + 2);
    assert_int_equal(lost, next - 1 - 4);
    for (n = 1; slot_reader_read_next(&f->reader, &next, payload, &lost); n++)
        assert_block(payload, next - 1);
    assert_int_equal(n, N_SLOT - 1);
    assert_int_equal(n + lost, 100);
}

static void zero_starts_with_the_newest_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD];
    uint64_t next = 0;
    uint64_t lost = 0;

    write_blocks(f, 50);
    assert_true(slot_reader_read_next(&f->reader, &next, payload, &lost));
    assert_block(payload, 50);
    assert_int_equal(next, 51);
    assert_int_equal(lost, 0);
    assert_false(slot_reader_read_next(&f->reader, &next, payload, &lost));
}

static void a_block_left_half_written_is_never_delivered(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD];
    uint64_t *words;

    write_blocks(f, N_SLOT);
    words = slot_ring_begin(&f->ring);
    words_store(words, payload, 1);
    assert_int_equal(slot_reader_newest(&f->reader), N_SLOT);
    assert_false(slot_reader_read(&f->reader, 1, payload));
    assert_false(slot_reader_read(&f->reader, N_SLOT + 1, payload));
    assert_int_equal(slot_reader_read_newest(&f->reader, payload), N_SLOT);
    assert_block(payload, N_SLOT);
}

static void a_block_that_is_abandoned_is_never_delivered(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD], words[N_WORD] = {7};

    for (unsigned i = 0; i < 2 * N_SLOT; i++) {
        words_store(slot_ring_begin(&f->ring), words, N_WORD);
        slot_ring_abandon(&f->ring);
        assert_int_equal(slot_reader_newest(&f->reader), i);
        assert_false(slot_reader_read(&f->reader, i + 1, payload));
        write_blocks(f, 1);
        assert_true(slot_reader_read(&f->reader, i + 1, payload));
        assert_block(payload, i + 1);
    }
}

/* What is asked for is the next block's slot, which wraps, and nothing in it changes. */
static void warming_the_next_slot_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t payload[N_WORD], size_b = f->segment.size_b;
    unsigned char *before = malloc(size_b);

    for (unsigned i = 0; i < 2 * N_SLOT; i++) {
        memcpy(before, f->segment.base, size_b);
        slot_ring_warm(&f->ring);
        assert_memory_equal(before, f->segment.base, size_b);
        write_blocks(f, 1);
        assert_true(slot_reader_read(&f->reader, i + 1, payload));
        assert_block(payload, i + 1);
    }
    free(before);
}

static void a_geometry_that_does_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct slot_ring_head *head = f->ring.head;
    struct slot_ring_head good = *head;
    struct slot_ring ring;
    struct slot_reader reader;

    assert_int_equal(slot_ring_create(&ring, &f->segment, 2 * N_SLOT, PAYLOAD_B), RC_RANGE);
    assert_int_equal(slot_ring_create(&ring, &f->segment, N_SLOT - 1, PAYLOAD_B), RC_RANGE);
    assert_int_equal(slot_ring_create(&ring, &f->segment, 0, PAYLOAD_B), RC_RANGE);
    assert_int_equal(slot_ring_create(&ring, &f->segment, N_SLOT, PAYLOAD_B - 1), RC_RANGE);
    assert_int_equal(slot_reader_attach(&reader, &f->segment, PAYLOAD_B + 8), RC_INPUT);
    for (size_t i = 0; i < 4; i++) {
        *head = good;
        ((uint64_t *) head)[i] = 1ULL << 60;
        assert_int_equal(slot_reader_attach(&reader, &f->segment, PAYLOAD_B), RC_INPUT);
    }
    *head = good;
    assert_int_equal(slot_reader_attach(&reader, &f->segment, PAYLOAD_B), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_ring_has_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_block_is_read_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blocks_are_read_in_order_and_losses_are_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(zero_starts_with_the_newest_and_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_block_left_half_written_is_never_delivered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_block_that_is_abandoned_is_never_delivered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(warming_the_next_slot_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_geometry_that_does_not_fit_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
