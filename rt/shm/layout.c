#include "rt/shm/layout.h"

#include <stddef.h>
#include <string.h>

#include "rt/base/fnv.h"

#define FIELD(s, f) {#s "." #f, offsetof(struct s, f), sizeof(((struct s *) 0)->f)},
#define VALUE(name) {#name, (uint64_t) (name), 0},

/* The order is the header's. The unit test proves that the fields of each structure tile it, so
 * that none can be forgotten. */
static const struct layout_item items[] =
    {FIELD(orbit_dims, n_bpm) FIELD(orbit_dims, n_h) FIELD(orbit_dims, n_v) FIELD(orbit_dims,
                                                                                  n_rf)

         FIELD(segment_head, magic) FIELD(segment_head, layout_hash) FIELD(
             segment_head, kind) FIELD(segment_head, size_b) FIELD(segment_head, run_id)
             FIELD(segment_head, device_hash) FIELD(segment_head, dims) FIELD(
                 segment_head, source_id) FIELD(segment_head, name) FIELD(segment_head,
                                                                          reserved)

                 FIELD(hist, count) FIELD(hist, max) FIELD(hist, sum) FIELD(hist, min) FIELD(
                     hist, bin)

                     FIELD(status_block,
                           head) FIELD(status_block, heartbeat_cycle)
                         FIELD(status_block,
                               heartbeat_ns) FIELD(status_block, state)
                             FIELD(status_block,
                                   unmet) FIELD(status_block, cause)
                                 FIELD(status_block, offender) FIELD(
                                     status_block,
                                     arm_id) FIELD(status_block, revision)
                                     FIELD(status_block, verdict) FIELD(status_block, period_ns) FIELD(
                                         status_block,
                                         loop_core) FIELD(status_block, loop_priority)
                                         FIELD(status_block, source_generation) FIELD(status_block, counter) FIELD(
                                             status_block,
                                             reserved) FIELD(status_block, phase)

                                             FIELD(slot_ring_head, n_slot) FIELD(
                                                 slot_ring_head,
                                                 stride_b) FIELD(slot_ring_head, offset_b)
                                                 FIELD(slot_ring_head, payload_b) FIELD(
                                                     slot_ring_head,
                                                     newest) FIELD(slot_ring_head, reserved)

                                                     FIELD(text_block,
                                                           why) FIELD(text_block, verdict)
                                                         FIELD(text_block, model)

                                                             FIELD(
                                                                 snapshot_head,
                                                                 cycle) FIELD(snapshot_head, run_id)
                                                                 FIELD(snapshot_head, t_mono_ns) FIELD(
                                                                     snapshot_head,
                                                                     t_utc_ns) FIELD(snapshot_head, state)
                                                                     FIELD(snapshot_head, unmet) FIELD(snapshot_head, cause)
                                                                         FIELD(snapshot_head, offender) FIELD(
                                                                             snapshot_head,
                                                                             arm_id) FIELD(snapshot_head, revision)
                                                                             FIELD(
                                                                                 snapshot_head,
                                                                                 frame_seq) FIELD(snapshot_head, frame_age_ns)
                                                                                 FIELD(
                                                                                     snapshot_head,
                                                                                     new_frame)
                                                                                     FIELD(snapshot_head, law_steps)
                                                                                         FIELD(snapshot_head, n_invalid)
                                                                                             FIELD(snapshot_head, n_saturated)
                                                                                                 FIELD(snapshot_head, rms_x_m)
                                                                                                     FIELD(snapshot_head, rms_y_m)
                                                                                                         FIELD(snapshot_head, max_x_m)
                                                                                                             FIELD(snapshot_head, max_y_m)
                                                                                                                 FIELD(snapshot_head, pred_err_x_m)
                                                                                                                     FIELD(snapshot_head, pred_err_y_m) FIELD(snapshot_head, full_h_rad) FIELD(snapshot_head, full_v_rad) FIELD(snapshot_head, uncorrectable_x_m) FIELD(snapshot_head, uncorrectable_y_m) FIELD(snapshot_head, current_a) FIELD(snapshot_head, median_sum) FIELD(snapshot_head, wake_late_ns) FIELD(snapshot_head, compute_ns) FIELD(snapshot_head, reserved)

                                                                                                                         FIELD(
                                                                                                                             record_head, cycle)
                                                                                                                             FIELD(record_head, run_id) FIELD(record_head, t_mono_ns) FIELD(record_head, t_utc_ns) FIELD(record_head, skipped) FIELD(record_head, state) FIELD(record_head, unmet) FIELD(record_head, command) FIELD(record_head, revision) FIELD(record_head, arm_id) FIELD(record_head, frame_seq) FIELD(record_head,
                                                                                                                                                                                                                                                                                                                                                                                                                           new_frame)
                                                                                                                                 FIELD(record_head, law_step) FIELD(record_head, frame_t_sample_ns) FIELD(record_head, wake_late_ns) FIELD(record_head, current_a)

                                                                                                                                     FIELD(
                                                                                                                                         setpoint_head, run_id) FIELD(setpoint_head, arm_id) FIELD(setpoint_head, cycle) FIELD(setpoint_head, valid_until_ns) FIELD(setpoint_head, state) FIELD(setpoint_head, active) FIELD(setpoint_head,
                                                                                                                                                                                                                                                                                                                             life) FIELD(setpoint_head,
                                                                                                                                                                                                                                                                                                                                         reserved)

                                                                                                                                         FIELD(frame_head, source_id) FIELD(
                                                                                                                                             frame_head,
                                                                                                                                             generation)
                                                                                                                                             FIELD(frame_head, frame_seq)
                                                                                                                                                 FIELD(frame_head, t_sample_ns)
                                                                                                                                                     FIELD(frame_head, t_received_ns) FIELD(frame_head,
                                                                                                                                                                                            n_value) FIELD(frame_head, word) FIELD(frame_head,
                                                                                                                                                                                                                                   scalar)

                                                                                                                                                         FIELD(
                                                                                                                                                             four_slot, latest) FIELD(four_slot, slot) FIELD(four_slot, reserved0) FIELD(four_slot,
                                                                                                                                                                                                                                         reading) FIELD(four_slot, reserved1)

                                                                                                                                                             FIELD(
                                                                                                                                                                 param_block, row0)
                                                                                                                                                                 FIELD(param_block, n_row)
                                                                                                                                                                     FIELD(param_block, col0)
                                                                                                                                                                         FIELD(param_block,
                                                                                                                                                                               n_col)

                                                                                                                                                                             FIELD(param_head, magic)
                                                                                                                                                                                 FIELD(
                                                                                                                                                                                     param_head, layout_hash) FIELD(param_head, size_b) FIELD(param_head,
                                                                                                                                                                                                                                              device_hash)
                                                                                                                                                                                     FIELD(
                                                                                                                                                                                         param_head,
                                                                                                                                                                                         dims)
                                                                                                                                                                                         FIELD(
                                                                                                                                                                                             param_head,
                                                                                                                                                                                             model_revision)
                                                                                                                                                                                             FIELD(param_head, content_hash) FIELD(param_head, n_block) FIELD(param_head, block) FIELD(param_head,
                                                                                                                                                                                                                                                                                       tune_x) FIELD(param_head,
                                                                                                                                                                                                                                                                                                     tune_y) FIELD(param_head,
                                                                                                                                                                                                                                                                                                                   alpha_c) FIELD(param_head, rf_hz) FIELD(param_head, condition) FIELD(param_head,
                                                                                                                                                                                                                                                                                                                                                                                        origin) FIELD(param_head,
                                                                                                                                                                                                                                                                                                                                                                                                      reserved)

                                                                                                                                                                                                 FIELD(
                                                                                                                                                                                                     orbit_msg,
                                                                                                                                                                                                     magic)
                                                                                                                                                                                                     FIELD(orbit_msg,
                                                                                                                                                                                                           layout_hash) FIELD(orbit_msg, type) FIELD(orbit_msg,
                                                                                                                                                                                                                                                     code)
                                                                                                                                                                                                         FIELD(
                                                                                                                                                                                                             orbit_msg,
                                                                                                                                                                                                             run_id)
                                                                                                                                                                                                             FIELD(
                                                                                                                                                                                                                 orbit_msg, source_id) FIELD(orbit_msg, generation) FIELD(orbit_msg, device_hash) FIELD(orbit_msg,
                                                                                                                                                                                                                                                                                                        dims)
                                                                                                                                                                                                                 FIELD(
                                                                                                                                                                                                                     orbit_msg,
                                                                                                                                                                                                                     arg)
                                                                                                                                                                                                                     FIELD(
                                                                                                                                                                                                                         orbit_msg,
                                                                                                                                                                                                                         text)

                                                                                                                                                                                                                         VALUE(ORBIT_ABI_VERSION) VALUE(
                                                                                                                                                                                                                             ORBIT_MAX_BPM)
                                                                                                                                                                                                                             VALUE(ORBIT_MAX_COL) VALUE(ORBIT_MAX_SOURCE)
                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                     ORBIT_MAX_BLOCK)
                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                         ORBIT_NAME_SIZE)
                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                             ORBIT_TEXT_SIZE)
                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                 HIST_SUB_BITS)
                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                     HIST_OCTAVES)

                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                         SEG_STATUS) VALUE(SEG_TEXT) VALUE(SEG_SNAPSHOT)
                                                                                                                                                                                                                                                         VALUE(SEG_RECORD) VALUE(SEG_SETPOINT) VALUE(
                                                                                                                                                                                                                                                             SEG_INPUT) VALUE(SEG_KIND_COUNT)

                                                                                                                                                                                                                                                             VALUE(QUALITY_ABSENT) VALUE(
                                                                                                                                                                                                                                                                 QUALITY_STALE)
                                                                                                                                                                                                                                                                 VALUE(QUALITY_INVALID) VALUE(
                                                                                                                                                                                                                                                                     QUALITY_RANGE)
                                                                                                                                                                                                                                                                     VALUE(QUALITY_LOW_SUM) VALUE(QUALITY_DISABLED) VALUE(QUALITY_MASKED) VALUE(QUALITY_FOREIGN) VALUE(QUALITY_TRACKING) VALUE(QUALITY_SATURATED) VALUE(QUALITY_DISCONNECTED)

                                                                                                                                                                                                                                                                         VALUE(STATE_OFF) VALUE(
                                                                                                                                                                                                                                                                             STATE_SHADOW) VALUE(STATE_ARMED) VALUE(STATE_CLOSED) VALUE(STATE_HOLD)
                                                                                                                                                                                                                                                                             VALUE(STATE_TRIPPED) VALUE(
                                                                                                                                                                                                                                                                                 STATE_COUNT)

                                                                                                                                                                                                                                                                                 VALUE(COND_PARAMETERS) VALUE(COND_PACE) VALUE(COND_BPMS)
                                                                                                                                                                                                                                                                                     VALUE(COND_BEAM) VALUE(COND_ACTUATORS) VALUE(COND_ECHO) VALUE(COND_ARM_ACK) VALUE(
                                                                                                                                                                                                                                                                                         COND_MASTER)
                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                             COND_READBACK)
                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                 COND_SATURATION)
                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                     COND_TIMING)
                                                                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                                                                         COND_ORBIT) VALUE(COND_COUNT)

                                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                                             PHASE_WAKE)
                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                 PHASE_INGEST)
                                                                                                                                                                                                                                                                                                                 VALUE(PHASE_PREDICT) VALUE(PHASE_CORRECT) VALUE(
                                                                                                                                                                                                                                                                                                                     PHASE_PUBLISH) VALUE(PHASE_CYCLE) VALUE(PHASE_COUNT)

                                                                                                                                                                                                                                                                                                                     VALUE(COUNTER_CYCLES) VALUE(
                                                                                                                                                                                                                                                                                                                         COUNTER_LATE)
                                                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                                                             COUNTER_SKIPPED)
                                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                                 COUNTER_FRAMES)
                                                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                                                     COUNTER_FRAMES_LOST)
                                                                                                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                                                                                                         COUNTER_FRAMES_BAD) VALUE(COUNTER_LAW_STEPS)
                                                                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                                                                             COUNTER_LAW_DT_SKIPPED)
                                                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                                                 COUNTER_SETPOINTS)
                                                                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                                                                     COUNTER_HOLDS)
                                                                                                                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                                                                                                                         COUNTER_TRIPS) VALUE(COUNTER_SETS_ACCEPTED) VALUE(COUNTER_SETS_REJECTED) VALUE(COUNTER_COMMANDS) VALUE(COUNTER_COUNT)

                                                                                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                                                                                             VERDICT_REAL_TIME)
                                                                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                                                                 VERDICT_DEGRADED)

                                                                                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                                                                                     WORD_ACK_ARM_ID)
                                                                                                                                                                                                                                                                                                                                                                     VALUE(WORD_LAST_CYCLE) VALUE(
                                                                                                                                                                                                                                                                                                                                                                         WORD_LAST_WRITE_NS)
                                                                                                                                                                                                                                                                                                                                                                         VALUE(WORD_OUTSTANDING) VALUE(WORD_WRITES)
                                                                                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                                                                                 WORD_REFUSED)
                                                                                                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                                                                                                     WORD_INHIBIT)
                                                                                                                                                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                                                                                                                                                         SCALAR_CURRENT_A)
                                                                                                                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                                                                                                                             SCALAR_SUM)

                                                                                                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                 MSG_HELLO) VALUE(MSG_WELCOME) VALUE(MSG_COMMAND)
                                                                                                                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                     MSG_REPLY)
                                                                                                                                                                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                         MSG_PARAMETERS)
                                                                                                                                                                                                                                                                                                                                                                                                         VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                             ROLE_OBSERVER)
                                                                                                                                                                                                                                                                                                                                                                                                             VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                                 ROLE_SOURCE)
                                                                                                                                                                                                                                                                                                                                                                                                                 VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                                     ROLE_MODEL)

