#include "bench/cycle_rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rt/base/clock.h"

enum {
    SPIN_NS = 100000,
    ECHO_HZ = 50,
    SNAPSHOT_SLOTS = 64,
    SETPOINT_SLOTS = 8,
    EVENT_SLOTS = 1024,
    RECORD_MIB = 64
};
static const double element_size = 5.0; /* m/rad, and of K 1/(5 m/rad) */

static enum rc make_segment(const struct cycle_rig *rig, struct segment *segment,
                            enum segment_kind kind, uint64_t size_b, uint64_t source)
{
    const struct segment_head head = {.kind = kind,
                                      .size_b = size_b,
                                      .run_id = (uint64_t) clock_utc_ns(),
                                      .dims = rig->setup.dims,
                                      .source_id = source};

    return segment_create(segment, &head);
}

static enum rc make_ring(const struct cycle_rig *rig, struct segment *segment,
                         enum segment_kind kind, struct slot_ring *ring, uint64_t payload_b)
{
    uint64_t n_slot = kind == SEG_SNAPSHOT   ? SNAPSHOT_SLOTS
                      : kind == SEG_SETPOINT ? SETPOINT_SLOTS
                      : kind == SEG_EVENT    ? EVENT_SLOTS
                                             : segment_ring_slots(RECORD_MIB << 20, payload_b);
    enum rc rc = make_segment(rig, segment, kind, segment_ring_size_b(n_slot, payload_b), 0);

    return rc == RC_OK ? slot_ring_create(ring, segment, n_slot, payload_b) : rc;
}

static enum rc make_outputs(struct cycle_rig *rig)
{
    const struct orbit_dims *dims = &rig->setup.dims;
    enum rc rc =
        make_segment(rig, &rig->status_segment, SEG_STATUS, segment_status_size_b(), 0);

    if (rc == RC_OK)
        rc = make_ring(rig, &rig->snapshot_segment, SEG_SNAPSHOT, &rig->snapshots,
                       snapshot_size_b(dims));
    if (rc == RC_OK)
        rc = make_ring(rig, &rig->record_segment, SEG_RECORD, &rig->records,
                       record_size_b(dims));
    if (rc == RC_OK)
        rc = make_ring(rig, &rig->setpoint_segment, SEG_SETPOINT, &rig->setpoints,
                       setpoint_size_b(dims));
    if (rc == RC_OK)
        rc = make_ring(rig, &rig->event_segment, SEG_EVENT, &rig->events,
                       sizeof(struct event_record));
    rig->status = rig->status_segment.base;
    return rc;
}

static enum rc make_input(struct cycle_rig *rig, int source, uint64_t n_value)
{
    enum rc rc = make_segment(rig, &rig->input[source], SEG_INPUT,
                              segment_input_size_b(n_value), (uint64_t) source);

    if (rc == RC_OK)
        rc = frame_writer_attach(&rig->writer[source], &rig->input[source], n_value);
    if (rc != RC_OK)
        return rc;
    rig->frame_memory[source] = aligned_alloc(CACHE_LINE, frame_memory_b(n_value));
    if (!rig->frame_memory[source])
        return err_set(RC_NOMEM, "frames of a benchmark");
    return frame_reader_attach(&rig->hal.reader[source], &rig->input[source], n_value,
                               rig->frame_memory[source]);
}

static enum rc make_values(struct cycle_rig *rig)
{
    uint64_t n = dims_n_row(&rig->setup.dims) + dims_n_col(&rig->setup.dims);

    rig->value = calloc(n, sizeof *rig->value);
    rig->aux = calloc(n, sizeof *rig->aux);
    rig->t_value_ns = calloc(n, sizeof *rig->t_value_ns);
    rig->quality = calloc(n, sizeof *rig->quality);
    if (!rig->value || !rig->aux || !rig->t_value_ns || !rig->quality)
        return err_set(RC_NOMEM, "frames of a benchmark");
    for (uint64_t i = 0; i < n; i++)
        rig->aux[i] = 1.0;
    return RC_OK;
}

static struct tuning make_tuning(void)
{
    return (struct tuning){.drive_h = true,
                           .drive_v = true,
                           .every = 1,
                           .law = {.ki = 0.4, .step_limit = 1e-3},
                           .energy = {.gain = 0.5,
                                      .deadband_hz = 1.0,
                                      .step_hz = 10.0,
                                      .window_hz = 1000.0,
                                      .period_ns = 1000000000},
                           .offload = {.gain = 0.4, .period_ns = 100000000},
                           .inhibit_max_ns = 5000000000,
                           .max_saturated = 4,
                           .max_masked = MAX_MASKED,
                           .patience = {[COND_TIMING] = UINT64_MAX, [COND_READBACK] = 25},
                           .trip_count = 5,
                           .readback_tolerance_rad = 1e-4,
                           .bpm_max_m = 0.02,
                           .bpm_min_sum = 0.05,
                           .min_current_a = 0.001,
                           .trip_orbit_m = 0.01,
                           .bpm_max_age_ns = 100000000,
                           .actuator_max_age_ns = 500000000,
                           .actuator_pole_hz = 100.0,
                           .response_delay_ns = 10000000,
                           .arm_timeout_ns = 60000000000,
                           .hold_max_ns = 30000000000,
                           .lease_min_ns = 100000000,
                           .lease_law_periods = 3,
                           .mask_misfits = true,
                           .mask_z = 1e9, /* judged, never masked */
                           .mask_count = 20,
                           .release_count = 1000,
                           .noise_frames = 1000,
                           .baseline_frames = 32};
}

