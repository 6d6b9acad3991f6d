#include "io/epics/publisher.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/points.h"
#include "rt/base/clock.h"

enum group { GROUP_CYCLE, GROUP_STATUS, GROUP_PHASE, GROUP_OWN };

enum { COMMAND_TIMEOUT_MS = 3000 };

struct publisher {
    struct ioc *ioc;
    const struct devices *devices;
    const struct cfg *cfg;
    struct orbit_dims dims;
    int *handle;     /* [points_count()], -1: this machine has none */
    double *scratch; /* longest vector */
    void *snapshot;
    struct text_block text;
    struct hist phase[PHASE_COUNT];
    bool has_snapshot, fresh;
    int64_t last_cycle_utc_ns, next_phase_ns;
    int mode, command, result, code, count, alive, pv_bad;
    struct orbit_link command_link; /* used by the put thread alone */
    int64_t n_command;
};

static const char *const state_words[STATE_COUNT] = {"OFF",  "SHADOW",  "ARMED", "CLOSED",
                                                     "HOLD", "TRIPPED", "PROBE"};

/* ---- points to PVs
 * ------------------------------------------------------------------------------ */

static unsigned group_of(const struct point_def *point)
{
    switch (point->origin) {
    case POINT_FROM_PHASE:
        return GROUP_PHASE;
    case POINT_FROM_STATUS:
    case POINT_FROM_COUNTER:
    case POINT_FROM_TEXT:
    case POINT_FROM_RUN:
    case POINT_FROM_DEVICES:
        return GROUP_STATUS;
    case POINT_FROM_DERIVED:
        return strcmp(point->name, "RATE") == 0 ? GROUP_STATUS : GROUP_CYCLE;
    default:
        break;
    }
    return GROUP_CYCLE;
}

static enum ioc_type type_of(const struct point_def *point)
{
    switch (point->kind) {
    case POINT_KIND_INTEGER:
        return IOC_INTEGER;
    case POINT_KIND_CHOICE:
        return IOC_CHOICE;
    case POINT_KIND_TEXT:
        return IOC_TEXT;
    case POINT_KIND_NAMES:
        return IOC_NAMES;
    case POINT_KIND_REAL:
        break;
    }
    return IOC_REAL;
}

/* Fields of the structure that gives orbit and cycle at once. */
static const char *snap_field(const struct point_def *point)
{
    static const char *const field[][2] = {
        {"ORBIT:X", "x"}, {"ORBIT:Y", "y"}, {"CYCLE", "cycle"}};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(point->name, field[i][0]) == 0) {
            return field[i][1];
        }
    }
    return NULL;
}

/* What an operator should see as alarm, by name. */
static void set_alarms(const struct point_def *point, struct ioc_point *pv)
{
    static const enum ioc_severity state[] = {IOC_OK, IOC_OK,    IOC_OK,
                                              IOC_OK, IOC_MINOR, IOC_MAJOR};
    static const enum ioc_severity verdict[] = {IOC_OK, IOC_MINOR};
    if (strcmp(point->name, "STATE") == 0) {
        pv->choice_severity = state;
    } else if (strcmp(point->name, "VERDICT") == 0) {
        pv->choice_severity = verdict;
    } else if (strcmp(point->name, "N:INVALID") == 0 ||
               strcmp(point->name, "N:SATURATED") == 0) {
        pv->warn = (struct ioc_limits){-1, 1};
    }
}

static size_t split_choices(const struct point_def *point, char (*word)[32], const char **words)
{
    size_t n = 0;
    while (n < IOC_MAX_CHOICE && point_choice_word(point, n, word[n], sizeof word[n])) {
        words[n] = word[n];
        n++;
    }
    return n;
}

