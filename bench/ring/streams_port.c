#include "bench/ring/streams_port.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/ring/bpm_encode.h"
#include "bench/ring/supply_port.h"
#include "config/streams.h"
#include "model/plant/random.h"

enum { MAX_HELD = 64, LATE_SAMPLES = 5, SUM_NOMINAL = 1000000 };

/* One that is sent later than it should be. */
struct held {
    uint64_t due; /* number of the sample after which it goes; 0: free */
    uint64_t input, sender;
    size_t size_b;
    uint8_t byte[BPM_DATAGRAM_MAX_B];
};

struct sender {
    struct sockaddr_in from;
    int fd;
};

struct streams_port {
    const struct ring *ring;
    struct streams streams;
    struct controls *controls;
    struct settings *settings; /* our copy */
    uint64_t revision, number;
    struct random random;
    struct sender *sender; /* [n_bpm of the map]: a socket for each, shared but for Sparks */
    struct held held[MAX_HELD];
    struct supply_port *supplies[STREAMS_MAX_OUTPUT];
};

/* ---- making ---- */

static bool is_loopback(const struct streams_address *address)
{
    return address->host >> 24 == 127 || address->host == 0;
}

static enum rc refuse_others(const struct streams *streams)
{
    for (uint64_t i = 0; i < streams->n_input; i++)
        if (!is_loopback(&streams->input[i].listen))
            return err_set(RC_INPUT, "udp.map: %s: the virtual ring sends to 127.x.x.x only",
                           streams->input[i].source);
    for (uint64_t i = 0; i < streams->n_output; i++)
        if (!is_loopback(&streams->output[i].send) || !is_loopback(&streams->output[i].listen))
            return err_set(RC_INPUT, "udp.map: %s: the virtual ring answers 127.x.x.x only",
                           streams->output[i].name);
    return RC_OK;
}

static enum rc open_sender(struct sender *sender, uint32_t host)
{
    sender->from = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_addr = {htonl(host ? host : INADDR_LOOPBACK)}};
    sender->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender->fd < 0 ||
        bind(sender->fd, (const struct sockaddr *) &sender->from, sizeof sender->from) != 0)
        return err_sys("a socket of the virtual BPMs");
    return RC_OK;
}

/* The first BPM of an input has its socket; of Sparks each has one. */
static enum rc open_senders(struct streams_port *p)
{
    enum rc rc = RC_OK;

    for (uint64_t i = 0; i < p->streams.n_bpm && rc == RC_OK; i++) {
        const struct streams_bpm *bpm = &p->streams.bpm[i];
        const struct streams_input *input = &p->streams.input[bpm->input];
        bool first = true;

        for (uint64_t k = 0; k < i; k++)
            first = first && p->streams.bpm[k].input != bpm->input;
        if (first || bpm->from.host)
            rc = open_sender(&p->sender[i], bpm->from.host ? bpm->from.host : input->from.host);
    }
    return rc;
}

static enum rc open_supplies(struct streams_port *p)
{
    enum rc rc = RC_OK;

    for (uint64_t i = 0; i < p->streams.n_output && rc == RC_OK; i++)
        rc = supply_port_create(&p->supplies[i], &p->streams, i, p->controls);
    return rc;
}

static enum rc load(struct streams_port *p)
{
    struct cfg_faults *faults = calloc(1, sizeof *faults);
    enum rc rc;

    if (!faults)
        return err_set(RC_NOMEM, "no memory for udp.map");
    rc = streams_load(&p->streams, p->ring->cfg.udp_map, &p->ring->devices, faults);
    cfg_faults_print(stderr, faults);
    free(faults);
    return rc ? rc : refuse_others(&p->streams);
}

static enum rc prepare(struct streams_port *p)
{
    enum rc rc = load(p);

    if (rc)
        return rc;
    p->sender = calloc(p->streams.n_bpm ? p->streams.n_bpm : 1, sizeof *p->sender);
    if (!p->sender)
        return err_set(RC_NOMEM, "no memory for virtual BPMs");
    for (uint64_t i = 0; i < p->streams.n_bpm; i++)
        p->sender[i].fd = -1;
    rc = settings_create(&p->settings, ring_bpms(p->ring), ring_correctors(p->ring));
    rc = rc ? rc : open_senders(p);
    return rc ? rc : open_supplies(p);
}

enum rc streams_port_create(struct streams_port **port, const struct ring *ring,
                            struct controls *controls)
{
    struct streams_port *p = calloc(1, sizeof *p);
    enum rc rc;

    *port = NULL;
    if (!p)
        return err_set(RC_NOMEM, "no memory for virtual devices");
    p->ring = ring;
    p->controls = controls;
    random_seed(&p->random, (uint64_t) ring->cfg.virtual_seed + 77);
    rc = prepare(p);
    if (rc) {
        streams_port_destroy(p);
        return rc;
    }
    *port = p;
    return RC_OK;
}