static void choose_law(struct tuning *tuning, const struct cycle_setup *setup)
{
    static const double notch_hz[] = {2000.0, 3000.0}, harmonic_hz[] = {10.0, 50.0};
    struct law_settings *law = &tuning->law;

    if (setup->law == RIG_PI)
        return;
    law->kind = LAW_IMC;
    law->bandwidth_hz = 200.0;
    law->lead_max = 100.0;
    law->delay_s = 700e-6;
    law->period_s = 1.0 / setup->rate_hz;
    if (setup->law != RIG_IMC_ALL)
        return;
    tuning->energy.removal = ENERGY_REMOVED;
    tuning->pull_to_reference = true;
    law->n_notch = law->n_harmonic = 2;
    for (unsigned i = 0; i < 2; i++) {
        law->notch[i] = (struct law_notch){.f_hz = notch_hz[i], .width_hz = 50.0};
        law->harmonic[i] = (struct law_harmonic){.f_hz = harmonic_hz[i], .width_hz = 0.5};
    }
}

/* Elements inside the blocks are of the given size and of both signs, the others are zero. */
static void fill_blocks(double *matrix, uint64_t n_col, bool transposed,
                        const struct param_head *head, double size)
{
    for (uint64_t b = 0; b < head->n_block; b++) {
        const struct param_block *block = &head->block[b];

        for (uint64_t i = block->row0; i < block->row0 + block->n_row; i++)
            for (uint64_t j = block->col0; j < block->col0 + block->n_col; j++)
                matrix[transposed ? j * n_col + i : i * n_col + j] =
                    size * ((double) ((i * 31 + j * 17) % 41) / 20.0 - 1.0);
    }
}

/* Every other unit vector: what it costs does not depend on the values. */
static void add_bases(struct param_matrices *matrices, const struct orbit_dims *dims,
                      double *basis)
{
    uint64_t rank = dims->n_bpm / 2;

    for (uint64_t q = 0; q < rank; q++)
        basis[2 * q * rank + q] = 1.0;
    for (unsigned plane = 0; plane < 2; plane++) {
        matrices->of[PARAM_BASIS_X + plane] = (struct param_matrix){basis, dims->n_bpm, rank};
        matrices->of[PARAM_MODES_X + plane] = (struct param_matrix){basis, dims->n_bpm, rank};
    }
}

static enum rc fill_matrices(const struct cycle_rig *rig, struct params *params)
{
    const struct orbit_dims *dims = &rig->setup.dims;
    uint64_t n_row = dims_n_row(dims), n_col = dims_n_col(dims);
    struct param_head head = {.dims = *dims, .n_block = 2};
    struct param_matrices matrices;
    double *r = calloc(n_row * n_col, sizeof *r), *k = calloc(n_row * n_col, sizeof *k);
    double *basis = calloc(dims->n_bpm * dims->n_bpm, sizeof *basis);
    enum rc rc = r && k && basis ? RC_OK : err_set(RC_NOMEM, "matrices of a benchmark");

    head.block[0] = (struct param_block){.n_row = dims->n_bpm, .n_col = dims->n_h};
    head.block[1] = (struct param_block){
        .row0 = dims->n_bpm, .n_row = dims->n_bpm, .col0 = dims->n_h, .n_col = dims->n_v};
    if (rc == RC_OK) {
        fill_blocks(r, n_col, false, &head, element_size);
        fill_blocks(k, n_row, true, &head, 1.0 / element_size / (double) dims->n_bpm);
        matrices = param_matrices_of(dims, r, k);
        if (rig->setup.estimate)
            add_bases(&matrices, dims, basis);
        if (rig->setup.law >= RIG_IMC_OWN_MATRIX)
            matrices.of[PARAM_K_LAW] = (struct param_matrix){k, n_col, n_row};
        rc = params_fill(params, &head, &matrices);
    }
    free(r);
    free(k);
    free(basis);
    return rc;
}

static enum rc make_params(struct cycle_rig *rig)
{
    enum rc rc = params_create(&rig->params, &rig->setup.dims, rig->setup.storage);
    struct params *params = rc == RC_OK ? params_begin(rig->params) : NULL;

