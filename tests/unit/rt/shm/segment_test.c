#include "tests/support/test.h"

#include "rt/shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct segment_head wanted = {
    .kind = SEG_STATUS,
    .size_b = 8192,
    .run_id = 42,
    .device_hash = 99,
    .dims = {.n_bpm = 5, .n_h = 2, .n_v = 3, .n_rf = 1},
    .name = "status",
};

static struct segment make(enum segment_kind kind)
{
    struct segment_head head = wanted;
    struct segment segment;

    head.kind = kind;
    assert_int_equal(segment_create(&segment, &head), RC_OK);
    return segment;
}

static void a_client_reads_what_orbitd_writes(void **state)
{
    struct segment segment = make(SEG_STATUS);
    struct segment client;

    (void) state;
    ((struct segment_head *) segment.base)->reserved[0] = 1234;
    assert_int_equal(segment_attach(&client, segment.fd, &wanted), RC_OK);
    assert_int_equal(client.size_b, 8192);
    assert_int_equal(client.fd, -1);
    assert_int_equal(segment_head(&client)->reserved[0], 1234);
    assert_int_equal(segment_head(&client)->magic, ORBIT_SEG_MAGIC);
    segment_close(&client);
    segment_close(&segment);
    assert_null(segment.base);
    segment_close(&segment);
}

static void nobody_can_write_resize_or_unseal_a_published_one(void **state)
{
    struct segment segment = make(SEG_STATUS);
    char path[64];
    void *mapped;
    int fd;

    (void) state;
    snprintf(path, sizeof path, "/proc/self/fd/%d", segment.fd);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    assert_int_equal(errno, EPERM);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    mapped = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(mapped != MAP_FAILED);
    assert_int_equal(mprotect(mapped, 8192, PROT_READ | PROT_WRITE), -1);
    munmap(mapped, 8192);
    close(fd);
    segment_close(&segment);
}

static void a_gateway_writes_its_input_but_cannot_cut_it(void **state)
{
    struct segment segment = make(SEG_INPUT);
    struct segment_head expect = wanted;
    struct segment client;

    (void) state;
    expect.kind = SEG_INPUT;
    assert_int_equal(segment_attach(&client, segment.fd, &expect), RC_OK);
    ((unsigned char *) client.base)[8191] = 17;
    assert_int_equal(((unsigned char *) segment.base)[8191], 17);
    assert_int_equal(ftruncate(segment.fd, 0), -1);
    segment_close(&client);
    segment_close(&segment);
}

static void refuse(int fd, struct segment_head expect, const char *reason)
{
    struct segment client;

    assert_int_equal(segment_attach(&client, fd, &expect), RC_INPUT);
    assert_null(client.base);
    assert_non_null(strstr(err_text(), reason));
}

static void what_does_not_fit_is_refused_with_its_reason(void **state)
{
    struct segment segment = make(SEG_STATUS);
    struct segment_head *head = segment.base;
    struct segment_head expect = wanted;

    (void) state;
    expect.kind = SEG_RECORD;
    refuse(segment.fd, expect, "kind 0, expected 3");
    expect = wanted;
    expect.run_id = 43;
    refuse(segment.fd, expect, "run 42, expected 43");
    expect = wanted;
    expect.dims.n_v = 4;
    refuse(segment.fd, expect, "5 BPMs, 2 H, 3 V, 1 RF; expected 5, 2, 4, 1");
    expect = wanted;
    expect.device_hash = 98;
    refuse(segment.fd, expect, "device table");
    expect = wanted;
    expect.size_b = 8193;
    refuse(segment.fd, expect, "8192 bytes, expected 8193");
    head->layout_hash++;
    refuse(segment.fd, wanted, "layout");
    head->layout_hash--;
    head->size_b = 1 << 20;
    refuse(segment.fd, wanted, "its head says");
    segment_close(&segment);
}

static void unsealed_or_foreign_files_are_refused(void **state)
{
    int fds[2];
    int fd = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    (void) state;
    assert_int_equal(ftruncate(fd, 8192), 0);
    refuse(fd, wanted, "not sealed");
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    refuse(fd, wanted, "layout");
    close(fd);
    assert_int_equal(pipe(fds), 0);
    refuse(fds[0], wanted, "not a memory segment");
    close(fds[0]);
    close(fds[1]);
    refuse(-1, wanted, "not a memory segment");
}

static void impossible_requests_are_refused(void **state)
{
    struct segment_head head = wanted;
    struct segment segment;

    (void) state;
    head.dims.n_bpm = 0;
    assert_int_equal(segment_create(&segment, &head), RC_RANGE);
    head = wanted;
    head.size_b = 8;
    assert_int_equal(segment_create(&segment, &head), RC_RANGE);
    head.size_b = UINT64_MAX;
    assert_int_equal(segment_create(&segment, &head), RC_RANGE);
    head.size_b = 1ULL << 50;
    assert_int_equal(segment_create(&segment, &head), RC_RANGE);
    assert_non_null(strstr(err_text(), "available"));
    assert_null(segment.base);
}

static void ring_slots_fill_the_given_memory(void **state)
{
    uint64_t n_slot = segment_ring_slots(1 << 20, 1000);

    (void) state;
    assert_int_equal(n_slot & (n_slot - 1), 0);
    assert_true(segment_ring_size_b(n_slot, 1000) <= 1 << 20);
    assert_true(segment_ring_size_b(2 * n_slot, 1000) > 1 << 20);
    assert_int_equal(segment_ring_slots(0, 1000), 4);
    assert_int_equal(segment_ring_stride_b(48), 64);
    assert_int_equal(segment_ring_stride_b(56), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_reads_what_orbitd_writes),
        cmocka_unit_test(nobody_can_write_resize_or_unseal_a_published_one),
        cmocka_unit_test(a_gateway_writes_its_input_but_cannot_cut_it),
        cmocka_unit_test(what_does_not_fit_is_refused_with_its_reason),
        cmocka_unit_test(unsealed_or_foreign_files_are_refused),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(ring_slots_fill_the_given_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
