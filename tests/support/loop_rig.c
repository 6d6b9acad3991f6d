#include "tests/support/test.h"

#include "tests/support/loop_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/column_space.h"
#include "model/inverse.h"
#include "rt/base/clock.h"
#include "rt/loop/checkpoint.h"
#include "rt/loop/set_image.h"

struct tuning rig_tuning(void)
{
    return (struct tuning){
        .drive_h = true,
        .drive_v = true,
        .every = 100,
        .law = {.ki = 0.4, .step_limit = 1e-3, .release = 1e-8},
        .energy = {.gain = 0.5,
                   .deadband_hz = 1.0,
                   .step_hz = 10.0,
                   .window_hz = 1000.0,
                   .period_ns = 1000000000},
        .offload = {.gain = 0.4, .period_ns = 100000000},
        .inhibit_max_ns = 5000000000,
        .max_saturated = 4,
        .max_masked = MAX_MASKED,
        .patience = {[COND_TIMING] = 3, [COND_ORBIT] = 5, [COND_READBACK] = 25},
        .trip_count = 5,
        .readback_tolerance_rad = 1e-4,
        .bpm_max_m = 0.02,
        .bpm_min_sum = 0.05,
        .min_current_a = 0.001,
        .trip_orbit_m = 0.01,
        .bpm_max_age_ns = 50000000,
        .actuator_max_age_ns = 200000000,
        .actuator_pole_hz = 100.0,
        .response_delay_ns = 10000000,
        .arm_timeout_ns = 60000000000,
        .hold_max_ns = 30000000000,
        .lease_min_ns = 100000000,
        .lease_law_periods = 3,
        .virtual_loop = true,
        .mask_misfits = true,
        .mask_z = 8.0,
        .mask_min_m = 20e-6,
        .model_error = 0.02,
        .mask_count = 20,
        .release_count = 1000,
        .noise_frames = 1000,
        .baseline_frames = 32};
}

static void must(enum rc rc)
{
    if (rc != RC_OK)
        fail_msg("%s: %s", rc_name(rc), err_text());
}

static struct param_head head_of(const struct orbit_dims *dims)
{
    struct param_head head = {.dims = *dims, .n_block = 2, .alpha_c = 1e-3, .rf_hz = 5e8};

    head.block[0] = (struct param_block){.n_row = dims->n_bpm, .n_col = dims->n_h};
    head.block[1] = (struct param_block){
        .row0 = dims->n_bpm, .n_row = dims->n_bpm, .col0 = dims->n_h, .n_col = dims->n_v};
    return head;
}

static void invert_block(struct loop_rig *rig, const struct param_block *b, double mu)
{
    uint64_t n_row = dims_n_row(&rig->vm.dims), n_col = dims_n_col(&rig->vm.dims);
    double *part = calloc(b->n_row * b->n_col, sizeof *part);
    double *metric = calloc(b->n_col * b->n_col, sizeof *metric);
    struct inverse_block block = {.matrix = rig->r_model,
                                  .stride = (uint32_t) n_col,
                                  .first_row = (uint32_t) b->row0,
                                  .n_row = (uint32_t) b->n_row,
                                  .first_col = (uint32_t) b->col0,
                                  .n_col = (uint32_t) b->n_col};

    must(inverse_tikhonov(&block, mu, part, NULL));
    must(inverse_metric(&block, mu, metric));
    for (uint64_t j = 0; j < b->n_col; j++) {
        for (uint64_t i = 0; i < b->n_row; i++)
            rig->k[(b->col0 + j) * n_row + b->row0 + i] = part[j * b->n_row + i];
        for (uint64_t i = 0; i < b->n_col; i++)
            rig->metric[(b->col0 + j) * n_col + b->col0 + i] = metric[j * b->n_col + i];
    }
    free(part);
    free(metric);
}

/* What all kicks and the frequency can do to one plane: in a machine of random responses there
 * is no more that the beam can do. Empty where no quarter of the directions would be left. */
static struct column_space plane_space(const struct loop_rig *rig, unsigned plane, bool equal)
{
    const struct orbit_dims *dims = &rig->vm.dims;
    uint64_t n_col = dims_n_col(dims), n_own = (plane ? dims->n_v : dims->n_h) + dims->n_rf;
    struct columns columns = {.n_row = (uint32_t) dims->n_bpm, .n_col = (uint32_t) n_col};
    struct column_space space = {0};

