#include "tests/support/test.h"

#include "rt/shm/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/four_slot.h"

enum { N = 10 };

struct fixture {
    struct segment segment;
    struct frame_writer writer;
    struct frame_reader reader;
    struct frame_view view;
    void *memory;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct segment_head head = {.kind = SEG_INPUT,
                                .size_b = segment_input_size_b(N),
                                .dims = {5, 2, 3, 1},
                                .source_id = 3};

    assert_int_equal(segment_create(&f->segment, &head), RC_OK);
    /* Exactly what is asked for, so that the address sanitizer sees a word too many. */
    f->memory = aligned_alloc(64, frame_memory_b(N));
    assert_int_equal(frame_writer_attach(&f->writer, &f->segment, N), RC_OK);
    assert_int_equal(frame_reader_attach(&f->reader, &f->segment, N, f->memory), RC_OK);
    frame_reader_view(&f->reader, &f->view);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    segment_close(&f->segment);
    free(f->memory);
    free(f);
    return 0;
}

static void publish(struct fixture *f, uint64_t seq)
{
    struct frame_head head = {.source_id = 3, .generation = 1, .frame_seq = seq};
    double value[N], aux[N];
    int64_t t_ns[N];
    uint64_t quality[N];

    for (int i = 0; i < N; i++) {
        value[i] = (double) seq + i / 100.0;
        aux[i] = -value[i];
        t_ns[i] = (int64_t) seq * 1000 + i;
        quality[i] = seq + (uint64_t) i;
    }
    frame_publish(&f->writer, &head, &(struct frame_arrays){value, aux, t_ns, quality});
}

static void assert_frame(const struct frame_view *view, uint64_t seq)
{
    assert_int_equal(view->head.frame_seq, seq);
    assert_int_equal(view->head.n_value, N);
    for (int i = 0; i < N; i++) {
        assert_true(view->value[i] == (double) seq + i / 100.0);
        assert_true(view->aux[i] == -((double) seq + i / 100.0));
        assert_int_equal(view->t_value_ns[i], (int64_t) seq * 1000 + i);
        assert_int_equal(view->quality[i], seq + (uint64_t) i);
    }
}

static void before_the_first_frame_there_is_an_empty_view(void **state)
{
    struct fixture *f = *state;

    assert_false(frame_read(&f->reader, &f->view));
    assert_int_equal(f->view.head.frame_seq, 0);
    assert_int_equal(f->view.head.source_id, 3);
    for (int i = 0; i < N; i++)
        assert_true(f->view.value[i] == 0 && f->view.quality[i] == 0);
}

static void each_frame_is_delivered_once(void **state)
{
    struct fixture *f = *state;

    for (uint64_t seq = 1; seq < 20; seq++) {
        publish(f, seq);
        assert_true(frame_read(&f->reader, &f->view));
        assert_frame(&f->view, seq);
        assert_false(frame_read(&f->reader, &f->view));
        assert_frame(&f->view, seq);
    }
}

static void peeking_tells_what_reading_would_deliver(void **state)
{
    struct fixture *f = *state;
    struct frame_head head;

    assert_false(frame_peek(&f->reader, &head));
    publish(f, 1);
    assert_true(frame_peek(&f->reader, &head));
    assert_int_equal(head.frame_seq, 1);
    publish(f, 2);
    assert_true(frame_peek(&f->reader, &head));
    assert_int_equal(head.frame_seq, 2);
    assert_true(frame_read(&f->reader, &f->view));
    assert_frame(&f->view, 2);
    assert_false(frame_peek(&f->reader, &head));
}

static void warming_delivers_and_refuses_nothing(void **state)
{
    struct fixture *f = *state;

    frame_warm(&f->reader);
    for (uint64_t seq = 1; seq < 20; seq++) {
        publish(f, seq);
        frame_warm(&f->reader);
        frame_warm(&f->reader);
        assert_true(frame_read(&f->reader, &f->view));
        assert_frame(&f->view, seq);
        frame_warm(&f->reader);
        assert_frame(&f->view, seq);
    }
    assert_int_equal(f->reader.n_bad, 0);
}

static void a_lapping_writer_leaves_the_newest(void **state)
{
    struct fixture *f = *state;

    for (uint64_t seq = 1; seq <= 7; seq++)
        publish(f, seq);
    assert_true(frame_read(&f->reader, &f->view));
    assert_frame(&f->view, 7);
}

