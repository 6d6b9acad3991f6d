#include "tests/support/test.h"

#include "rt/shm/param_set.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_ROW = 10, N_COL = 6, N = N_ROW * N_COL };

static const struct orbit_dims dims = {.n_bpm = 5, .n_h = 2, .n_v = 3, .n_rf = 1};
static double r[N], k[N];

static struct param_head good_head(void)
{
    struct param_head head = {.dims = dims, .device_hash = 99, .n_block = 1};

    for (int i = 0; i < N; i++) {
        r[i] = i;
        k[i] = -i;
    }
    strcpy(head.origin, "test");
    return head;
}

static void a_set_arrives_as_it_was_made(void **state)
{
    struct param_head head = good_head();
    struct param_set set;
    int fd;

    (void) state;
    assert_int_equal(param_set_create(&fd, &head, r, k), RC_OK);
    assert_int_equal(param_set_map(&set, fd, &dims, 99), RC_OK);
    assert_memory_equal(set.head, &head, sizeof head);
    assert_memory_equal(set.r, r, sizeof r);
    assert_memory_equal(set.k, k, sizeof k);
    param_set_unmap(&set);
    assert_null(set.head);
    param_set_unmap(&set);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    close(fd);
}

/* A set as somebody else might make it: any head, any seals, any size. */
static int forge(const struct param_head *head, off_t size_b, int seals)
{
    int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(pwrite(fd, head, sizeof *head, 0), sizeof *head);
    assert_int_equal(pwrite(fd, r, sizeof r, sizeof *head), sizeof r);
    assert_int_equal(pwrite(fd, k, sizeof k, sizeof *head + sizeof r), sizeof k);
    assert_int_equal(ftruncate(fd, size_b), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

enum { ALL = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static void refuse(const struct param_head *head, off_t size_b, int seals, const char *reason)
{
    struct param_set set;
    int fd = forge(head, size_b, seals);

    assert_int_equal(param_set_map(&set, fd, &dims, 99), RC_INPUT);
    assert_null(set.head);
    assert_non_null(strstr(err_text(), reason));
    close(fd);
}

static struct param_head complete_head(void)
{
    struct param_head head = good_head();
    int fd;

    assert_int_equal(param_set_create(&fd, &head, r, k), RC_OK);
    close(fd);
    return head;
}

static void a_forged_set_is_refused_with_its_reason(void **state)
{
    const struct param_head good = complete_head();
    const off_t size_b = (off_t) param_size_b(&dims);
    struct param_head bad = good;
    struct param_set set;
    int fd = forge(&good, size_b, ALL);

    (void) state;
    assert_int_equal(param_set_map(&set, fd, &dims, 99), RC_OK);
    param_set_unmap(&set);
    close(fd);
    refuse(&good, size_b, F_SEAL_SHRINK | F_SEAL_GROW, "not sealed");
    refuse(&good, size_b, F_SEAL_WRITE, "not sealed");
    refuse(&good, size_b - 8, ALL, "expected");
    refuse(&good, size_b + 8, ALL, "expected");
    bad.magic++;
    refuse(&bad, size_b, ALL, "layout");
    bad = good;
    bad.layout_hash++;
    refuse(&bad, size_b, ALL, "layout");
    bad = good;
    bad.dims.n_h = 1ULL << 62;
    refuse(&bad, size_b, ALL, "this machine has");
    bad = good;
    bad.size_b = 1ULL << 62;
    refuse(&bad, size_b, ALL, "this machine has");
    bad = good;
    bad.device_hash++;
    refuse(&bad, size_b, ALL, "device table");
    bad = good;
    bad.n_block = ORBIT_MAX_BLOCK + 1;
    refuse(&bad, size_b, ALL, "blocks");
    bad = good;
    bad.content_hash++;
    refuse(&bad, size_b, ALL, "hash");
    bad = good;
    memset(bad.origin, 'x', sizeof bad.origin);
    refuse(&bad, size_b, ALL, "terminated");
}

static void impossible_dimensions_make_no_set(void **state)
{
    struct param_head head = good_head();
    int fd;

    (void) state;
    head.dims.n_bpm = 1ULL << 60;
    assert_int_equal(param_set_create(&fd, &head, r, k), RC_RANGE);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_arrives_as_it_was_made),
        cmocka_unit_test(a_forged_set_is_refused_with_its_reason),
        cmocka_unit_test(impossible_dimensions_make_no_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
