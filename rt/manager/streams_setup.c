#include "rt/manager/streams_setup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NM 1e-9

/* p = gain raw - offset for each plane, then the roll: as io/gateway/bpm_position.h. */
static struct bpm_transform transform_of(const struct bpm_device *bpm)
{
    double c = cos(bpm->roll_rad), s = sin(bpm->roll_rad);

    return (struct bpm_transform){.xx = NM * bpm->gain_x * c,
                                  .xy = NM * bpm->gain_y * s,
                                  .x0 = -bpm->offset_x_m * c - bpm->offset_y_m * s,
                                  .yx = -NM * bpm->gain_x * s,
                                  .yy = NM * bpm->gain_y * c,
                                  .y0 = bpm->offset_x_m * s - bpm->offset_y_m * c};
}

static uint64_t collect_bpms(const struct machine *m, uint64_t input, struct stream_bpm *bpm)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < m->streams.n_bpm; i++) {
        const struct streams_bpm *entry = &m->streams.bpm[i];

        if (entry->input == input)
            bpm[n++] =
                (struct stream_bpm){.bpm = entry->device,
                                    .id = entry->id < 0 ? 0 : (uint32_t) entry->id,
                                    .sender = entry->from.host,
                                    .transform = transform_of(&m->devices.bpm[entry->device])};
    }
    return n;
}

static enum rc open_input(struct udp_input **input, const struct machine *m,
                          const struct streams_input *from, struct stream_bpm *bpm,
                          unsigned source)
{
    struct udp_input_setup setup = {
        .stream = {.format = (enum bpm_format) from->format,
                   .counter_step = (uint32_t) from->counter_step,
                   .sum_nominal = from->sum_nominal,
                   .source_id = source,
                   .n_bpm = m->dims.n_bpm,
                   .bpm = bpm},
        .listen = {.host = from->listen.host, .port = from->listen.port},
        .from = from->from.host};

    setup.stream.n_stream_bpm = collect_bpms(m, (uint64_t) (from - m->streams.input), bpm);
    return udp_input_create(input, &setup);
}

enum rc streams_make_input(struct udp_input **input, const struct machine *m, unsigned source)
{
    const char *name = m->cfg.source_bpm.name[source];
    const struct streams_input *from = streams_find_input(&m->streams, name);
    struct stream_bpm *bpm;
    enum rc rc;

    *input = NULL;
    if (!from)
        return err_set(RC_INPUT, "%s: inputs: has none for source %s", m->cfg.udp_map, name);
    bpm = calloc(m->streams.n_bpm, sizeof *bpm);
    if (!bpm)
        return err_set(RC_NOMEM, "no memory for source %s", name);
    rc = open_input(input, m, from, bpm, source);
    free(bpm);
    return rc == RC_OK ? RC_OK : err_add(rc, "source %s", name);
}

/* ---- power supplies ---- */

static void collect_devices(const struct machine *m, struct udp_device_setup *device)
{
    for (uint64_t i = 0; i < m->streams.n_output; i++) {
        const struct streams_output *output = &m->streams.output[i];

        device[i] = (struct udp_device_setup){
            .format = (enum supply_format) output->format,
            .send = {.host = output->send.host, .port = output->send.port},
            .listen = {.host = output->listen.host, .port = output->listen.port},
            .device = (uint32_t) output->device,
            .timeout_ns = (int64_t) (output->timeout_ms * 1e6),
            .write = output->write};
    }
}

static void collect_supplies(const struct machine *m, struct udp_supply_setup *supply)
{
    for (uint64_t i = 0; i < m->streams.n_supply; i++) {
        const struct streams_supply *entry = &m->streams.supply[i];
        const struct corrector_device *corrector = &m->devices.corrector[entry->column];

        supply[i] = (struct udp_supply_setup){.column = entry->column,
                                              .device = (unsigned) entry->index,
                                              .supply = (uint16_t) entry->supply,
                                              .rad_per_a = corrector->rad_per_a,
                                              .limit_a = corrector->limit_a,
                                              .step_a = corrector->resolution_a};
    }
}

enum rc streams_make_actuator(struct udp_actuator **actuator, const struct machine *m,
                              unsigned source)
{
    struct udp_device_setup device[STREAMS_MAX_OUTPUT];
    struct udp_supply_setup *supply;
    struct udp_actuator_setup setup = {.source_id = source,
                                       .n_col = dims_n_col(&m->dims),
                                       .n_kick = m->dims.n_h + m->dims.n_v,
                                       .n_device = m->streams.n_output,
                                       .n_supply = m->streams.n_supply,
                                       .device = device,
                                       .status = m->status};
    enum rc rc;

    *actuator = NULL;
    if (m->streams.n_supply == 0)
        return err_set(RC_INPUT, "%s: outputs: has none for source %s", m->cfg.udp_map,
                       m->cfg.source_actuator);
    supply = calloc(m->streams.n_supply, sizeof *supply);
    if (!supply)
        return err_set(RC_NOMEM, "no memory for power supplies");
    collect_devices(m, device);
    collect_supplies(m, supply);
    setup.supply = supply;
    rc = udp_actuator_create(actuator, &setup);
    free(supply);
    return rc == RC_OK ? RC_OK : err_add(rc, "source %s", m->cfg.source_actuator);
}

static bool is_disabled(const struct cfg *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++)
        if (strcmp(cfg->ring_disabled_correctors.name[i], name) == 0)
            return true;
    return false;
}

void streams_follow_config(struct machine *m)
{
    for (uint64_t i = 0; m->hal.supplies && i < m->dims.n_h + m->dims.n_v; i++)
        udp_actuator_enable(m->hal.supplies, i,
                            !is_disabled(&m->cfg, m->devices.corrector[i].name));
}