static void a_new_connection_may_count_from_one_again(void **state)
{
    struct fixture *f = *state;
    struct frame_head head = {.source_id = 3, .generation = 2, .frame_seq = 1};
    const double value[N] = {5};
    const int64_t t_ns[N] = {0};
    const uint64_t quality[N] = {0};

    publish(f, 1);
    assert_true(frame_read(&f->reader, &f->view));
    frame_publish(&f->writer, &head, &(struct frame_arrays){value, value, t_ns, quality});
    assert_true(frame_read(&f->reader, &f->view));
    assert_int_equal(f->view.head.generation, 2);
    assert_true(f->view.value[0] == 5.0);
}

/* Head words of all four slots, at their place in the segment. */
static struct frame_head *head_at(struct fixture *f, unsigned slot)
{
    unsigned char *base = f->segment.base;

    return (void *) (base + sizeof(struct segment_head) + sizeof(struct four_slot) +
                     slot * segment_input_stride_b(N));
}

static void a_head_that_contradicts_itself_is_refused_and_counted_once(void **state)
{
    struct fixture *f = *state;

    publish(f, 1);
    assert_true(frame_read(&f->reader, &f->view));
    publish(f, 2);
    for (unsigned slot = 0; slot < 4; slot++)
        head_at(f, slot)->n_value = UINT64_MAX;
    for (int i = 0; i < 5; i++)
        assert_false(frame_read(&f->reader, &f->view));
    assert_int_equal(f->reader.n_bad, 1);
    assert_frame(&f->view, 1);
    publish(f, 3);
    for (unsigned slot = 0; slot < 4; slot++)
        head_at(f, slot)->source_id = 0;
    assert_false(frame_read(&f->reader, &f->view));
    assert_int_equal(f->reader.n_bad, 2);
    assert_frame(&f->view, 1);
    publish(f, 4);
    assert_true(frame_read(&f->reader, &f->view));
    assert_frame(&f->view, 4);
}

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Under the address sanitizer and with guard pages of the kernel: any index or count that is
 * used unchecked leaves the mapping or the private memory. */
static void random_bytes_in_the_segment_never_lead_out_of_it(void **state)
{
    struct fixture *f = *state;
    uint64_t *words = f->segment.base;
    uint64_t seed = 0x9e3779b97f4a7c15ULL;
    unsigned n_delivered = 0;

    for (int round = 0; round < 3000; round++) {
        for (uint64_t i = 0; i < f->segment.size_b / 8; i++)
            words[i] = draw(&seed);
        /* Half the rounds go on past the head's checks. */
        for (unsigned slot = 0; slot < 4 && round % 2; slot++) {
            head_at(f, slot)->n_value = N;
            head_at(f, slot)->source_id = 3;
        }
        n_delivered += frame_read(&f->reader, &f->view);
    }
    assert_int_equal(n_delivered, 1500);
    assert_int_equal(f->reader.n_bad, 1500);
    /* The control words are garbage too; an honest writer that follows gets through. */
    publish(f, 5);
    assert_true(frame_read(&f->reader, &f->view));
    assert_frame(&f->view, 5);
}

static void frames_larger_than_the_segment_are_refused(void **state)
{
    struct fixture *f = *state;
    struct frame_writer writer;
    struct frame_reader reader;

    assert_int_equal(frame_writer_attach(&writer, &f->segment, N + 2), RC_RANGE);
    assert_int_equal(frame_writer_attach(&writer, &f->segment, 0), RC_RANGE);
    assert_int_equal(frame_reader_attach(&reader, &f->segment, UINT64_MAX / 32, f->memory),
                     RC_RANGE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(before_the_first_frame_there_is_an_empty_view),
        T(each_frame_is_delivered_once),
        T(peeking_tells_what_reading_would_deliver),
        T(warming_delivers_and_refuses_nothing),
        T(a_lapping_writer_leaves_the_newest),
        T(a_new_connection_may_count_from_one_again),
        T(a_head_that_contradicts_itself_is_refused_and_counted_once),
        T(random_bytes_in_the_segment_never_lead_out_of_it),
        T(frames_larger_than_the_segment_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