    if (rc != RC_OK)
        return rc;
    if (!params)
        return err_set(RC_NOMEM, "parameters of a benchmark");
    params->tuning = make_tuning();
    params->tuning.virtual_loop = rig->setup.virtual_loop;
    choose_law(&params->tuning, &rig->setup);
    for (uint64_t col = 0; col < dims_n_col(&rig->setup.dims); col++) {
        params->lower[col] = -1e-3;
        params->upper[col] = 1e-3;
        params->pole_hz[col] = 500.0;
    }
    if (rig->setup.matrices)
        rc = fill_matrices(rig, params);
    if (rc == RC_OK)
        rc = params_make_law(params);
    params_publish(rig->params, params);
    return rc;
}

static enum rc make_loop(struct cycle_rig *rig)
{
    const struct loop_setup setup = {.dims = rig->setup.dims,
                                     .period_ns = 1000000000 / rig->setup.rate_hz,
                                     .run_id = (uint64_t) clock_utc_ns(),
                                     .timer =
                                         rig->setup.external ? TIMER_EXTERNAL : TIMER_HYBRID,
                                     .n_bpm_source = RIG_ACTUATOR};
    const struct loop_outputs outputs = {.status = rig->status,
                                         .snapshots = &rig->snapshots,
                                         .records = &rig->records,
                                         .events = &rig->events};
    struct hal hal = hal_shm_bind(&rig->hal);
    enum rc rc;

    rig->hal.timer = timer_make(TIMER_HYBRID, SPIN_NS, setup.period_ns);
    rig->hal.setpoints = &rig->setpoints;
    rig->hal.n_col = dims_n_col(&setup.dims);
    for (int source = 0; source < RIG_SOURCES; source++)
        atomic_store(&rig->hal.generation[source], rig->setup.frames ? 1 : 0);
    rc = loop_create(&rig->loop, &setup, &hal, rig->params, &outputs);
    if (rc == RC_OK && rig->setup.estimate)
        (void) loop_request(rig->loop, REQUEST_BASELINE);
    return rc;
}

enum rc cycle_rig_open(struct cycle_rig *rig, const struct cycle_setup *setup)
{
    enum rc rc;

    memset(rig, 0, sizeof *rig);
    rig->setup = *setup;
    rc = make_outputs(rig);
    if (rc == RC_OK)
        rc = make_input(rig, RIG_BPM, dims_n_row(&setup->dims));
    if (rc == RC_OK)
        rc = make_input(rig, RIG_ACTUATOR, dims_n_col(&setup->dims));
    if (rc == RC_OK)
        rc = make_values(rig);
    if (rc == RC_OK)
        rc = make_params(rig);
    if (rc == RC_OK)
        rc = make_loop(rig);
    if (rc != RC_OK)
        cycle_rig_close(rig);
    return rc;
}

void cycle_rig_close(struct cycle_rig *rig)
{
    loop_destroy(rig->loop);
    params_destroy(rig->params);
    for (int source = 0; source < RIG_SOURCES; source++) {
        segment_close(&rig->input[source]);
        free(rig->frame_memory[source]);
    }
    segment_close(&rig->status_segment);
    segment_close(&rig->snapshot_segment);
    segment_close(&rig->record_segment);
    segment_close(&rig->setpoint_segment);
    segment_close(&rig->event_segment);
    free(rig->value);
    free(rig->aux);
    free(rig->t_value_ns);
    free(rig->quality);
}

void cycle_rig_feed(struct cycle_rig *rig, int source, int64_t now_ns)
{
    const struct frame_arrays arrays = {.value = rig->value,
                                        .aux = rig->aux,
                                        .t_value_ns = rig->t_value_ns,
                                        .quality = rig->quality};
    const struct frame_head head = {.source_id = (uint64_t) source,
                                    .generation = 1,
                                    .frame_seq = ++rig->sequence[source],
                                    .t_sample_ns = now_ns,
                                    .t_received_ns = now_ns,
                                    .scalar = {[SCALAR_CURRENT_A] = 0.3, [SCALAR_SUM] = 1.0}};
    uint64_t n = rig->writer[source].n_value;

    for (uint64_t i = 0; i < n; i++) {
        rig->t_value_ns[i] = now_ns;
        rig->value[i] =
            source == RIG_BPM ? 1e-6 * (double) ((i * 7 + head.frame_seq) % 200) - 1e-4 : 0.0;
    }
    frame_publish(&rig->writer[source], &head, &arrays);
}

int64_t cycle_rig_beat(struct cycle_rig *rig, int64_t at_ns)
{
    const struct timespec wake = clock_timespec(at_ns);

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
    if (rig->setup.frames) {
        cycle_rig_feed(rig, RIG_BPM, clock_mono_ns());
        if (at_ns >= rig->echo_ns) {
            cycle_rig_feed(rig, RIG_ACTUATOR, clock_mono_ns());
            rig->echo_ns = at_ns + 1000000000 / ECHO_HZ;
        }
    }
    return at_ns + 1000000000 / rig->setup.rate_hz;
}
