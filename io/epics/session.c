#include "io/epics/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/epics/actuators.h"
#include "io/epics/bpm_frames.h"
#include "io/epics/channels.h"
#include "io/gateway/link.h"
#include "rt/base/clock.h"

#define FRAME_WAIT_NS (NS_PER_S / 10)
/* Searching takes a moment: what is not connected at once is no news. */
#define SEARCH_NS (2 * NS_PER_S)

struct session {
    const struct cfg *cfg;
    const char *config_path;
    struct cfg live; /* read again when the loop has new parameters */
    struct cfg_faults faults;
    uint64_t revision;
    struct channels *channels;
    struct bpm_frames *frames;
    struct actuators *actuators;
    struct orbit_link bpm_link, actuator_link;
    pthread_t bpm_thread, actuator_thread;
    bool has_bpm_thread, has_actuator_thread;
    atomic_bool stop;
    int64_t begun_ns;
};

static void *run_bpm(void *argument)
{
    struct session *s = argument;
    while (!atomic_load(&s->stop)) {
        struct client *client = link_poll(&s->bpm_link, clock_mono_ns());
        const struct bpm_frame *frame = bpm_frames_wait(s->frames, FRAME_WAIT_NS);
        if (client && frame) {
            client_publish_frame(client, &frame->head, frame->value, frame->aux,
                                 frame->t_value_ns, frame->quality);
        }
    }
    link_close(&s->bpm_link);
    return NULL;
}

/* Next grid point; a stall is skipped, not caught up. */
static int64_t next_tick_ns(int64_t tick_ns, int64_t period_ns)
{
    int64_t now_ns = clock_mono_ns();
    int64_t late = now_ns > tick_ns ? (now_ns - tick_ns) / period_ns : 0;
    return tick_ns + (late + 1) * period_ns;
}

/* A reload in orbitd shows as a new revision; a file that is faulty meanwhile changes nothing.
 */
static void follow_reload(struct session *s, struct client *client)
{
    uint64_t revision = status_load(&client_status(client)->revision);
    if (revision == s->revision) {
        return;
    }
    s->revision = revision;
    if (cfg_load(&s->live, s->config_path, &s->faults) == RC_OK) {
        actuators_configure(s->actuators, &s->live);
    }
}

static void step_actuators(struct session *s, uint64_t *connection)
{
    struct client *client = link_poll(&s->actuator_link, clock_mono_ns());
    if (!client || s->actuator_link.n_opened != *connection) {
        actuators_forget(s->actuators);
    }
    if (client) {
        *connection = s->actuator_link.n_opened;
        follow_reload(s, client);
        actuators_step(s->actuators, client, clock_mono_ns());
    }
}

static void *run_actuators(void *argument)
{
    struct session *s = argument;
    int64_t period_ns = (int64_t) (1e9 / s->cfg->epics_echo_hz), tick_ns = clock_mono_ns();
    uint64_t connection = 0;
    enum rc rc = channels_attach_thread(s->channels);
    if (rc) {
        fprintf(stderr, "orbit-epics: %s\n", err_text());
        return NULL;
    }
    while (!atomic_load(&s->stop)) {
        struct timespec until = clock_timespec(tick_ns);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        }
        step_actuators(s, &connection);
        tick_ns = next_tick_ns(tick_ns, period_ns);
    }
    channels_detach_thread();
    link_close(&s->actuator_link);
    return NULL;
}

static bool is_stream(const struct cfg *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->udp_bpm_sources.count; i++) {
        if (strcmp(cfg->udp_bpm_sources.name[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* What another gateway or the loop itself receives is left to it. */
static const char *own_bpm_source(const struct cfg *cfg)
{
    for (size_t i = 0; i < cfg->source_bpm.count; i++) {
        const char *name = cfg->source_bpm.name[i];
        if (strcmp(name, cfg->fieldbus_bpm_source) != 0 && !is_stream(cfg, name)) {
            return name;
        }
    }
    return NULL;
}

static bool owns_actuators(const struct cfg *cfg)
{
    return strcmp(cfg->source_actuator, cfg->fieldbus_actuator_source) != 0 &&
           strcmp(cfg->source_actuator, cfg->udp_actuator_source) != 0;
}

static enum rc start_threads(struct session *s)
{
    s->has_bpm_thread = s->frames && pthread_create(&s->bpm_thread, NULL, run_bpm, s) == 0;
    s->has_actuator_thread =
        s->actuators && pthread_create(&s->actuator_thread, NULL, run_actuators, s) == 0;
    return s->has_bpm_thread == (s->frames != NULL) &&
                   s->has_actuator_thread == (s->actuators != NULL)
               ? RC_OK
               : err_sys("no thread");
}

static void init_links(struct session *s, const struct devices *devices,
                       const char *socket_path)
{
    struct link_spec spec = {.program = "orbit-epics",
                             .socket_path = socket_path,
                             .role = ROLE_SOURCE,
                             .name = own_bpm_source(s->cfg),
                             .device_hash = devices_hash(devices)};
    link_init(&s->bpm_link, &spec);
    spec.name = s->cfg->source_actuator;
    link_init(&s->actuator_link, &spec);
}

enum rc session_start(struct session **session, const struct devices *devices,
                      const struct cfg *cfg, const char *config_path, const char *socket_path)
{
    struct session *s = calloc(1, sizeof *s);
    *session = s;
    if (!s) {
        return err_set(RC_NOMEM, "no memory for a session");
    }
    s->cfg = cfg;
    s->config_path = config_path;
    s->begun_ns = clock_mono_ns();
    init_links(s, devices, socket_path);
    enum rc rc = channels_create(&s->channels);
    if (rc == RC_OK && own_bpm_source(cfg)) {
        rc = bpm_frames_create(&s->frames, s->channels, devices, cfg);
    }
    if (rc == RC_OK && owns_actuators(cfg)) {
        rc = actuators_create(&s->actuators, s->channels, devices, cfg);
    }
    rc = rc ? rc : channels_start(s->channels);
    rc = rc ? rc : start_threads(s);
    if (rc) {
        session_stop(s);
        *session = NULL;
    }
    return rc;
}

void session_stop(struct session *s)
{
    if (!s) {
        return;
    }
    atomic_store(&s->stop, true);
    if (s->has_bpm_thread) {
        pthread_join(s->bpm_thread, NULL);
    }
    if (s->has_actuator_thread) {
        pthread_join(s->actuator_thread, NULL);
    }
    channels_destroy(s->channels);
    bpm_frames_destroy(s->frames);
    actuators_destroy(s->actuators);
    free(s);
}

size_t session_report(struct session *s, int64_t now_ns, FILE *stream)
{
    size_t n_bad = 0;
    if (now_ns - s->begun_ns < SEARCH_NS) {
        return 0;
    }
    channels_report(s->channels, now_ns, stream);
    if (s->frames) {
        bpm_frames_report(s->frames, now_ns, stream);
    }
    channels_count(s->channels, &n_bad);
    return n_bad;
}
