/* Frames and slot rings, writer and reader as threads at full speed. */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "rt/base/clock.h"
#include "tests/stress/exchange_content.h"

#define RUN_NS (NS_PER_S * 6 / 10)

static struct content content;
static atomic_bool stop;

static bool running(void)
{
    return !atomic_load_explicit(&stop, memory_order_relaxed);
}

static void *publish_frames(void *unused)
{
    for (uint64_t seq = 1; running(); seq++)
        content_publish_frame(&content, 1, seq);
    return unused;
}

static void *write_blocks(void *unused)
{
    while (running())
        content_write_block(&content);
    return unused;
}

static pthread_t start(void *(*run)(void *) )
{
    pthread_t thread;

    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
    return thread;
}

static void finish(pthread_t thread)
{
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

static void frames_are_whole_and_in_order(void **state)
{
    pthread_t writer = start(publish_frames);
    int64_t end_ns = clock_mono_ns() + RUN_NS;
    uint64_t last = 0;
    uint64_t n_new = 0;

    (void) state;
    while (clock_mono_ns() < end_ns || n_new < 100) {
        if (!frame_read(&content.reader, &content.view))
            continue;
        content_assert_frame(&content);
        assert_true(content.view.head.frame_seq > last);
        last = content.view.head.frame_seq;
        n_new++;
    }
    finish(writer);
    print_message("%lu frames written, %lu read\n", last, n_new);
    assert_int_equal(content.reader.n_bad, 0);
}

static void blocks_are_whole_and_losses_are_counted(void **state)
{
    pthread_t writer = start(write_blocks);
    int64_t end_ns = clock_mono_ns() + RUN_NS;
    uint64_t next = 1;
    uint64_t lost = 0;
    uint64_t n_read = 0;

    (void) state;
    while (clock_mono_ns() < end_ns || n_read < 100) {
        if (!slot_reader_read_next(&content.blocks, &next, content.block, &lost))
            continue;
        content_assert_block(&content, next - 1);
        n_read++;
        assert_int_equal(n_read + lost, next - 1);
    }
    finish(writer);
    print_message("%lu blocks read, %lu lost\n", n_read, lost);
}

static void the_newest_block_never_goes_back(void **state)
{
    pthread_t writer = start(write_blocks);
    int64_t end_ns = clock_mono_ns() + RUN_NS;
    uint64_t last = 0;
    uint64_t n_new = 0;

    (void) state;
    while (clock_mono_ns() < end_ns || n_new < 100) {
        uint64_t number = slot_reader_read_newest(&content.blocks, content.block);

        if (number == 0)
            continue;
        content_assert_block(&content, number);
        assert_true(number >= last);
        n_new += number > last;
        last = number;
    }
    finish(writer);
}

static int set_up(void **state)
{
    (void) state;
    content_create(&content);
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    content_destroy(&content);
    return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(frames_are_whole_and_in_order),
        T(blocks_are_whole_and_losses_are_counted),
        T(the_newest_block_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
