#include "rt/manager/streams_setup.h"

#include <math.h>
#include <stdlib.h>

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