static enum rc add_point(struct publisher *p, const struct point_def *point, int *handle)
{
    char word[IOC_MAX_CHOICE][32];
    const char *words[IOC_MAX_CHOICE];
    size_t n = point_length(point, &p->dims);
    *handle = -1;
    if (n == 0) {
        return RC_OK;
    }
    struct ioc_point pv = {.name = point->name,
                           .type = type_of(point),
                           .n = n,
                           .unit = point->unit,
                           .prec = point->prec,
                           .desc = point->help,
                           .display = {point->low, point->high},
                           .group = group_of(point),
                           .always = group_of(point) == GROUP_CYCLE,
                           .fixed = point->origin == POINT_FROM_DEVICES,
                           .field = snap_field(point)};
    pv.structure = pv.field ? "SNAP" : NULL;
    if (point->choices) {
        pv.choices = words;
        pv.n_choice = split_choices(point, word, words);
    }
    set_alarms(point, &pv);
    return ioc_add(p->ioc, &pv, handle);
}

/* ---- commands
 * ----------------------------------------------------------------------------------- */

/* Sends one line to the manager and leaves the answer in CMD:RESULT and CMD:CODE. */
static enum rc send_command(struct publisher *p, const char *line)
{
    char reply[ORBIT_TEXT_SIZE] = "", text[ORBIT_TEXT_SIZE + 32];
    struct client *client = link_poll(&p->command_link, clock_mono_ns());
    enum rc rc = client ? client_command(client, line, COMMAND_TIMEOUT_MS, reply, sizeof reply)
                        : RC_GONE;
    if (!reply[0] && rc) {
        snprintf(reply, sizeof reply, "%s", client ? err_text() : "orbitd is not running");
    }
    snprintf(text, sizeof text, "%s: %s", rc ? rc_name(rc) : "ok", reply);
    int64_t code = rc, count = ++p->n_command;
    ioc_set_text(p->ioc, p->result, text);
    ioc_set_integer(p->ioc, p->code, &code, 1);
    ioc_set_integer(p->ioc, p->count, &count, 1);
    ioc_publish(p->ioc, GROUP_OWN, clock_utc_ns());
    return rc;
}

static enum rc put_command(void *context, struct ioc_value *value)
{
    return send_command(context, value->text);
}

static enum rc put_mode(void *context, struct ioc_value *value)
{
    static const char *const line[STATE_COUNT] = {"mode off", "mode shadow", "mode arm",
                                                  "mode closed", "mode hold"};
    int64_t state = value->integer[0];
    if (state < 0 || state >= STATE_COUNT || !line[state]) {
        return err_set(RC_INPUT, "%s cannot be asked for",
                       state < 0 || state >= STATE_COUNT ? "that" : state_words[state]);
    }
    return send_command(context, line[state]);
}

static enum rc add_own_points(struct publisher *p)
{
    struct ioc_point command = {.name = "CMD",
                                .type = IOC_TEXT,
                                .put = put_command,
                                .context = p,
                                .put_blocks = true,
                                .desc = "command to orbitd, as for orbitctl",
                                .group = GROUP_OWN};
    struct ioc_point mode = {.name = "MODE",
                             .type = IOC_CHOICE,
                             .put = put_mode,
                             .context = p,
                             .put_blocks = true,
                             .choices = state_words,
                             .n_choice = STATE_COUNT,
                             .desc = "asks for a state of the loop",
                             .group = GROUP_STATUS};
    struct ioc_point result = {.name = "CMD:RESULT",
                               .type = IOC_TEXT,
                               .n = ORBIT_TEXT_SIZE + 32,
                               .desc = "answer to the last command",
                               .group = GROUP_OWN};
    struct ioc_point code = {.name = "CMD:CODE",
                             .type = IOC_INTEGER,
                             .group = GROUP_OWN,
                             .desc = "code of the last answer, 0 is good",
                             .always = true};
    struct ioc_point count = {.name = "CMD:COUNT",
                              .type = IOC_INTEGER,
                              .group = GROUP_OWN,
                              .desc = "commands answered through this IOC"};
    struct ioc_point alive = {.name = "ALIVE",
                              .type = IOC_INTEGER,
                              .group = GROUP_STATUS,
                              .desc = "1: orbitd publishes fresh snapshots"};
    struct ioc_point pv_bad = {.name = "PV:BAD",
                               .type = IOC_INTEGER,
                               .group = GROUP_STATUS,
                               .warn = {-1, 1},
                               .desc = "machine PVs that are not usable"};
    enum rc rc = ioc_add(p->ioc, &command, &p->command);
    rc = rc ? rc : ioc_add(p->ioc, &mode, &p->mode);
    rc = rc ? rc : ioc_add(p->ioc, &result, &p->result);
    rc = rc ? rc : ioc_add(p->ioc, &code, &p->code);
    rc = rc ? rc : ioc_add(p->ioc, &count, &p->count);
    rc = rc ? rc : ioc_add(p->ioc, &alive, &p->alive);
    return rc ? rc : ioc_add(p->ioc, &pv_bad, &p->pv_bad);
}

