/* A writer that is killed at any moment: everything that it had synced is there, in order,
 * once, and the next writer goes on. */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/segment/segment_log.h"
#include "io/segment/segment_reader.h"
#include "tests/support/temp_files.h"

enum { ROUNDS = 5, WORDS = 200, SYNC_EVERY = 50, LEAST_SYNCED = 200, SEED = 20261121 };

/* Written by the child only: number of the last record that a sync covers. */
static _Atomic uint64_t *synced;

static void write_for_ever(void)
{
    static const struct segment_limits limits = {.segment_b = 1 << 16};
    uint64_t payload[WORDS];
    struct segment_log log;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (segment_log_open(&log, temp_path("records"), &limits) != RC_OK)
        _exit(1);
    for (;;) {
        for (size_t i = 0; i < WORDS; i++)
            payload[i] = log.next * WORDS + i;
        if (segment_log_append(&log, 3, payload, sizeof payload) != RC_OK)
            _exit(1);
        if (log.next % SYNC_EVERY == 0) {
            if (segment_log_sync(&log) != RC_OK)
                _exit(1);
            *synced = log.next - 1;
        }
    }
}

static void kill_somewhere(unsigned *seed)
{
    uint64_t aim = *synced + LEAST_SYNCED + (uint64_t) rand_r(seed) % 500;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        write_for_ever();
    while (*synced < aim && waitpid(pid, NULL, WNOHANG) == 0)
        usleep(100);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(*synced >= aim);
}

static void expect_all(void)
{
    struct segment_reader reader;
    uint64_t last = 0;

    assert_int_equal(segment_reader_open(&reader, temp_path("records")), RC_OK);
    while (segment_reader_next(&reader) == 1) {
        uint64_t payload[WORDS];

        memcpy(payload, reader.payload, sizeof payload);
        last = reader.record.number;
        for (size_t i = 0; i < WORDS; i++)
            assert_int_equal(payload[i], last * WORDS + i);
    }
    assert_true(last >= *synced);
    assert_int_equal(reader.n_lost, 0);
    assert_int_equal(reader.n_read, last);
    segment_reader_close(&reader);
}

static void nothing_synced_is_lost_by_kill(void **state)
{
    unsigned seed = SEED;
    void *shared =
        mmap(NULL, sizeof *synced, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void) state;
    printf("seed %u\n", seed);
    assert_true(shared != MAP_FAILED);
    synced = shared;
    for (int round = 0; round < ROUNDS; round++) {
        kill_somewhere(&seed);
        expect_all();
    }
    munmap(shared, sizeof *synced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_synced_is_lost_by_kill, temp_files_setup,
                                        temp_files_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
