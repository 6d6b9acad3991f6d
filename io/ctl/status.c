/* orbitctl status: one screen on which an operator sees what is and what is missing. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "io/ctl/values.h"
#include "rt/base/clock.h"

enum { NAMES_SHOWN = 12 };

static const struct {
    enum phase phase;
    const char *name;
} phases[] = {{PHASE_WAKE, "wake"},       {PHASE_INGEST, "ingest"},
              {PHASE_PREDICT, "predict"}, {PHASE_CORRECT, "correct"},
              {PHASE_PUBLISH, "publish"}, {PHASE_CYCLE, "cycle"}};

enum { N_PHASES = sizeof phases / sizeof phases[0] };

static const char *const state_names[] = {"OFF",  "SHADOW",  "ARMED", "CLOSED",
                                          "HOLD", "TRIPPED", "PROBE"};

static const char *state_word(uint64_t state)
{
    return state < STATE_COUNT ? state_names[state] : "?";
}

static double age_ms(int64_t then_ns, int64_t now_ns)
{
    return (double) (now_ns - then_ns) * 1e-6;
}

/* ---- devices with a quality bit ------------------------------------------------------ */

struct device_list {
    const struct points_source *source;
    enum snapshot_vector vector;
    uint64_t bits; /* any of them */
};

static bool listed(const struct device_list *list, uint64_t i)
{
    const uint64_t *bits =
        snapshot_bits(&list->source->dims, list->source->snapshot, list->vector);

    return (bits[i] & list->bits) != 0;
}

static void element_name(const struct device_list *list, uint64_t i, char *name, size_t size)
{
    const struct devices *devices = list->source->devices;
    uint64_t n_bpm = list->source->dims.n_bpm;

    if (list->vector == VEC_ROW_QUALITY && devices)
        snprintf(name, size, "%s %s", devices->bpm[i % n_bpm].name, i < n_bpm ? "x" : "y");
    else if (devices && i < devices->n_h + devices->n_v)
        snprintf(name, size, "%s", devices->corrector[i].name);
    else
        snprintf(name, size, "#%" PRIu64, i);
}

static uint64_t list_length(const struct device_list *list)
{
    return vector_length(&list->source->dims, list->vector);
}

static void print_list(const char *title, const struct device_list *list)
{
    uint64_t n = 0;
    char name[64];

    printf("%-10s", title);
    for (uint64_t i = 0; i < list_length(list); i++) {
        if (!listed(list, i) || n++ >= NAMES_SHOWN)
            continue;
        element_name(list, i, name, sizeof name);
        printf(" %s%s", n > 1 ? ", " : "", name);
    }
    if (n > NAMES_SHOWN)
        printf(", and %" PRIu64 " more", n - NAMES_SHOWN);
    puts(n ? "" : " none");
}

static json_t *list_json(const struct device_list *list)
{
    json_t *json = json_array();
    char name[64];

    for (uint64_t i = 0; i < list_length(list); i++) {
        if (!listed(list, i))
            continue;
        element_name(list, i, name, sizeof name);
        json_array_append_new(json, json_string(name));
    }
    return json;
}

static struct device_list invalid_bpms(const struct points_source *source)
{
    return (struct device_list){source, VEC_ROW_QUALITY,
                                ~(uint64_t) (QUALITY_DISABLED | QUALITY_MASKED)};
}

static struct device_list saturated_correctors(const struct points_source *source)
{
    return (struct device_list){source, VEC_COL_QUALITY, QUALITY_SATURATED};
}

static struct device_list bad_correctors(const struct points_source *source)
{
    return (struct device_list){source, VEC_COL_QUALITY,
                                ~(uint64_t) (QUALITY_DISABLED | QUALITY_SATURATED)};
}

/* ---- text ---------------------------------------------------------------------------- */

/* A text of several lines, indented under its title. */
static void print_block(const char *title, const char *text)
{
    const char *end;

    for (bool more = *text; more; title = "") {
        end = strchrnul(text, '\n');
        printf("%-10s %.*s\n", title, (int) (end - text), text);
        more = *end && end[1];
        text = end + 1;
    }
}