/* ---- set-up
 * ------------------------------------------------------------------------------------- */

static void set_names(struct publisher *p)
{
    struct points_source source = {.dims = p->dims, .devices = p->devices};
    for (size_t i = 0; i < points_count(); i++) {
        const struct point_def *point = points_at(i);
        for (size_t k = 0; point->kind == POINT_KIND_NAMES && k < point_length(point, &p->dims);
             k++) {
            ioc_set_name(p->ioc, p->handle[i], k, point_element_name(point, &source, k));
        }
    }
    ioc_publish(p->ioc, GROUP_STATUS, clock_utc_ns());
}

static enum rc make_buffers(struct publisher *p)
{
    size_t longest = dims_n_row(&p->dims) + dims_n_col(&p->dims);
    p->handle = calloc(points_count(), sizeof *p->handle);
    p->scratch = calloc(longest, sizeof *p->scratch);
    p->snapshot = calloc(1, snapshot_size_b(&p->dims));
    if (!p->handle || !p->scratch || !p->snapshot) {
        return err_set(RC_NOMEM, "no memory for publishing");
    }
    return RC_OK;
}

enum rc publisher_create(struct publisher **publisher, const struct devices *devices,
                         const struct cfg *cfg, const char *socket_path)
{
    struct publisher *p = calloc(1, sizeof *p);
    *publisher = p;
    if (!p) {
        return err_set(RC_NOMEM, "no memory for publishing");
    }
    p->devices = devices;
    p->cfg = cfg;
    p->dims = (struct orbit_dims){devices->n_bpm, devices->n_h, devices->n_v, devices->n_rf};
    link_init(&p->command_link, &(struct link_spec){.program = "orbit-epics",
                                                    .socket_path = socket_path,
                                                    .role = ROLE_OBSERVER,
                                                    .name = "orbit-epics-command",
                                                    .device_hash = devices_hash(devices)});
    enum rc rc = make_buffers(p);
    rc = rc ? rc : ioc_create(&p->ioc);
    for (size_t i = 0; i < points_count() && rc == RC_OK; i++) {
        rc = add_point(p, points_at(i), &p->handle[i]);
    }
    return rc ? rc : add_own_points(p);
}

void publisher_print(const struct publisher *p, FILE *stream)
{
    ioc_print_records(p->ioc, p->cfg->epics_prefix, stream);
}

enum rc publisher_start(struct publisher *p, struct ioc_place *place)
{
    *place = (struct ioc_place){.interface = p->cfg->epics_interface,
                                .prefix = p->cfg->epics_prefix,
                                .ca_port = (int) p->cfg->epics_ca_port,
                                .pva_port = (int) p->cfg->epics_pva_port};
    set_names(p);
    return ioc_start(p->ioc, place);
}

void publisher_destroy(struct publisher *p)
{
    if (!p) {
        return;
    }
    ioc_stop(p->ioc);
    link_close(&p->command_link);
    free(p->handle);
    free(p->scratch);
    free(p->snapshot);
    free(p);
}

/* ---- publishing
 * --------------------------------------------------------------------------------- */

static bool is_text(const struct point_def *point)
{
    return point->kind == POINT_KIND_TEXT;
}

/* Correctors at their limits are worth a look while the others make up for them. */
static enum ioc_severity severity_of(const struct point_def *point, const double *value)
{
    return strcmp(point->name, "N:SATURATED") == 0 && value[0] > 0 ? IOC_MINOR : IOC_OK;
}

