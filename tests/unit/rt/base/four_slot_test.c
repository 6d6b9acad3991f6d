#include "tests/support/test.h"

#include "rt/base/four_slot.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/fnv.h"

/* The exchange at its finest grain: every access to a control word is a step of its own, and
 * every reachable state of N_WRITE writes against N_READ reads is visited once. The steps
 * restate those of four_slot.h, since no test can stop inside them. A slot being filled holds
 * TORN. */
enum { N_WRITE = 8, N_READ = 6, STEPS = 5, TORN = 100, TABLE_SIZE = 1 << 20 };

struct world {
    uint8_t latest, slot[2], reading;
    uint8_t data[4];
    uint8_t w_step, w_done, w_pair, w_index;
    uint8_t r_step, r_done, r_pair, r_index;
    uint8_t r_last;  /* value read last */
    uint8_t r_floor; /* writes complete when the present read began */
    uint8_t used, unused;
};

static struct world *visited; /* [TABLE_SIZE] open addressing */
static unsigned n_visited, n_overlap;

static void write_step(struct world *w)
{
    unsigned place = 2U * w->w_pair + w->w_index;

    switch (w->w_step) {
    case 0:
        w->w_pair = !w->reading;
        break;
    case 1:
        w->w_index = !w->slot[w->w_pair];
        break;
    case 2:
        w->data[place] = TORN;
        break;
    case 3:
        w->data[place] = (uint8_t) (w->w_done + 1);
        w->slot[w->w_pair] = w->w_index;
        break;
    default:
        w->latest = w->w_pair;
        w->w_done++;
        break;
    }
    w->w_step = (uint8_t) ((w->w_step + 1) % STEPS);
}

static void check_copy(struct world *w)
{
    uint8_t value = w->data[2 * w->r_pair + w->r_index];

    assert_int_not_equal(value, TORN);
    assert_true(value >= w->r_last);
    assert_true(value >= w->r_floor);
    w->r_last = value;
    n_overlap += w->w_step == 3;
}

static void read_step(struct world *w)
{
    switch (w->r_step) {
    case 0:
        w->r_floor = w->w_done;
        w->r_pair = w->latest;
        break;
    case 1:
        w->reading = w->r_pair;
        break;
    case 2:
        w->r_index = w->slot[w->r_pair];
        break;
    case 3:
        check_copy(w);
        break;
    default:
        check_copy(w); /* still the same at the end of a slow copy */
        w->r_done++;
        break;
    }
    w->r_step = (uint8_t) ((w->r_step + 1) % STEPS);
}

static bool is_new(const struct world *w)
{
    uint64_t at = fnv_add(FNV_START, w, sizeof *w) % TABLE_SIZE;

    while (visited[at].used) {
        if (memcmp(&visited[at], w, sizeof *w) == 0)
            return false;
        at = (at + 1) % TABLE_SIZE;
    }
    visited[at] = *w;
    assert_true(++n_visited < TABLE_SIZE / 2);
    return true;
}

static void explore(const struct world *w)
{
    struct world next = *w;

    if (!is_new(w))
        return;
    if (w->w_done < N_WRITE) {
        write_step(&next);
        explore(&next);
    }
    next = *w;
    if (w->r_done < N_READ) {
        read_step(&next);
        explore(&next);
    }
}

static void no_interleaving_tears_or_goes_back(void **state)
{
    struct world start = {.used = 1};

    (void) state;
    visited = calloc(TABLE_SIZE, sizeof *visited);
    assert_non_null(visited);
    explore(&start);
    free(visited);
    /* Copies and writes did overlap: the check above was put to the test. */
    assert_true(n_overlap > 1000);
}

static void the_newest_commit_is_read(void **state)
{
    struct four_slot control = {0};
    int data[4] = {0};

    (void) state;
    for (int i = 1; i < 100; i++) {
        unsigned slot = four_slot_write_begin(&control);

        assert_true(slot < 4);
        data[slot] = i;
        four_slot_write_commit(&control, slot);
        if (i % 3 == 0)
            assert_int_equal(data[four_slot_read_begin(&control)], i);
    }
}

static void a_write_that_was_begun_and_left_changes_nothing(void **state)
{
    struct four_slot control = {0};
    int data[4] = {0};
    unsigned slot = four_slot_write_begin(&control);

    (void) state;
    data[slot] = 1;
    four_slot_write_commit(&control, slot);
    for (int i = 0; i < 5; i++) {
        data[four_slot_write_begin(&control)] = TORN;
        assert_int_equal(data[four_slot_read_begin(&control)], 1);
    }
}

static void hostile_indices_stay_within_four_slots(void **state)
{
    struct four_slot control;

    (void) state;
    for (int byte = 0; byte < 256; byte++) {
        memset(&control, byte, sizeof control);
        assert_true(four_slot_read_begin(&control) < 4);
        memset(&control, byte, sizeof control);
        assert_true(four_slot_write_begin(&control) < 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_interleaving_tears_or_goes_back),
        cmocka_unit_test(the_newest_commit_is_read),
        cmocka_unit_test(a_write_that_was_begun_and_left_changes_nothing),
        cmocka_unit_test(hostile_indices_stay_within_four_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