    if (4 * n_own > 3 * dims->n_bpm)
        return space;
    columns.a = calloc(dims->n_bpm * n_col, sizeof *columns.a);
    memcpy(columns.a, rig->r_model + plane * dims->n_bpm * n_col,
           dims->n_bpm * n_col * sizeof *columns.a);
    must(column_space_find(&space, &columns, columns.n_row, 1e-7, equal));
    free(columns.a);
    return space;
}

static void add_space(struct param_matrices *matrices, unsigned id,
                      const struct column_space *space)
{
    if (space->rank)
        matrices->of[id] = (struct param_matrix){space->basis, space->n_row, space->rank};
}

/* A slot, once the reclaim thread has freed one. */
static struct params *free_slot(struct params_store *store)
{
    int64_t give_up_ns = clock_mono_ns() + 30 * NS_PER_S;
    struct params *params;

    while (!(params = params_begin(store)) && clock_mono_ns() < give_up_ns)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    return params;
}

void rig_publish(struct loop_rig *rig, const struct tuning *tuning, double mu)
{
    const struct orbit_dims *dims = &rig->vm.dims;
    uint64_t n_col = dims_n_col(dims);
    struct param_head head = head_of(dims);
    struct params *params = free_slot(rig->params);
    struct param_matrices matrices = param_matrices_of(dims, rig->r_model, rig->k);
    struct column_space beam[2], modes[2];

    assert_non_null(params);
    memset(rig->k, 0, sizeof rig->k);
    memset(rig->metric, 0, sizeof rig->metric);
    invert_block(rig, &head.block[0], mu);
    invert_block(rig, &head.block[1], mu);
    if (rig->offload)
        matrices.of[PARAM_OFFLOAD] = (struct param_matrix){rig->offload, n_col, n_col};
    if (rig->law_k)
        matrices.of[PARAM_K_LAW] = (struct param_matrix){rig->law_k, n_col, dims_n_row(dims)};
    matrices.of[PARAM_METRIC] = (struct param_matrix){rig->metric, n_col, n_col};
    for (unsigned plane = 0; plane < 2; plane++) {
        beam[plane] = plane_space(rig, plane, true);
        modes[plane] = plane_space(rig, plane, false);
        add_space(&matrices, PARAM_BASIS_X + plane, &beam[plane]);
        add_space(&matrices, PARAM_MODES_X + plane, &modes[plane]);
    }
    must(params_fill(params, &head, &matrices));
    for (unsigned plane = 0; plane < 2; plane++) {
        column_space_free(&beam[plane]);
        column_space_free(&modes[plane]);
    }
    params->tuning = *tuning;
    for (uint64_t col = 0; col < n_col; col++) {
        params->lower[col] = -rig->limit_rad;
        params->upper[col] = rig->limit_rad;
        params->pole_hz[col] = rig->fast_pole_hz > 0.0 && rig->fast[col]
                                   ? rig->fast_pole_hz
                                   : tuning->actuator_pole_hz;
        params->fast[col] = rig->fast[col];
    }
    must(params_make_law(params));
    set_image_pack(rig->set_image, params);
    params->image_hash = rig->set_image->set_hash;
    params_publish(rig->params, params);
    rig->set_image->revision = params->revision;
    rig->set_image->serial = params->serial;
}

static void create_segments(struct loop_rig *rig)
{
    const struct orbit_dims *dims = &rig->vm.dims;
    struct segment_head head = {.dims = *dims, .run_id = 1, .kind = SEG_STATUS};
    uint64_t snapshot_b = snapshot_size_b(dims), record_b = record_size_b(dims);
    uint64_t checkpoint_b;

    head.size_b = segment_status_size_b();
    must(segment_create(&rig->status_segment, &head));
    head.kind = SEG_SNAPSHOT;
    head.size_b = segment_ring_size_b(16, snapshot_b);
    must(segment_create(&rig->snapshot_segment, &head));
    must(slot_ring_create(&rig->snapshots, &rig->snapshot_segment, 16, snapshot_b));
    must(slot_reader_attach(&rig->snapshot_reader, &rig->snapshot_segment, snapshot_b));
    head.kind = SEG_RECORD;
    head.size_b = segment_ring_size_b(16, record_b);
    must(segment_create(&rig->record_segment, &head));
    must(slot_ring_create(&rig->records, &rig->record_segment, 16, record_b));
    must(slot_reader_attach(&rig->record_reader, &rig->record_segment, record_b));
    head.kind = SEG_EVENT;
    head.size_b = segment_ring_size_b(RIG_EVENTS, sizeof(struct event_record));
    must(segment_create(&rig->event_segment, &head));
    must(slot_ring_create(&rig->events, &rig->event_segment, RIG_EVENTS,
                          sizeof(struct event_record)));
    must(slot_reader_attach(&rig->event_reader, &rig->event_segment,
                            sizeof(struct event_record)));
    rig->next_event = 1;
    must(checkpoint_size_b(&checkpoint_b, dims));
    head.kind = SEG_CHECKPOINT;
    head.size_b = segment_ring_size_b(4, checkpoint_b);
    must(segment_create(&rig->checkpoint_segment, &head));
    must(slot_ring_create(&rig->checkpoints, &rig->checkpoint_segment, 4, checkpoint_b));
    must(slot_reader_attach(&rig->checkpoint_reader, &rig->checkpoint_segment, checkpoint_b));
    rig->set_image = calloc(1, set_image_most_b(dims));
    rig->status = rig->status_segment.base;
    rig->snapshot = calloc(1, snapshot_b);
    rig->record = calloc(1, record_b);
}

