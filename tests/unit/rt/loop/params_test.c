/* Parameter slots: what is refused, when slots come back, and a reader that never sees half a
 * set. */
#include "tests/support/test.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "rt/base/clock.h"
#include "rt/loop/params.h"

static const struct orbit_dims dims = {.n_bpm = 3, .n_h = 2, .n_v = 2, .n_rf = 1};
enum { N_ROW = 6, N_COL = 5 };
static double r[N_ROW * N_COL], k[N_COL * N_ROW];
static const struct param_matrices matrices = {
    .of = {[PARAM_R] = {r, N_ROW, N_COL}, [PARAM_K] = {k, N_COL, N_ROW}}};

static struct param_head good_head(void)
{
    return (struct param_head){
        .dims = dims,
        .n_block = 2,
        .block = {{.n_row = 3, .n_col = 2}, {.row0 = 3, .n_row = 3, .col0 = 2, .n_col = 2}}};
}

static struct params_store *new_store(void)
{
    struct params_store *store;

    for (int i = 0; i < N_ROW * N_COL; i++)
        r[i] = k[i] = i + 1.0;
    assert_int_equal(params_create(&store, &dims, MATVEC_F64), RC_OK);
    return store;
}

/* A slot, once the reclaim thread has freed one. */
static struct params *begin_within_5_s(struct params_store *store)
{
    int64_t end_ns = clock_mono_ns() + 5 * NS_PER_S;
    struct params *p;

    while (!(p = params_begin(store)) && clock_mono_ns() < end_ns)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_non_null(p);
    return p;
}

static void non_finite_elements_are_refused_with_their_place(void **state)
{
    struct params_store *store = new_store();
    struct params *p = params_begin(store);
    struct param_head head = good_head();

    (void) state;
    r[2 * N_COL + 3] = NAN;
    assert_int_equal(params_fill(p, &head, &matrices), RC_INPUT);
    assert_non_null(strstr(err_text(), "R[2][3]"));
    r[2 * N_COL + 3] = 1.0;
    k[4 * N_ROW + 1] = (double) INFINITY;
    assert_int_equal(params_fill(p, &head, &matrices), RC_INPUT);
    assert_non_null(strstr(err_text(), "K[4][1]"));
    params_abandon(store, p);
    params_destroy(store);
}

static void blocks_out_of_range_or_overlapping_are_refused(void **state)
{
    static const struct param_block bad[] = {
        {.row0 = 2, .n_row = 3, .col0 = 2, .n_col = 2}, /* overlaps the first */
        {.row0 = 3, .n_row = 4, .col0 = 2, .n_col = 2}, /* beyond the last row */
        {.row0 = 3, .n_row = 3, .col0 = 2, .n_col = 4},
        {.row0 = 3, .n_row = 0, .col0 = 2, .n_col = 2},
        {.row0 = UINT64_MAX, .n_row = 3, .col0 = 2, .n_col = 2},
        {.row0 = 3, .n_row = UINT64_MAX, .col0 = 2, .n_col = 2},
    };
    struct params_store *store = new_store();
    struct params *p = params_begin(store);
    struct param_head head = good_head();

    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        head.block[1] = bad[i];
        assert_int_equal(params_fill(p, &head, &matrices), RC_INPUT);
    }
    head = good_head();
    head.n_block = 5;
    assert_int_equal(params_fill(p, &head, &matrices), RC_INPUT);
    params_destroy(store);
}

static void a_new_slot_continues_the_newest_set(void **state)
{
    struct params_store *store = new_store();
    struct params *p = params_begin(store);
    struct param_head head = good_head();
    double y[N_ROW], x[N_COL] = {1.0, 0.0, 0.0, 0.0, 0.0};

    (void) state;
    assert_int_equal(params_fill(p, &head, &matrices), RC_OK);
    p->reference_m[4] = 7.0;
    p->tuning.law.ki = 0.25;
    params_publish(store, p);
    assert_int_equal(params_revision(store), 1);
    p = params_begin(store);
    assert_close(p->reference_m[4], 7.0, 0, 0);
    assert_close(p->tuning.law.ki, 0.25, 0, 0);
    matvec_apply(&p->predict, x, y);
    assert_close(y[2], r[2 * N_COL], 0, 0);
    params_publish(store, p);
    assert_int_equal(params_revision(store), 2);
    params_destroy(store);
}

