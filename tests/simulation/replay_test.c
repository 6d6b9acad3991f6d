/* What the loop did is done again from its records, bit for bit. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/replay/replay.h"
#include "tests/support/loop_rig.h"

static const struct orbit_dims small = {.n_bpm = 24, .n_h = 10, .n_v = 12, .n_rf = 1};
enum {
    PERIOD_NS = 1000000,
    SECOND = 1000,
    MOST_CYCLES = 40000,
    MOST_SETS = 16,
    MOST_POINTS = 64
};

/* What a recording holds. */
struct tape {
    struct loop_rig *rig;
    uint64_t record_b, checkpoint_b, last_point;
    unsigned n_record, n_set, n_point;
    char *record;
    struct set_head *set[MOST_SETS];
    struct checkpoint_head *point[MOST_POINTS];
    uint64_t random;
};

static void must(enum rc rc)
{
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_name(rc), err_text());
}

static void keep_set(struct tape *tape)
{
    const struct set_head *image = tape->rig->set_image;
    uint64_t size_b = sizeof *image + image->size_b;

    assert_true(tape->n_set < MOST_SETS);
    tape->set[tape->n_set] = malloc(size_b);
    memcpy(tape->set[tape->n_set++], image, size_b);
}

static void keep_point(struct tape *tape)
{
    struct checkpoint_head *point = malloc(tape->checkpoint_b);
    uint64_t number = slot_reader_read_newest(&tape->rig->checkpoint_reader, point);

    if (number <= tape->last_point || tape->n_point == MOST_POINTS) {
        free(point);
        return;
    }
    tape->last_point = number;
    tape->point[tape->n_point++] = point;
}

static void keep_cycle(struct tape *tape)
{
    assert_true(tape->n_record < MOST_CYCLES);
    memcpy(tape->record + tape->n_record++ * tape->record_b, tape->rig->record, tape->record_b);
    keep_point(tape);
}

static void run(struct tape *tape, unsigned n)
{
    while (n-- > 0) {
        rig_step(tape->rig, 1);
        keep_cycle(tape);
    }
}

static void request(struct tape *tape, enum request what)
{
    (void) rig_request(tape->rig, what, NULL);
    keep_cycle(tape);
}

static int start(void **state, enum timer_mode timer)
{
    struct tape *tape = calloc(1, sizeof *tape);

    tape->rig = calloc(1, sizeof *tape->rig);
    rig_create_timed(tape->rig, &small, PERIOD_NS, 0.1, timer);
    tape->rig->vm.noise_m = 1e-6;
    for (uint64_t row = 0; row < dims_n_row(&small); row++)
        tape->rig->vm.orbit0_m[row] = 1e-3 * sin(1.0 + 2.3 * (double) row);
    tape->record_b = record_size_b(&small);
    tape->checkpoint_b = tape->rig->checkpoint_reader.payload_b;
    tape->record = malloc(MOST_CYCLES * tape->record_b);
    tape->random = 20260;
    keep_set(tape);
    *state = tape;
    return 0;
}

static int start_by_timer(void **state)
{
    return start(state, TIMER_HYBRID);
}

static int start_by_data(void **state)
{
    return start(state, TIMER_EXTERNAL);
}

/* A thread runs one loop at a time. */
static void end_recording(struct tape *tape)
{
    if (!tape->rig)
        return;
    rig_destroy(tape->rig);
    free(tape->rig);
    tape->rig = NULL;
}

static int stop(void **state)
{
    struct tape *tape = *state;

    end_recording(tape);
    for (unsigned i = 0; i < tape->n_set; i++)
        free(tape->set[i]);
    for (unsigned i = 0; i < tape->n_point; i++)
        free(tape->point[i]);
    free(tape->record);
    free(tape);
    return 0;
}

static void close_loop(struct tape *tape)
{
    run(tape, 100);
    request(tape, REQUEST_ARM);
    run(tape, 100);
    request(tape, REQUEST_CLOSE);
    run(tape, 2 * SECOND);
    assert_int_equal(tape->rig->status->state, STATE_CLOSED);
}

/* ---- playing ---- */

static const struct record_head *record_at(const struct tape *tape, unsigned i)
{
    return (const void *) (tape->record + i * tape->record_b);
}

static void use_set(struct replay *replay, const struct tape *tape, uint64_t revision)
{
    for (unsigned i = 0; i < tape->n_set; i++)
        if (tape->set[i]->revision == revision)
            must(replay_use_set(replay, tape->set[i], revision, tape->set[i]->serial));
}

static struct replay *begin(const struct tape *tape, const struct checkpoint_head *point)
{
    const struct replay_setup setup = {.dims = small,
                                       .run_id = point->run_id,
                                       .period_ns = (int64_t) point->period_ns,
                                       .kernel = tape->set[0]->kernel,
                                       .storage = tape->set[0]->storage};
    struct replay *replay;

    must(replay_create(&replay, &setup));
    use_set(replay, tape, point->revision);
    must(replay_restore(replay, point));
    return replay;
}

/* Cycles that are the same from a checkpoint on; all of the rest where nothing differs. */
static unsigned play(const struct tape *tape, const struct checkpoint_head *point,
                     unsigned *n_rest, struct replay_difference *difference)
{
    struct replay *replay = begin(tape, point);
    uint64_t revision = point->revision;
    unsigned n_same = 0;
    bool same = true;

    *n_rest = 0;
    for (unsigned i = 0; i < tape->n_record; i++) {
        const struct record_head *record = record_at(tape, i);

        if (record->cycle <= point->cycle)
            continue;
        ++*n_rest;
        if (!same)
            continue;
        if (record->revision != revision)
            use_set(replay, tape, record->revision);
        revision = record->revision;
        same = replay_same(&small, record, replay_cycle(replay, record), 0.0, difference);
        n_same += same;
    }
    replay_destroy(replay);
    return n_same;
}