static void publish_point(struct publisher *p, const struct point_def *point, int handle,
                          const struct points_source *source)
{
    static _Thread_local char text[ORBIT_TEXT_SIZE];
    enum rc rc = is_text(point) ? point_read_text(point, source, text, sizeof text)
                                : point_read(point, source, p->scratch);
    if (rc == RC_OK && is_text(point)) {
        ioc_set_text(p->ioc, handle, text);
    } else if (rc == RC_OK) {
        ioc_set_real(p->ioc, handle, p->scratch, point_length(point, &p->dims));
    }
    bool good = rc == RC_OK && p->fresh && point_has_ground(point, source);
    enum ioc_severity severity = good ? severity_of(point, p->scratch) : IOC_INVALID;
    ioc_set_severity(p->ioc, handle, severity);
}

static void publish_group(struct publisher *p, unsigned group,
                          const struct points_source *source, int64_t t_utc_ns)
{
    for (size_t i = 0; i < points_count(); i++) {
        const struct point_def *point = points_at(i);
        if (p->handle[i] >= 0 && group_of(point) == group && point->kind != POINT_KIND_NAMES) {
            publish_point(p, point, p->handle[i], source);
        }
    }
    ioc_publish(p->ioc, group, t_utc_ns);
}

/* A snapshot is fresh for three publish periods, but at least for five of the loop's. */
static int64_t fresh_limit_ns(const struct publisher *p, struct client *client)
{
    int64_t publish_ns = (int64_t) (3e9 / p->cfg->epics_publish_hz);
    int64_t loop_ns = 5 * (int64_t) status_load(&client_status(client)->period_ns);
    return publish_ns > loop_ns ? publish_ns : loop_ns;
}

static void read_blocks(struct publisher *p, struct client *client,
                        struct points_source *source)
{
    if (!client) {
        return;
    }
    source->status = client_status(client);
    if (client_read_snapshot(client, p->snapshot)) {
        const struct snapshot_head *head = p->snapshot;
        source->snapshot = p->snapshot;
        p->fresh = source->now_ns - head->t_mono_ns <= fresh_limit_ns(p, client);
    }
    if (client_read_text(client, &p->text)) {
        source->text = &p->text;
    }
}

/* Time of the cycle, as long as it advances; archivers drop samples whose time does not. */
static int64_t cycle_time_ns(struct publisher *p, const struct points_source *source)
{
    const struct snapshot_head *head = source->snapshot;
    if (p->fresh && head && head->t_utc_ns > p->last_cycle_utc_ns) {
        p->last_cycle_utc_ns = head->t_utc_ns;
        return head->t_utc_ns;
    }
    int64_t now_ns = clock_utc_ns();
    p->last_cycle_utc_ns = now_ns > p->last_cycle_utc_ns ? now_ns : p->last_cycle_utc_ns + 1;
    return p->last_cycle_utc_ns;
}

static void publish_phases(struct publisher *p, struct client *client,
                           struct points_source *source)
{
    if (source->now_ns < p->next_phase_ns) {
        return;
    }
    p->next_phase_ns = source->now_ns + NS_PER_S;
    for (int phase = 0; client && phase < PHASE_COUNT; phase++) {
        client_copy_phase(client, (enum phase) phase, &p->phase[phase]);
    }
    source->phase = client ? p->phase : NULL;
    publish_group(p, GROUP_PHASE, source, clock_utc_ns());
}

void publisher_step(struct publisher *p, struct client *client, size_t n_bad)
{
    struct points_source source = {
        .dims = p->dims, .devices = p->devices, .now_ns = clock_mono_ns()};
    p->fresh = false;
    read_blocks(p, client, &source);
    publish_group(p, GROUP_CYCLE, &source, cycle_time_ns(p, &source));
    int64_t alive = p->fresh, bad = (int64_t) n_bad;
    ioc_set_integer(p->ioc, p->alive, &alive, 1);
    ioc_set_integer(p->ioc, p->pv_bad, &bad, 1);
    if (p->fresh) {
        int64_t state = (int64_t) status_load(&source.status->state);
        ioc_set_integer(p->ioc, p->mode, &state, 1);
    }
    publish_group(p, GROUP_STATUS, &source, clock_utc_ns());
    publish_phases(p, client, &source);
}
