/* Frames and slot rings between processes, the writer being killed at any point of its work. */
#include "tests/support/test.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/base/clock.h"
#include "tests/stress/exchange_content.h"

enum { KILLS = 60, FRAMES_PER_LIFE = 20 };

#define RUN_NS NS_PER_S

static struct content content;

static void die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

static pid_t start_frames(uint64_t generation)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        die_with_parent(parent);
        for (uint64_t seq = 1;; seq++)
            content_publish_frame(&content, generation, seq);
    }
    assert_true(pid > 0);
    return pid;
}

static pid_t start_blocks(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        die_with_parent(parent);
        for (;;)
            content_write_block(&content);
    }
    assert_true(pid > 0);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void read_frame_in_order(uint64_t *last_generation, uint64_t *last_seq)
{
    const struct frame_head *head = &content.view.head;

    content_assert_frame(&content);
    assert_true(head->generation >= *last_generation);
    if (head->generation == *last_generation)
        assert_true(head->frame_seq > *last_seq);
    *last_generation = head->generation;
    *last_seq = head->frame_seq;
}

static void a_killed_writer_leaves_its_last_complete_frame(void **state)
{
    unsigned n_torn = 0;
    uint64_t last_generation = 0;
    uint64_t last_seq = 0;

    (void) state;
    srand(1);
    for (uint64_t life = 1; life <= KILLS; life++) {
        pid_t writer = start_frames(life);

        for (int i = 0; i < FRAMES_PER_LIFE || last_generation < life;) {
            if (!frame_read(&content.reader, &content.view))
                continue;
            read_frame_in_order(&last_generation, &last_seq);
            i++;
        }
        for (int spin = rand() % 3000; spin > 0; spin--)
            __asm__ volatile("" ::: "memory");
        end(writer);
        /* What is read now was complete before the kill; then nothing new can come. */
        if (frame_read(&content.reader, &content.view))
            read_frame_in_order(&last_generation, &last_seq);
        assert_false(frame_read(&content.reader, &content.view));
        assert_int_equal(content.view.head.generation, life);
        n_torn += content_n_torn_slot(&content);
    }
    print_message("%u half-written slots were left and never read\n", n_torn);
    assert_true(n_torn > 0);
    assert_int_equal(content.reader.n_bad, 0);
}

/* Stopped in the middle of a write for as long as the reader likes: no waiting, nothing torn.
 */
static void a_stopped_writer_holds_nobody_up(void **state)
{
    uint64_t last_generation = 0;
    uint64_t last_seq = 0;
    pid_t writer = start_frames(1);

    (void) state;
    for (int stops = 0; stops < 50;) {
        int status;

        if (!frame_read(&content.reader, &content.view))
            continue;
        read_frame_in_order(&last_generation, &last_seq);
        kill(writer, SIGSTOP);
        assert_int_equal(waitpid(writer, &status, WUNTRACED), writer);
        assert_true(WIFSTOPPED(status));
        if (frame_read(&content.reader, &content.view))
            read_frame_in_order(&last_generation, &last_seq);
        assert_false(frame_read(&content.reader, &content.view));
        kill(writer, SIGCONT);
        stops++;
    }
    end(writer);
}

static void a_killed_ring_writer_leaves_only_whole_blocks(void **state)
{
    pid_t writer = start_blocks();
    int64_t end_ns = clock_mono_ns() + RUN_NS;
    uint64_t next = 1;
    uint64_t lost = 0;
    uint64_t n_read = 0;

    (void) state;
    while (clock_mono_ns() < end_ns || n_read < 100) {
        if (!slot_reader_read_next(&content.blocks, &next, content.block, &lost))
            continue;
        content_assert_block(&content, next - 1);
        assert_int_equal(++n_read + lost, next - 1);
    }
    end(writer);
    while (slot_reader_read_next(&content.blocks, &next, content.block, &lost))
        content_assert_block(&content, next - 1);
    assert_int_equal(next - 1, slot_reader_newest(&content.blocks));
    print_message("%lu blocks read, %lu lost\n", n_read, lost);
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
        T(a_killed_writer_leaves_its_last_complete_frame),
        T(a_stopped_writer_holds_nobody_up),
        T(a_killed_ring_writer_leaves_only_whole_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