static void print_loop(const struct session *session)
{
    const struct status_block *status = client_status(session->client);
    const uint64_t *count = status->counter;
    int64_t heartbeat_ns = __atomic_load_n(&status->heartbeat_ns, __ATOMIC_RELAXED);
    uint64_t core = status_load(&status->loop_core), period = status_load(&status->period_ns);

    printf("%-10s %.6g Hz", "loop", period ? 1e9 / (double) period : 0);
    if (core == UINT64_MAX)
        printf(", not pinned");
    else
        printf(", core %" PRIu64, core);
    printf(", priority %" PRIu64 ", cycle %" PRIu64 ", %.1f ms ago\n",
           status_load(&status->loop_priority), status_load(&status->heartbeat_cycle),
           age_ms(heartbeat_ns, session->points.now_ns));
    printf("%-10s %" PRIu64 " cycles, %" PRIu64 " late events, %" PRIu64
           " points skipped, %" PRIu64 " law steps, %" PRIu64 " holds, %" PRIu64 " trips\n",
           "counts", status_load(&count[COUNTER_CYCLES]), status_load(&count[COUNTER_LATE]),
           status_load(&count[COUNTER_SKIPPED]), status_load(&count[COUNTER_LAW_STEPS]),
           status_load(&count[COUNTER_HOLDS]), status_load(&count[COUNTER_TRIPS]));
}

static void print_times(const struct session *session)
{
    printf("%-10s %-8s %10s %10s %10s  us\n", "times", "", "p50", "p99", "max");
    for (int i = 0; i < N_PHASES; i++) {
        const struct hist *hist = &session->phase[phases[i].phase];

        printf("%-10s %-8s %10.2f %10.2f %10.2f\n", "", phases[i].name,
               (double) hist_percentile(hist, 50) * 1e-3,
               (double) hist_percentile(hist, 99) * 1e-3,
               (double) hist_percentile(hist, 100) * 1e-3);
    }
}

static void print_orbit(const struct snapshot_head *head)
{
    printf("%-10s %-8s %10s %10s %10s %10s  um\n", "orbit", "", "rms", "max", "predicted",
           "scored");
    printf("%-10s %-8s %10.2f %10.2f %10.2f %10.2f\n", "", "x", head->rms_x_m * 1e6,
           head->max_x_m * 1e6, head->uncorrectable_x_m * 1e6, head->pred_err_x_m * 1e6);
    printf("%-10s %-8s %10.2f %10.2f %10.2f %10.2f\n", "", "y", head->rms_y_m * 1e6,
           head->max_y_m * 1e6, head->uncorrectable_y_m * 1e6, head->pred_err_y_m * 1e6);
    printf("%-10s full correction %.2f urad rms H, %.2f urad rms V; beam %.3f mA\n", "",
           head->full_h_rad * 1e6, head->full_v_rad * 1e6, head->current_a * 1e3);
}

static const char *source_name(const struct cfg *cfg, size_t i)
{
    return i < cfg->source_bpm.count ? cfg->source_bpm.name[i] : cfg->source_actuator;
}

static const char *const counter_names[SOURCE_COUNTER_COUNT] = {
    [SOURCE_FRAMES] = "frames",       [SOURCE_LOST] = "lost",
    [SOURCE_CONTENT] = "content",     [SOURCE_DATAGRAMS] = "datagrams",
    [SOURCE_SIZE] = "size",           [SOURCE_UNKNOWN] = "unknown",
    [SOURCE_DUPLICATE] = "duplicate", [SOURCE_LATE] = "late",
    [SOURCE_RESTARTS] = "restarts",   [SOURCE_INCOMPLETE] = "incomplete",
    [SOURCE_DROPPED] = "dropped",
};