#define VECTOR(id, shape, unit, help) VALUE(VEC_##id)
#include "rt/shm/vectors.def"
#undef VECTOR
                                                                                                                                                                                                                                                                                                                                                                                                                     VALUE(
                                                                                                                                                                                                                                                                                                                                                                                                                         VEC_COUNT)};

static const struct {
    enum vector_shape shape;
    const char *name;
} vectors[VEC_COUNT] = {
#define VECTOR(id, shape, unit, help) [VEC_##id] = {SHAPE_##shape, #id},
#include "rt/shm/vectors.def"
#undef VECTOR
};

/* Everything is copied as whole 8-byte words. */
_Static_assert(sizeof(struct segment_head) % 64 == 0, "heads fill cache lines");
_Static_assert(sizeof(struct slot_ring_head) % 64 == 0, "heads fill cache lines");
_Static_assert(sizeof(struct four_slot) % 64 == 0, "heads fill cache lines");
_Static_assert(sizeof(struct snapshot_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct record_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct setpoint_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct frame_head) % 8 == 0, "whole words");
_Static_assert(sizeof(struct param_head) % 8 == 0, "the matrices behind it are aligned");
_Static_assert(sizeof(struct text_block) % 8 == 0, "whole words");
_Static_assert(sizeof(double) == 8, "float64");