static void optional_matrices_come_and_go_with_their_set(void **state)
{
    static const double basis[] = {1.0, 0.0, 0.0, 1.0, 0.0, 0.0}, bad[] = {1.0, 0.0, NAN};
    struct params_store *store = new_store();
    struct params *p = params_begin(store);
    struct param_head head = good_head();
    struct param_matrices with = matrices;

    (void) state;
    with.of[PARAM_BASIS_Y] = (struct param_matrix){basis, 3, 2};
    assert_int_equal(params_fill(p, &head, &with), RC_OK);
    params_publish(store, p);
    p = params_begin(store);
    assert_int_equal(p->optional[PARAM_BASIS_Y].cols, 2);
    assert_memory_equal(p->optional[PARAM_BASIS_Y].a, basis, sizeof basis);
    assert_int_equal(p->optional[PARAM_BASIS_X].rows, 0);
    with.of[PARAM_BASIS_Y] = (struct param_matrix){bad, 3, 1};
    assert_int_equal(params_fill(p, &head, &with), RC_INPUT);
    assert_non_null(strstr(err_text(), "BASIS_Y[2][0]"));
    with.of[PARAM_BASIS_Y] = (struct param_matrix){basis, 2, 3};
    assert_int_equal(params_fill(p, &head, &with), RC_INPUT);
    assert_int_equal(p->optional[PARAM_BASIS_Y].cols, 2);
    assert_int_equal(params_fill(p, &head, &matrices), RC_OK);
    assert_int_equal(p->optional[PARAM_BASIS_Y].rows, 0);
    params_destroy(store);
}

static void slots_come_back_and_a_stalled_reader_only_keeps_its_own(void **state)
{
    struct params_store *store = new_store();
    const struct params *seen;

    (void) state;
    for (int i = 0; i < 20; i++)
        params_publish(store, begin_within_5_s(store));
    params_reader_enter(store);
    seen = params_acquire(store); /* this thread stalls inside a cycle */
    for (int i = 0; i < 3; i++) {
        struct params *p = params_begin(store);

        if (!p)
            break;
        assert_ptr_not_equal(p, seen);
        params_publish(store, p);
    }
    params_release(store);
    params_reader_leave(store);
    params_publish(store, begin_within_5_s(store));
    params_destroy(store);
}

static struct race {
    struct params_store *store;
    atomic_bool stop;
    atomic_ulong reads, torn;
} race;

static void *read_sets(void *unused)
{
    params_reader_enter(race.store);
    while (!atomic_load(&race.stop)) {
        const struct params *p = params_acquire(race.store);

        for (int i = 0; i < N_ROW; i++)
            if (p->reference_m[i] < p->reference_m[0] || p->reference_m[i] > p->reference_m[0])
                atomic_fetch_add(&race.torn, 1);
        atomic_fetch_add(&race.reads, 1);
        params_release(race.store);
    }
    params_reader_leave(race.store);
    return unused;
}

static void a_reader_never_sees_half_a_set(void **state)
{
    pthread_t reader;

    (void) state;
    race.store = new_store();
    params_publish(race.store, params_begin(race.store));
    pthread_create(&reader, NULL, read_sets, NULL);
    for (int n = 1; n <= 500; n++) {
        struct params *p = begin_within_5_s(race.store);

        for (int i = 0; i < N_ROW; i++)
            p->reference_m[i] = n;
        params_publish(race.store, p);
    }
    atomic_store(&race.stop, true);
    pthread_join(reader, NULL);
    assert_true(atomic_load(&race.reads) > 0);
    assert_int_equal(atomic_load(&race.torn), 0);
    params_destroy(race.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(non_finite_elements_are_refused_with_their_place),
        cmocka_unit_test(blocks_out_of_range_or_overlapping_are_refused),
        cmocka_unit_test(a_new_slot_continues_the_newest_set),
        cmocka_unit_test(optional_matrices_come_and_go_with_their_set),
        cmocka_unit_test(slots_come_back_and_a_stalled_reader_only_keeps_its_own),
        cmocka_unit_test(a_reader_never_sees_half_a_set),
    };

    return cmocka_run_group_tests_name("rt/loop/params", tests, NULL, NULL);
}