void streams_port_destroy(struct streams_port *p)
{
    if (!p)
        return;
    for (uint64_t i = 0; p->sender && i < p->streams.n_bpm; i++)
        if (p->sender[i].fd >= 0)
            close(p->sender[i].fd);
    for (unsigned i = 0; i < STREAMS_MAX_OUTPUT; i++)
        supply_port_destroy(p->supplies[i]);
    settings_destroy(p->settings);
    streams_free(&p->streams);
    free(p->sender);
    free(p);
}

/* ---- sending, with faults ---- */

static bool happens(struct streams_port *p, enum setting setting)
{
    double chance = p->settings->value[setting];

    return chance > 0 && random_uniform(&p->random) < chance;
}

static void send_now(struct streams_port *p, const struct held *datagram)
{
    const struct streams_address *to = &p->streams.input[datagram->input].listen;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(to->port),
                                  .sin_addr = {htonl(to->host ? to->host : INADDR_LOOPBACK)}};

    /* Nobody may be listening yet. */
    (void) !sendto(p->sender[datagram->sender].fd, datagram->byte, datagram->size_b,
                   MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &address,
                   sizeof address);
}

static void hold(struct streams_port *p, const struct held *datagram, uint64_t samples)
{
    for (unsigned i = 0; i < MAX_HELD; i++) {
        if (p->held[i].due == 0) {
            p->held[i] = *datagram;
            p->held[i].due = p->number + samples;
            return;
        }
    }
}

static void send_with_faults(struct streams_port *p, struct held *datagram)
{
    if (happens(p, SETTING_UDP_LOST))
        return;
    if (happens(p, SETTING_UDP_CORRUPT))
        datagram->byte[random_bits(&p->random) % datagram->size_b] ^=
            (uint8_t) (1 + random_bits(&p->random) % 255);
    if (happens(p, SETTING_UDP_REORDER)) {
        hold(p, datagram, 1);
        return;
    }
    if (happens(p, SETTING_UDP_LATE)) {
        hold(p, datagram, LATE_SAMPLES);
        return;
    }
    send_now(p, datagram);
    if (happens(p, SETTING_UDP_DUPLICATE))
        send_now(p, datagram);
}

/* After those of the sample that they were held for. */
static void send_held(struct streams_port *p)
{
    for (unsigned i = 0; i < MAX_HELD; i++) {
        if (p->held[i].due == 0 || p->held[i].due > p->number)
            continue;
        send_now(p, &p->held[i]);
        p->held[i].due = 0;
    }
}

/* ---- positions ---- */

static int32_t to_nm(double position_m, double gain)
{
    double nm = copysign(1e9, gain) * position_m;

    return isfinite(nm) ? (int32_t) lrint(fmin(fmax(nm, -2e9), 2e9)) : 0;
}

static struct bpm_word word_of(const struct streams_port *p, const struct streams_bpm *bpm,
                               const struct engine_sample *sample)
{
    const struct bpm_device *device = &p->ring->devices.bpm[bpm->device];
    double nominal = p->streams.input[bpm->input].sum_nominal;
    double x_m = sample->reading_m[bpm->device];
    double y_m = sample->reading_m[p->ring->devices.n_bpm + bpm->device];

    return (struct bpm_word){
        .id = (uint32_t) (bpm->id < 0 ? 0 : bpm->id),
        .x_nm = to_nm(x_m, device->gain_x),
        .y_nm = to_nm(y_m, device->gain_y),
        .sum = (int32_t) (sample->sum[bpm->device] * (nominal > 0 ? nominal : SUM_NOMINAL)),
        .valid = sample->beam_a > 0 && isfinite(x_m) && isfinite(y_m)};
}

static void send_words(struct streams_port *p, uint64_t input, uint64_t sender,
                       const struct bpm_word *word, size_t n)
{
    const struct streams_input *from = &p->streams.input[input];
    uint32_t step = from->counter_step ? (uint32_t) from->counter_step : 1;
    struct held datagram = {.input = input, .sender = sender};

    datagram.size_b = bpm_encode((enum bpm_format) from->format, (uint32_t) p->number * step,
                                 word, n, datagram.byte);
    send_with_faults(p, &datagram);
}

static void send_input(struct streams_port *p, uint64_t input,
                       const struct engine_sample *sample)
{
    bool single = p->streams.input[input].format == BPM_LIBERA_SPARK;
    struct bpm_word word[BPM_DATAGRAM_MAX];
    uint64_t sender = 0;
    size_t n = 0;

    for (uint64_t i = 0; i < p->streams.n_bpm; i++) {
        if (p->streams.bpm[i].input != input || n == BPM_DATAGRAM_MAX)
            continue;
        sender = n == 0 ? i : sender;
        word[n++] = word_of(p, &p->streams.bpm[i], sample);
        if (single) {
            send_words(p, input, i, word, 1);
            n = 0;
        }
    }
    if (n)
        send_words(p, input, sender, word, n);
}

void streams_port_step(struct streams_port *p, const struct engine_sample *sample)
{
    p->number++;
    (void) controls_take_settings(p->controls, &p->revision, p->settings);
    for (uint64_t i = 0; i < p->streams.n_output; i++)
        supply_port_step(p->supplies[i], sample->readback_a);
    for (uint64_t i = 0; i < p->streams.n_input; i++)
        send_input(p, i, sample);
    send_held(p);
}