static void plays_the_same(const struct tape *tape, unsigned first_point)
{
    struct replay_difference d = {.what = ""};
    unsigned n_rest, n_same = play(tape, tape->point[first_point], &n_rest, &d);

    if (n_same != n_rest)
        fail_msg("cycle %u of %u behind checkpoint %u: %s[%lu] was %.17g, is %.17g", n_same + 1,
                 n_rest, first_point, d.what, d.index, d.was, d.is);
    assert_true(n_rest > 100);
}

/* ---- tests ---- */

static void a_closed_loop_is_replayed_from_every_checkpoint(void **state)
{
    struct tape *tape = *state;

    close_loop(tape);
    run(tape, 3 * SECOND);
    end_recording(tape);
    assert_true(tape->n_point >= 5);
    for (unsigned i = 0; i + 1 < tape->n_point; i++)
        plays_the_same(tape, i);
}

static uint64_t draw(struct tape *tape, uint64_t n)
{
    tape->random = tape->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (tape->random >> 33) % n;
}

static void hurt(struct tape *tape)
{
    struct virtual_machine *vm = &tape->rig->vm;

    switch (draw(tape, 10)) {
    case 0:
        vm->row_quality[draw(tape, dims_n_row(&small))] ^= QUALITY_INVALID;
        break;
    case 1:
        vm->stall_ns = (int64_t) draw(tape, 8) * PERIOD_NS / 2;
        break;
    case 2:
        vm->bpm_dead = !vm->bpm_dead;
        break;
    case 3:
        vm->gateway_gone = !vm->gateway_gone;
        vm->generation += !vm->gateway_gone;
        break;
    case 4:
        vm->foreign[draw(tape, small.n_h)] ^= 1;
        break;
    case 5:
        vm->orbit0_m[draw(tape, dims_n_row(&small))] += 1e-5 * (double) draw(tape, 100);
        break;
    case 6:
        vm->current_a = draw(tape, 2) ? 0.3 : 0.0;
        break;
    case 7:
        vm->row_overridden[3] = !vm->row_overridden[3];
        vm->row_override_m[3] = draw(tape, 2) ? 1.0 : (double) NAN;
        break;
    default:
        request(tape, (enum request)(1 + draw(tape, REQUEST_RESET)));
        break;
    }
}

static void change_set(struct tape *tape)
{
    struct tuning tuning = rig_tuning();

    tuning.law.ki = 0.1 + 0.05 * (double) draw(tape, 8);
    tuning.every = 20 + draw(tape, 100);
    tuning.response_delay_ns = (int64_t) draw(tape, 20) * PERIOD_NS;
    rig_publish(tape->rig, &tuning, 0.1 + 0.1 * (double) draw(tape, 5));
    keep_set(tape);
}

static void faults_requests_and_new_parameters_are_replayed(void **state)
{
    struct tape *tape = *state;

    printf("seed %lu\n", tape->random);
    close_loop(tape);
    for (unsigned i = 0; i < 250; i++) {
        hurt(tape);
        if (i % 20 == 19)
            change_set(tape);
        run(tape, 20 + (unsigned) draw(tape, 80));
    }
    end_recording(tape);
    for (unsigned i = 0; i + 1 < tape->n_point; i += 4)
        plays_the_same(tape, i);
}

static void a_changed_record_is_found(void **state)
{
    struct tape *tape = *state;
    struct replay_difference d = {.what = ""};
    uint64_t size_b = tape->record_b;
    unsigned n_rest, n_same, at;
    struct record_view view;

    close_loop(tape);
    end_recording(tape);
    at = tape->n_record - 50;
    view = record_view(&small, tape->record + at * size_b);
    assert_true(view.u_cmd[2] != 0.0);
    *(double *) (void *) (tape->record + at * size_b +
                          (size_t) ((const char *) &view.u_cmd[2] -
                                    (const char *) view.head)) *= 1.0 + 1e-15;
    n_same = play(tape, tape->point[0], &n_rest, &d);
    assert_int_equal(n_same, n_rest - 50);
    assert_string_equal(d.what, "u_cmd");
    assert_int_equal(d.index, 2);
}

static void a_checkpoint_of_another_build_is_refused(void **state)
{
    struct tape *tape = *state;
    struct replay_setup setup = {.dims = small, .period_ns = PERIOD_NS};
    struct replay *replay;

    close_loop(tape);
    end_recording(tape);
    setup.kernel = tape->set[0]->kernel;
    setup.storage = tape->set[0]->storage;
    must(replay_create(&replay, &setup));
    must(replay_use_set(replay, tape->set[0], 1, 1));
    tape->point[0]->state_hash ^= 1;
    assert_int_equal(replay_restore(replay, tape->point[0]), RC_INPUT);
    tape->point[0]->state_hash ^= 1;
    tape->point[0]->state_b -= 8;
    assert_int_equal(replay_restore(replay, tape->point[0]), RC_INPUT);
    ((char *) (tape->set[0] + 1))[4000] ^= 1;
    assert_int_equal(replay_use_set(replay, tape->set[0], 2, 2), RC_INPUT);
    replay_destroy(replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_closed_loop_is_replayed_from_every_checkpoint,
                                        start_by_timer, stop),
        cmocka_unit_test_setup_teardown(faults_requests_and_new_parameters_are_replayed,
                                        start_by_timer, stop),
        cmocka_unit_test_setup_teardown(faults_requests_and_new_parameters_are_replayed,
                                        start_by_data, stop),
        cmocka_unit_test_setup_teardown(a_changed_record_is_found, start_by_timer, stop),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_another_build_is_refused,
                                        start_by_timer, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