/* What is not as it should be, and only that. */
static void print_counters(const struct status_block *status, size_t source)
{
    for (unsigned i = SOURCE_LOST; i < SOURCE_COUNTER_COUNT; i++) {
        uint64_t n = status_load(&status->source_counter[source][i]);

        if (n && i != SOURCE_DATAGRAMS)
            printf(", %" PRIu64 " %s", n, counter_names[i]);
    }
}

static void print_sources(const struct session *session)
{
    const struct status_block *status = client_status(session->client);
    const struct snapshot_head *head = session->points.snapshot;

    printf("%-10s", "sources");
    for (size_t i = 0; i <= session->cfg.source_bpm.count && i < ORBIT_MAX_SOURCE; i++) {
        uint64_t generation = status_load(&status->source_generation[i]);

        printf("%s %s %s", i ? ";" : "", source_name(&session->cfg, i),
               generation ? "connected" : "NOT CONNECTED");
        if (i == 0 && head && head->frame_seq)
            printf(", frame %" PRIu64 " is %.1f ms old", head->frame_seq,
                   (double) head->frame_age_ns * 1e-6);
        print_counters(status, i);
    }
    putchar('\n');
}

static void print_devices(const struct points_source *source)
{
    struct device_list invalid = invalid_bpms(source), bad = bad_correctors(source);
    struct device_list saturated = saturated_correctors(source);

    print_list("invalid", &invalid);
    print_list("correctors", &bad);
    print_list("saturated", &saturated);
}

static void print_status(const struct session *session)
{
    const struct status_block *status = client_status(session->client);
    const struct snapshot_head *head = session->points.snapshot;
    time_t started = (time_t) (status->head.run_id / (uint64_t) NS_PER_S);
    struct tm utc;
    char text[32];

    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&started, &utc));
    printf("%-10s %s, started %s UTC\n", "instance", session->cfg.instance, text);
    print_block("verdict", session->text.verdict);
    printf("%-10s %s\n", "state", state_word(status_load(&status->state)));
    print_block("why", session->text.why);
    print_loop(session);
    print_times(session);
    if (head)
        print_orbit(head);
    else
        puts("orbit      no cycle was published yet");
    if (head)
        print_devices(&session->points);
    print_sources(session);
    print_block("model", session->text.model);
    print_block("owner", session->text.owner);
}

/* ---- JSON ---------------------------------------------------------------------------- */

/* JSON has no word for what is not a number. */
static json_t *real_json(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *plane_json(double rms_m, double max_m, double predicted_m, double scored_m)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "rms_um", real_json(rms_m * 1e6), "max_um",
                     real_json(max_m * 1e6), "predicted_rms_um", real_json(predicted_m * 1e6),
                     "prediction_error_rms_um", real_json(scored_m * 1e6));
}

static void add_times(json_t *root, const struct session *session)
{
    json_t *times = json_object();

    for (int i = 0; i < N_PHASES; i++) {
        const struct hist *hist = &session->phase[phases[i].phase];

        json_object_set_new(times, phases[i].name,
                            json_pack("{s:f, s:f, s:f}", "p50_us",
                                      (double) hist_percentile(hist, 50) * 1e-3, "p99_us",
                                      (double) hist_percentile(hist, 99) * 1e-3, "max_us",
                                      (double) hist_percentile(hist, 100) * 1e-3));
    }
    json_object_set_new(root, "times", times);
}

static void add_counters(json_t *root, const struct status_block *status)
{
    static const struct {
        enum counter counter;
        const char *name;
    } names[] = {{COUNTER_CYCLES, "cycles"},
                 {COUNTER_LATE, "late"},
                 {COUNTER_SKIPPED, "skipped"},
                 {COUNTER_FRAMES, "frames"},
                 {COUNTER_FRAMES_LOST, "frames_lost"},
                 {COUNTER_LAW_STEPS, "law_steps"},
                 {COUNTER_HOLDS, "holds"},
                 {COUNTER_TRIPS, "trips"}};
    json_t *counters = json_object();

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(
            counters, names[i].name,
            json_integer((json_int_t) status_load(&status->counter[names[i].counter])));
    json_object_set_new(root, "counters", counters);
}

