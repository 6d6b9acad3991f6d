/* orbitctl timing: how long the phases of a cycle take, and which cycles took longest. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "rt/base/clock.h"
#include "rt/shm/slow_cycle.h"

/* In the order of a cycle. */
static const struct {
    enum phase phase;
    const char *name;
} columns[] = {{PHASE_WAKE, "wake"},       {PHASE_INGEST, "ingest"},
               {PHASE_CORRECT, "correct"}, {PHASE_PREDICT, "predict"},
               {PHASE_PUBLISH, "publish"}, {PHASE_CYCLE, "cycle"}};

static const struct {
    double percent;
    const char *title, *field;
} levels[] = {{50, "p50", "p50_us"},
              {99, "p99", "p99_us"},
              {99.9, "p99.9", "p99_9_us"},
              {100, "max", "max_us"}};

enum {
    N_COLUMN = sizeof columns / sizeof columns[0],
    N_LEVEL = sizeof levels / sizeof levels[0]
};

static double level_us(const struct session *session, int column, int level)
{
    const struct hist *hist = &session->phase[columns[column].phase];

    return (double) hist_percentile(hist, levels[level].percent) * 1e-3;
}

static void timer_word(const struct session *session, char *word, size_t size)
{
    const struct point_def *point = point_by_name("TIMER");

    if (!point || point_read_text(point, &session->points, word, size) != RC_OK)
        snprintf(word, size, "?");
}

/* ---- text ---------------------------------------------------------------------------- */

static void print_worst(const struct slow_cycle *worst, unsigned n)
{
    char utc[40];

    printf("\n%-20s %-26s %8s", "worst cycles", "UTC", "skipped");
    for (int i = 0; i < N_COLUMN; i++)
        printf(" %9s", columns[i].name);
    puts("  us");
    for (unsigned k = 0; k < n; k++) {
        ctl_utc_text(worst[k].t_utc_ns, utc, sizeof utc);
        printf("%-20" PRIu64 " %-26s %8" PRIu64, worst[k].cycle, utc, worst[k].skipped);
        for (int i = 0; i < N_COLUMN; i++)
            printf(" %9.2f", (double) worst[k].phase_ns[columns[i].phase] * 1e-3);
        putchar('\n');
    }
}

static void print_text(const struct session *session, const struct slow_cycle *worst,
                       unsigned n)
{
    const struct status_block *status = client_status(session->client);
    uint64_t since = status_load(&status->timing_reset_cycle);
    uint64_t period_ns = status_load(&status->period_ns);
    char timer[32];

    timer_word(session, timer, sizeof timer);
    printf("timer %s, %.6g Hz; ", timer, period_ns ? 1e9 / (double) period_ns : 0.0);
    if (since)
        printf("since the reset at cycle %" PRIu64 "\n\n", since);
    else
        puts("since the start\n");
    printf("%-8s %12s", "phase", "count");
    for (int level = 0; level < N_LEVEL; level++)
        printf(" %9s", levels[level].title);
    puts("  us");
    for (int i = 0; i < N_COLUMN; i++) {
        printf("%-8s %12" PRIu64, columns[i].name, session->phase[columns[i].phase].count);
        for (int level = 0; level < N_LEVEL; level++)
            printf(" %9.2f", level_us(session, i, level));
        putchar('\n');
    }
    print_worst(worst, n);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *phases_json(const struct session *session)
{
    json_t *phases = json_object();

    for (int i = 0; i < N_COLUMN; i++) {
        const struct hist *hist = &session->phase[columns[i].phase];
        json_t *one = json_pack("{s:I}", "count", (json_int_t) hist->count);

        for (int level = 0; level < N_LEVEL; level++)
            json_object_set_new(one, levels[level].field,
                                json_real(level_us(session, i, level)));
        json_object_set_new(phases, columns[i].name, one);
    }
    return phases;
}

static json_t *worst_json(const struct slow_cycle *worst, unsigned n)
{
    json_t *list = json_array();
    char utc[40];

    for (unsigned k = 0; k < n; k++) {
        json_t *one = json_object();

        ctl_utc_text(worst[k].t_utc_ns, utc, sizeof utc);
        json_object_set_new(one, "cycle", json_integer((json_int_t) worst[k].cycle));
        json_object_set_new(one, "utc", json_string(utc));
        json_object_set_new(one, "skipped", json_integer((json_int_t) worst[k].skipped));
        for (int i = 0; i < N_COLUMN; i++) {
            char field[24];

            snprintf(field, sizeof field, "%s_us", columns[i].name);
            json_object_set_new(one, field,
                                json_real((double) worst[k].phase_ns[columns[i].phase] * 1e-3));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static void print_json(const struct session *session, const struct slow_cycle *worst,
                       unsigned n)
{
    const struct status_block *status = client_status(session->client);
    uint64_t period_ns = status_load(&status->period_ns);
    char timer[32];
    json_t *root;

    timer_word(session, timer, sizeof timer);
    root = json_pack("{s:s, s:f, s:I, s:o, s:o}", "timer", timer, "rate_hz",
                     period_ns ? 1e9 / (double) period_ns : 0.0, "reset_cycle",
                     (json_int_t) status_load(&status->timing_reset_cycle), "phases",
                     phases_json(session), "worst", worst_json(worst, n));
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
}

int command_timing(struct ctl *ctl)
{
    static struct session session;
    struct slow_cycle worst[ORBIT_WORST_CYCLES];
    int code = CTL_DONE;
    unsigned n;
    enum rc rc;

    if (args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    if (!session_open(&session, ctl, &code))
        return code;
    rc = session_read(&session);
    n = rc == RC_OK ? slow_cycles_read(client_status(session.client), worst) : 0;
    if (rc != RC_OK)
        code = ctl_fail(rc);
    else if (ctl->json)
        print_json(&session, worst, n);
    else
        print_text(&session, worst, n);
    session_close(&session);
    return code;
}
