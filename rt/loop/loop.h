/* The loop: one cycle of everything, and the grid of deadlines on which cycles run.
 *
 * The loop's thread calls loop_run (or, on a virtual clock, loop_step again and again); any
 * other thread may call loop_request and loop_answer. The grid is t0 + k T; a late wake-up
 * skips to the next point of the grid, never bursts, is one late event whatever it skipped, and
 * every skipped point enters the wake-up histogram with its full lateness.
 *
 * In the mode external the arrival of data starts the cycle: grid.h.
 */
#ifndef ORBIT_RT_LOOP_LOOP_H
#define ORBIT_RT_LOOP_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rt/hal/hal.h"
#include "rt/loop/excite.h"
#include "rt/loop/params.h"
#include "rt/loop/state.h"
#include "rt/shm/slot_ring.h"

struct loop;

/* Where a cycle leaves its results; all memory is mapped and prefaulted by the caller. */
struct loop_outputs {
    struct status_block *status;
    struct slot_ring *checkpoints; /* NULL: none are made */
    struct slot_ring *snapshots, *records, *events;
};

struct loop_setup {
    struct orbit_dims dims;
    int64_t period_ns;
    enum timer_mode timer; /* TIMER_EXTERNAL: the data start the cycle; else only told */
    uint64_t run_id;       /* UTC ns at start */
    uint64_t n_bpm_source; /* source n_bpm_source is the actuator source */
};

MUST_USE enum rc loop_create(struct loop **loop, const struct loop_setup *setup,
                             const struct hal *hal, struct params_store *params,
                             const struct loop_outputs *outputs);
void loop_destroy(struct loop *loop);

/* Runs until *stop; gives up the lease at the end. The thread is registered with the parameter
 * store. */
void loop_run(struct loop *loop, const atomic_bool *stop);

/* The pieces of loop_run: start the grid at the next point, one cycle, give up the lease. */
void loop_begin(struct loop *loop);
RT_SAFE void loop_step(struct loop *loop);
void loop_end(struct loop *loop);

/* Posts an operator's request (one at a time: the caller serialises) and returns its ticket. */
uint64_t loop_request(struct loop *loop, enum request request);

/* True once the loop has answered that ticket; `unmet` are the conditions that were missing. */
bool loop_answer(struct loop *loop, uint64_t ticket, enum answer *answer, uint64_t *unmet);

/* Hands over a checked excitation (excite.h), which replaces the present one: it plays at once
 * in CLOSED, and in PROBE; elsewhere but in ARMED it is dropped. One thread (the manager).
 * RC_STATE: the loop does not run. */
MUST_USE enum rc loop_excite(struct loop *loop, const struct excite_plan *plan);

/* Its kicks go back to zero in the next law step. */
void loop_excite_stop(struct loop *loop);

/* For replays, behind loop_begin(): the loop goes on as it was behind the cycle of a
 * checkpoint, with the arrays of these views as the newest frames. RC_INPUT, RC_NOMEM:
 * checkpoint.h. */
MUST_USE enum rc loop_restore(struct loop *loop, const struct checkpoint_head *head,
                              const struct frame_view *pace, const struct frame_view *actuator);

/* Asks for empty phase histograms and an empty list of worst cycles; the status's
 * timing_reset_cycle moves when it is done. */
void loop_reset_timing(struct loop *loop);

#endif
