/* A linear storage ring in virtual time behind hal.h: the loop runs on it as on the real one,
 * but the clock only moves when the loop waits.
 *
 * y = orbit0 + R u_actual, u_actual following the set points written under the lease through a
 * delay and a pole. The test changes the public fields between steps: faults, stalls, noise, a
 * gateway that dies.
 */
#ifndef ORBIT_TESTS_SUPPORT_VIRTUAL_MACHINE_H
#define ORBIT_TESTS_SUPPORT_VIRTUAL_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/hal/hal.h"
#include "rt/loop/loop.h"

enum { VM_MAX_BPM = 128, VM_MAX_COL = 128, VM_MAX_ROW = 2 * VM_MAX_BPM, VM_PAST = 512 };

struct virtual_machine {
    struct orbit_dims dims;
    int64_t now_ns, utc_offset_ns;
    int64_t frame_period_ns, echo_period_ns, write_period_ns;
    double pole_hz;
    int64_t tick_ns; /* magnets move in steps of this */
    /* A gateway that writes every block at once; each column answers after its own delay with
     * its own pole. Delays are multiples of tick_ns. */
    bool direct;
    int64_t delay_ns[VM_MAX_COL];
    double col_pole_hz[VM_MAX_COL]; /* 0: pole_hz */

    double r[VM_MAX_ROW * VM_MAX_COL]; /* true response */
    double orbit0_m[VM_MAX_ROW];       /* orbit without kicks */
    double u_set[VM_MAX_COL];          /* set points at the power converters */
    double u_actual[VM_MAX_COL];       /* kicks of now */
    double noise_m;
    double row_offset_m[VM_MAX_ROW]; /* what a BPM adds to the orbit */
    double current_a, median_sum;
    double readback_off[VM_MAX_COL];   /* what a readback adds to the kick */
    uint64_t row_quality[VM_MAX_ROW];  /* delivered with every frame */
    double row_override_m[VM_MAX_ROW]; /* delivered instead of the orbit where finite_override
                                          is set */
    bool row_overridden[VM_MAX_ROW];
    bool foreign[VM_MAX_COL];
    double input[FRAME_SCALARS - SCALAR_INPUT]; /* of feed-forward */
    bool inhibit;                               /* injection, as the frames say */

    bool bpm_dead, gateway_dead; /* frames stop; connections stay */
    bool gateway_gone;           /* connections closed */
    bool acknowledge;            /* the gateway acknowledges arming */
    int64_t stall_ns;            /* the next wait returns this much late */
    bool spins; /* part of each wait is spun: the loop warms its caches in it */
    int64_t spinning_ns;

    uint64_t
        arm_id; /* what the loop asks to be acknowledged; set by the test from the status */
    uint64_t ack_arm_id;
    uint64_t n_written, n_blocks, n_refused;
    int64_t last_write_ns;
    struct setpoint_head block;
    double block_value[VM_MAX_COL];
    uint64_t last_cycle_echoed;

    struct {
        int64_t t_ns;
        double value[VM_MAX_COL];
    } past[VM_PAST]; /* direct: blocks written, past[n_written % VM_PAST] the newest */

    uint64_t bpm_seq, echo_seq, generation;
    int64_t next_frame_ns, next_echo_ns, next_write_ns, frame_ns, echo_ns;
    uint64_t bpm_read, echo_read;
    double value[VM_MAX_ROW], aux[VM_MAX_ROW], echo_value[VM_MAX_COL], echo_aux[VM_MAX_COL];
    int64_t t_value_ns[VM_MAX_ROW];
    uint64_t quality[VM_MAX_ROW], echo_quality[VM_MAX_COL];
    uint64_t random;
};

/* Sizes and a random, well-conditioned response (elements of order 10 m/rad, uncoupled planes).
 */
void vm_init(struct virtual_machine *vm, const struct orbit_dims *dims, uint64_t seed);

struct hal vm_hal(struct virtual_machine *vm);

/* rms of the true orbit in one plane: 0 x, 1 y. */
double vm_rms_m(const struct virtual_machine *vm, int plane);

#endif