const struct layout_item *layout_items(uint64_t *n_item)
{
    *n_item = sizeof items / sizeof items[0];
    return items;
}

uint64_t layout_hash(void)
{
    uint64_t hash = FNV_START;

    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        hash = fnv_add(hash, items[i].name, strlen(items[i].name) + 1);
        hash = fnv_add(hash, &items[i].value, sizeof items[i].value);
        hash = fnv_add(hash, &items[i].size_b, sizeof items[i].size_b);
    }
    return hash;
}

enum vector_shape vector_shape(enum snapshot_vector vector)
{
    return vectors[vector].shape;
}

const char *vector_name(enum snapshot_vector vector)
{
    return vectors[vector].name;
}

uint64_t vector_length(const struct orbit_dims *dims, enum snapshot_vector vector)
{
    return vectors[vector].shape == SHAPE_ROW ? dims_n_row(dims) : dims_n_col(dims);
}

uint64_t snapshot_offset_b(const struct orbit_dims *dims, enum snapshot_vector vector)
{
    uint64_t offset_b = sizeof(struct snapshot_head);

    for (unsigned v = 0; v < vector; v++)
        offset_b += 8 * vector_length(dims, (enum snapshot_vector) v);
    return offset_b;
}

uint64_t snapshot_size_b(const struct orbit_dims *dims)
{
    return snapshot_offset_b(dims, VEC_COUNT);
}

uint64_t record_size_b(const struct orbit_dims *dims)
{
    return sizeof(struct record_head) + 8 * (2 * dims_n_row(dims) + 3 * dims_n_col(dims));
}

uint64_t setpoint_size_b(const struct orbit_dims *dims)
{
    return sizeof(struct setpoint_head) + 8 * dims_n_col(dims);
}

uint64_t param_size_b(const struct orbit_dims *dims)
{
    return sizeof(struct param_head) + 2 * 8 * dims_n_row(dims) * dims_n_col(dims);
}

uint64_t frame_size_b(uint64_t n_value)
{
    return sizeof(struct frame_head) + 4 * 8 * n_value;
}

int dims_valid(const struct orbit_dims *dims)
{
    if (dims->n_bpm < 1 || dims->n_bpm > ORBIT_MAX_BPM)
        return 0;
    /* Each below the limit first: a sum of hostile values might wrap. */
    if (dims->n_h > ORBIT_MAX_COL || dims->n_v > ORBIT_MAX_COL || dims->n_rf > ORBIT_MAX_COL)
        return 0;
    return dims_n_col(dims) >= 1 && dims_n_col(dims) <= ORBIT_MAX_COL;
}