void rig_create(struct loop_rig *rig, const struct orbit_dims *dims, int64_t period_ns,
                double mu)
{
    rig_create_timed(rig, dims, period_ns, mu, TIMER_HYBRID);
}

void rig_create_timed(struct loop_rig *rig, const struct orbit_dims *dims, int64_t period_ns,
                      double mu, enum timer_mode timer)
{
    struct loop_setup setup = {.dims = *dims,
                               .period_ns = period_ns,
                               .timer = timer,
                               .run_id = 1700000001500000000ULL,
                               .n_bpm_source = 1};
    struct loop_outputs outputs;
    struct tuning tuning = rig_tuning();
    struct hal hal = vm_hal(&rig->vm);

    memset(rig, 0, sizeof *rig);
    vm_init(&rig->vm, dims, 1);
    rig->limit_rad = 1e-3;
    memcpy(rig->r_model, rig->vm.r, sizeof rig->r_model);
    create_segments(rig);
    outputs = (struct loop_outputs){.status = rig->status,
                                    .snapshots = &rig->snapshots,
                                    .records = &rig->records,
                                    .events = &rig->events,
                                    .checkpoints = &rig->checkpoints};
    must(params_create(&rig->params, dims, MATVEC_F64));
    rig_publish(rig, &tuning, mu);
    must(loop_create(&rig->loop, &setup, &hal, rig->params, &outputs));
    loop_begin(rig->loop);
}

void rig_destroy(struct loop_rig *rig)
{
    loop_end(rig->loop);
    loop_destroy(rig->loop);
    params_destroy(rig->params);
    segment_close(&rig->status_segment);
    segment_close(&rig->snapshot_segment);
    segment_close(&rig->record_segment);
    segment_close(&rig->event_segment);
    segment_close(&rig->checkpoint_segment);
    free(rig->set_image);
    free(rig->snapshot);
    free(rig->record);
}

void rig_step(struct loop_rig *rig, unsigned n)
{
    while (n-- > 0) {
        loop_step(rig->loop);
        rig->vm.arm_id = rig->status->arm_id;
        assert_true(slot_reader_read_newest(&rig->snapshot_reader, rig->snapshot) > 0);
        assert_true(slot_reader_read_newest(&rig->record_reader, rig->record) > 0);
    }
}

enum answer rig_request(struct loop_rig *rig, enum request request, uint64_t *unmet)
{
    uint64_t missing, ticket = loop_request(rig->loop, request);
    enum answer answer = ANSWER_DONE;

    rig_step(rig, 1);
    assert_true(loop_answer(rig->loop, ticket, &answer, unmet ? unmet : &missing));
    return answer;
}

bool rig_next_event(struct loop_rig *rig, struct event_record *event)
{
    uint64_t lost = 0;

    return slot_reader_read_next(&rig->event_reader, &rig->next_event, event, &lost) &&
           lost == 0;
}

const struct snapshot_head *rig_head(const struct loop_rig *rig)
{
    return rig->snapshot;
}

static const void *vector_at(const struct loop_rig *rig, enum snapshot_vector vector)
{
    return (const char *) rig->snapshot + snapshot_offset_b(&rig->vm.dims, vector);
}

const double *rig_vector(const struct loop_rig *rig, enum snapshot_vector vector)
{
    return vector_at(rig, vector);
}

const uint64_t *rig_bits(const struct loop_rig *rig, enum snapshot_vector vector)
{
    return vector_at(rig, vector);
}
