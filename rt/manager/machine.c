#include "rt/manager/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/engine/law_margin.h"
#include "rt/base/clock.h"
#include "rt/loop/checkpoint.h"
#include "rt/loop/set_image.h"
#include "rt/manager/streams_setup.h"
#include "rt/manager/tuning.h"

static uint64_t power_of_two_up(uint64_t n)
{
    uint64_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

static enum rc load_streams(struct machine *m)
{
    struct cfg_faults faults = {.count = 0};
    enum rc rc;

    if (!m->cfg.udp_map[0])
        return RC_OK;
    rc = streams_load(&m->streams, m->cfg.udp_map, &m->devices, &faults);
    cfg_faults_print(stderr, &faults);
    return rc == RC_OK ? RC_OK : err_set(rc, "%s is not usable", m->cfg.udp_map);
}

static enum rc load_inputs(struct machine *m)
{
    struct cfg_faults faults;
    enum rc rc = cfg_load(&m->cfg, m->config_path, &faults);

    cfg_faults_print(stderr, &faults);
    if (rc != RC_OK)
        return err_set(RC_INPUT, "%s is not usable", m->config_path);
    rc = devices_load(&m->devices, m->cfg.ring_devices);
    if (rc != RC_OK)
        return rc;
    m->dims = (struct orbit_dims){.n_bpm = m->devices.n_bpm,
                                  .n_h = m->devices.n_h,
                                  .n_v = m->devices.n_v,
                                  .n_rf = m->devices.n_rf};
    if (!dims_valid(&m->dims))
        return err_set(
            RC_RANGE, "%s: %llu BPMs, %llu correctors are beyond the limits of %d and %d",
            m->cfg.ring_devices, (unsigned long long) m->dims.n_bpm,
            (unsigned long long) (m->dims.n_h + m->dims.n_v), ORBIT_MAX_BPM, ORBIT_MAX_COL);
    return load_streams(m);
}

static enum rc make_segment(struct machine *m, struct segment *segment, enum segment_kind kind,
                            uint64_t size_b, const char *name, uint64_t source_id)
{
    struct segment_head head = {.kind = kind,
                                .size_b = size_b,
                                .run_id = m->run_id,
                                .device_hash = devices_hash(&m->devices),
                                .dims = m->dims,
                                .source_id = source_id};

    snprintf(head.name, sizeof head.name, "%s", name);
    return segment_create(segment, &head);
}

static enum rc make_ring(struct machine *m, struct slot_ring *ring, enum segment_kind kind,
                         uint64_t n_slot, uint64_t payload_b)
{
    static const char *const names[SEG_INPUT] = {"status",   "text",  "snapshot",   "record",
                                                 "setpoint", "event", "checkpoint", "set"};
    enum rc rc = make_segment(m, &m->shared[kind], kind, segment_ring_size_b(n_slot, payload_b),
                              names[kind], 0);

    return rc == RC_OK ? slot_ring_create(ring, &m->shared[kind], n_slot, payload_b) : rc;
}

/* Checkpoints as far back as a freeze reaches behind its begin; of the sets, what the parameter
 * store can have in use. */
static enum rc make_replay_rings(struct machine *m)
{
    enum { CHECKPOINT_SLOTS = 16 };
    uint64_t set_b = set_image_most_b(&m->dims), checkpoint_b;
    enum rc rc = checkpoint_size_b(&checkpoint_b, &m->dims);

    if (rc == RC_OK)
        rc = make_ring(m, &m->checkpoints, SEG_CHECKPOINT, CHECKPOINT_SLOTS, checkpoint_b);
    if (rc == RC_OK)
        rc = make_ring(m, &m->sets, SEG_SET, PARAM_SLOTS, set_b);
    m->set_image = rc == RC_OK ? calloc(1, set_b) : NULL;
    return rc == RC_OK && !m->set_image ? err_set(RC_NOMEM, "no memory for a parameter set")
                                        : rc;
}

static enum rc make_outputs(struct machine *m)
{
    enum { TEXT_SLOTS = 4, SETPOINT_SLOTS = 8, EVENT_SLOTS = 4096 };
    uint64_t record_b = record_size_b(&m->dims);
    uint64_t record_slots =
        segment_ring_slots((uint64_t) m->cfg.record_size_mib << 20, record_b);
    enum rc rc = make_segment(m, &m->shared[SEG_STATUS], SEG_STATUS, segment_status_size_b(),
                              "status", 0);

    if (rc == RC_OK)
        rc = make_ring(m, &m->texts, SEG_TEXT, TEXT_SLOTS, sizeof(struct text_block));
    if (rc == RC_OK)
        rc = make_ring(m, &m->snapshots, SEG_SNAPSHOT,
                       power_of_two_up((uint64_t) m->cfg.snapshot_slots),
                       snapshot_size_b(&m->dims));
    if (rc == RC_OK)
        rc = make_ring(m, &m->records, SEG_RECORD, record_slots, record_b);
    if (rc == RC_OK)
        rc = make_ring(m, &m->setpoints, SEG_SETPOINT, SETPOINT_SLOTS,
                       setpoint_size_b(&m->dims));
    if (rc == RC_OK)
        rc = make_ring(m, &m->events, SEG_EVENT, EVENT_SLOTS, sizeof(struct event_record));
    if (rc == RC_OK)
        rc = make_replay_rings(m);
    m->status = m->shared[SEG_STATUS].base;
    return rc;
}

void machine_publish(struct machine *m, struct params *params)
{
    struct set_head *image = m->set_image;

    if (params->n_block > 0) {
        set_image_pack(image, params);
        params->image_hash = image->set_hash;
    }
    params_publish(m->params, params);
    if (params->n_block == 0)
        return;
    image->revision = params->revision;
    image->serial = params->serial;
    slot_ring_write(&m->sets, image);
}

static enum rc make_input(struct machine *m, unsigned source, const char *name,
                          uint64_t n_value)
{
    enum rc rc = make_segment(m, &m->input[source], SEG_INPUT, segment_input_size_b(n_value),
                              name, source);

    if (rc != RC_OK)
        return rc;
    m->frame_memory[source] = aligned_alloc(CACHE_LINE, frame_memory_b(n_value));
    if (!m->frame_memory[source])
        return err_set(RC_NOMEM, "no memory for the frames of source %s", name);
    return frame_reader_attach(&m->hal.reader[source], &m->input[source], n_value,
                               m->frame_memory[source]);
}

/* Nobody connects: it is there from the start, and its frames tell whether it lives. */
static enum rc make_stream(struct machine *m, unsigned source)
{
    enum rc rc = streams_make_input(&m->hal.udp[source], m, source);

    m->hal.generation[source] = 1;
    m->status->source_generation[source] = 1;
    return rc;
}

static enum rc make_supplies(struct machine *m, unsigned source)
{
    enum rc rc = streams_make_actuator(&m->hal.supplies, m, source);

    m->hal.supplies_source = source;
    m->hal.generation[source] = 1;
    m->status->source_generation[source] = 1;
    streams_follow_config(m);
    return rc;
}

static bool is_stream(const struct machine *m, const char *name)
{
    for (size_t i = 0; i < m->cfg.udp_bpm_sources.count; i++)
        if (strcmp(m->cfg.udp_bpm_sources.name[i], name) == 0)
            return true;
    return false;
}

static enum rc make_inputs(struct machine *m)
{
    unsigned n_bpm_source = (unsigned) m->cfg.source_bpm.count;
    enum rc rc = RC_OK;

    for (unsigned s = 0; s < n_bpm_source && rc == RC_OK; s++)
        rc = is_stream(m, m->cfg.source_bpm.name[s])
                 ? make_stream(m, s)
                 : make_input(m, s, m->cfg.source_bpm.name[s], dims_n_row(&m->dims));
    if (rc == RC_OK)
        rc = m->cfg.udp_actuator_source[0]
                 ? make_supplies(m, n_bpm_source)
                 : make_input(m, n_bpm_source, m->cfg.source_actuator, dims_n_col(&m->dims));
    m->n_source = n_bpm_source + 1;
    return rc;
}

/* The virtual ring, or whatever measures the reference, may be starting at the same time. */
static enum rc await_reference(const char *path, const atomic_bool *stop)
{
    struct timespec pause = {.tv_nsec = 50000000};
    int64_t give_up_ns = clock_mono_ns() + 10 * NS_PER_S;

    if (path[0] == '\0' || access(path, F_OK) == 0)
        return RC_OK;
    fprintf(stderr, "orbitd: waiting for the reference orbit %s\n", path);
    while (access(path, F_OK) != 0 && clock_mono_ns() < give_up_ns) {
        if (atomic_load(stop))
            return err_set(RC_GONE, "stopped while waiting for the reference orbit");
        nanosleep(&pause, NULL);
    }
    return RC_OK;
}

static enum rc make_params(struct machine *m, const atomic_bool *stop)
{
    enum matvec_storage storage = m->cfg.loop_float32 ? MATVEC_F32 : MATVEC_F64;
    enum rc rc = law_margin_check(&m->cfg);
    struct params *first;
    char note[CFG_PATH_SIZE + 128];

    if (rc == RC_OK)
        rc = params_create(&m->params, &m->dims, storage);
    if (rc != RC_OK)
        return rc;
    rc = await_reference(m->cfg.ring_reference, stop);
    if (rc != RC_OK)
        return rc;
    check_load(&m->check, &m->cfg, &m->devices, note, sizeof note);
    if (note[0])
        fprintf(stderr, "orbitd: %s\n", note);
    first = params_begin(m->params);
    rc = tuning_apply(first, &m->cfg, &m->devices, &m->check);
    if (rc == RC_OK)
        machine_publish(m, first);
    return rc;
}

static enum rc make_loop(struct machine *m)
{
    int64_t period_ns = (int64_t) (1e9 / m->cfg.loop_rate_hz + 0.5);
    struct hal hal = hal_shm_bind(&m->hal);
    struct loop_setup setup = {.dims = m->dims,
                               .period_ns = period_ns,
                               .timer = (enum timer_mode) m->cfg.loop_timer,
                               .run_id = m->run_id,
                               .n_bpm_source = m->n_source - 1};
    struct loop_outputs outputs = {.status = m->status,
                                   .snapshots = &m->snapshots,
                                   .records = &m->records,
                                   .events = &m->events,
                                   .checkpoints = &m->checkpoints};

    m->hal.timer = timer_make(setup.timer, (int64_t) (m->cfg.loop_spin_us * 1e3), period_ns);
    m->hal.setpoints = &m->setpoints;
    m->hal.n_col = dims_n_col(&m->dims);
    m->status->period_ns = (uint64_t) period_ns;
    m->wish = (struct host_wish){.core = (int) m->cfg.loop_core,
                                 .priority = (int) m->cfg.loop_priority,
                                 .spin = setup.timer == TIMER_SPIN};
    return loop_create(&m->loop, &setup, &hal, m->params, &outputs);
}

enum rc machine_create(struct machine *m, const char *config_path, const atomic_bool *stop)
{
    enum rc rc;

    memset(m, 0, sizeof *m);
    m->config_path = config_path;
    m->run_id = (uint64_t) clock_utc_ns();
    m->grant.dma_latency_fd = -1;
    rc = load_inputs(m);
    if (rc == RC_OK)
        rc = make_outputs(m);
    if (rc == RC_OK)
        rc = make_inputs(m);
    if (rc == RC_OK)
        rc = make_params(m, stop);
    if (rc == RC_OK)
        rc = make_loop(m);
    return rc;
}

void machine_destroy(struct machine *m)
{
    loop_destroy(m->loop);
    params_destroy(m->params);
    for (unsigned s = 0; s < ORBIT_MAX_SOURCE; s++) {
        segment_close(&m->input[s]);
        udp_input_destroy(m->hal.udp[s]);
        free(m->frame_memory[s]);
    }
    free(m->set_image);
    for (unsigned kind = 0; kind < SEG_INPUT; kind++)
        segment_close(&m->shared[kind]);
    udp_actuator_destroy(m->hal.supplies);
    streams_free(&m->streams);
    devices_free(&m->devices);
}

const char *machine_source_name(const struct machine *m, uint64_t source)
{
    return source + 1 < m->n_source ? m->cfg.source_bpm.name[source] : m->cfg.source_actuator;
}
