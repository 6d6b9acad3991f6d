#include "tests/support/test.h"

#include "rt/shm/param_set.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_ROW = 10, N_COL = 6, N = N_ROW * N_COL };

static const struct orbit_dims dims = {.n_bpm = 5, .n_h = 2, .n_v = 3, .n_rf = 1};
static double r[N], k[N], basis[5 * 3];
static const struct param_matrices both = {
    .of = {[PARAM_R] = {r, N_ROW, N_COL}, [PARAM_K] = {k, N_COL, N_ROW}}};

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
    assert_int_equal(param_set_create(&fd, &head, &both), RC_OK);
    assert_int_equal(param_set_map(&set, fd, &dims, 99), RC_OK);
    assert_memory_equal(set.head, &head, sizeof head);
    assert_memory_equal(set.matrices.of[PARAM_R].a, r, sizeof r);
    assert_memory_equal(set.matrices.of[PARAM_K].a, k, sizeof k);
    assert_null(set.matrices.of[PARAM_BASIS_X].a);
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

    assert_int_equal(param_set_create(&fd, &head, &both), RC_OK);
    close(fd);
    return head;
}

static void a_forged_set_is_refused_with_its_reason(void **state)
{
    const struct param_head good = complete_head();
    const off_t size_b = (off_t) param_size_b(&both);
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
    refuse(&good, 8, ALL, "expected");
    refuse(&good, 1 << 20, ALL, "expected");
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
    refuse(&bad, size_b, ALL, "as its head says");
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

static void refuse_section(enum param_section_id id, struct param_section section,
                           const char *reason)
{
    struct param_head bad = complete_head();

    bad.section[id] = section;
    refuse(&bad, (off_t) param_size_b(&both), ALL, reason);
}

static void matrices_out_of_place_or_shape_are_refused(void **state)
{
    const struct param_section good = complete_head().section[PARAM_K];
    struct param_section bad = good;

    (void) state;
    bad.id = PARAM_R;
    refuse_section(PARAM_K, bad, "K is out of place");
    bad = good;
    bad.offset_b += 8;
    refuse_section(PARAM_K, bad, "K is out of place");
    bad = good;
    bad.rows = 1ULL << 40;
    refuse_section(PARAM_K, bad, "K is 1099511627776 x 10");
    refuse_section(PARAM_K, (struct param_section){PARAM_K, 0, 0, good.offset_b}, "K is 0 x 0");
    bad = good;
    bad.rows--;
    refuse_section(PARAM_K, bad, "matrix K is 5 x 10");
    bad = complete_head().section[PARAM_BASIS_X];
    bad.rows = 5;
    bad.cols = 6;
    refuse_section(PARAM_BASIS_X, bad, "BASIS_X is 5 x 6");
    bad.cols = 0;
    refuse_section(PARAM_BASIS_X, bad, "BASIS_X is 5 x 0");
}

static void an_optional_matrix_travels_with_its_own_number_of_columns(void **state)
{
    struct param_head head = good_head();
    struct param_matrices three = both;
    struct param_set set;
    int fd;

    (void) state;
    for (int i = 0; i < 15; i++)
        basis[i] = 0.5 * i;
    three.of[PARAM_BASIS_Y] = (struct param_matrix){basis, 5, 3};
    assert_int_equal(param_set_create(&fd, &head, &three), RC_OK);
    assert_int_equal(param_set_map(&set, fd, &dims, 99), RC_OK);
    assert_int_equal(set.matrices.of[PARAM_BASIS_Y].cols, 3);
    assert_memory_equal(set.matrices.of[PARAM_BASIS_Y].a, basis, sizeof basis);
    param_set_unmap(&set);
    close(fd);
    three.of[PARAM_BASIS_Y].cols = 6;
    assert_int_equal(param_set_create(&fd, &head, &three), RC_INPUT);
    assert_non_null(strstr(err_text(), "BASIS_Y is 5 x 6"));
}

static void impossible_dimensions_make_no_set(void **state)
{
    struct param_head head = good_head();
    int fd;

    (void) state;
    head.dims.n_bpm = 1ULL << 60;
    assert_int_equal(param_set_create(&fd, &head, &both), RC_RANGE);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_arrives_as_it_was_made),
        cmocka_unit_test(a_forged_set_is_refused_with_its_reason),
        cmocka_unit_test(matrices_out_of_place_or_shape_are_refused),
        cmocka_unit_test(an_optional_matrix_travels_with_its_own_number_of_columns),
        cmocka_unit_test(impossible_dimensions_make_no_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