static void add_orbit(json_t *root, const struct points_source *source)
{
    const struct snapshot_head *head = source->snapshot;
    struct device_list invalid = invalid_bpms(source), bad = bad_correctors(source);
    struct device_list saturated = saturated_correctors(source);

    json_object_set_new(
        root, "x",
        plane_json(head->rms_x_m, head->max_x_m, head->uncorrectable_x_m, head->pred_err_x_m));
    json_object_set_new(
        root, "y",
        plane_json(head->rms_y_m, head->max_y_m, head->uncorrectable_y_m, head->pred_err_y_m));
    json_object_set_new(root, "frame_age_ms", real_json((double) head->frame_age_ns * 1e-6));
    json_object_set_new(root, "frame_seq", json_integer((json_int_t) head->frame_seq));
    json_object_set_new(root, "current_ma", real_json(head->current_a * 1e3));
    json_object_set_new(root, "invalid_bpms", list_json(&invalid));
    json_object_set_new(root, "bad_correctors", list_json(&bad));
    json_object_set_new(root, "saturated", list_json(&saturated));
}

/* name -> what it counted */
static json_t *counters_json(const struct session *session)
{
    const struct status_block *status = client_status(session->client);
    json_t *sources = json_object();

    for (size_t s = 0; s <= session->cfg.source_bpm.count && s < ORBIT_MAX_SOURCE; s++) {
        json_t *source = json_object();

        for (unsigned i = 0; i < SOURCE_COUNTER_COUNT; i++)
            json_object_set_new(
                source, counter_names[i],
                json_integer((json_int_t) status_load(&status->source_counter[s][i])));
        json_object_set_new(sources, source_name(&session->cfg, s), source);
    }
    return sources;
}

static void add_sources(json_t *root, const struct session *session)
{
    const struct status_block *status = client_status(session->client);
    json_t *sources = json_object();

    for (size_t i = 0; i <= session->cfg.source_bpm.count && i < ORBIT_MAX_SOURCE; i++)
        json_object_set_new(sources, source_name(&session->cfg, i),
                            json_boolean(status_load(&status->source_generation[i]) != 0));
    json_object_set_new(root, "connected", sources);
    json_object_set_new(root, "sources", counters_json(session));
}

static void print_json(const struct session *session)
{
    const struct status_block *status = client_status(session->client);
    int64_t heartbeat_ns = __atomic_load_n(&status->heartbeat_ns, __ATOMIC_RELAXED);
    uint64_t period = status_load(&status->period_ns);
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:I, s:f, s:I}", "instance",
                  session->cfg.instance, "state", state_word(status_load(&status->state)),
                  "why", session->text.why, "verdict",
                  status_load(&status->verdict) == VERDICT_REAL_TIME ? "real-time" : "degraded",
                  "verdict_text", session->text.verdict, "model", session->text.model, "owner",
                  session->text.owner, "rate_hz", period ? 1e9 / (double) period : 0, "cycle",
                  (json_int_t) status_load(&status->heartbeat_cycle), "heartbeat_age_ms",
                  age_ms(heartbeat_ns, session->points.now_ns), "revision",
                  (json_int_t) status_load(&status->revision));
    char run[24];

    snprintf(run, sizeof run, "%" PRIu64, status->head.run_id);
    json_object_set_new(root, "run_id", json_string(run)); /* beyond 2^53 */
    add_times(root, session);
    add_counters(root, status);
    add_sources(root, session);
    if (session->points.snapshot)
        add_orbit(root, &session->points);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
}

int command_status(struct ctl *ctl)
{
    static struct session session;
    int code = CTL_DONE;
    enum rc rc;

    if (args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    if (!session_open(&session, ctl, &code))
        return code;
    rc = session_read(&session);
    if (rc != RC_OK)
        code = ctl_fail(rc);
    else if (ctl->json)
        print_json(&session);
    else
        print_status(&session);
    session_close(&session);
    return code;
}
