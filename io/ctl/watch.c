/* orbitctl watch: quantities of the points table, one line each time. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "io/ctl/values.h"
#include "rt/base/clock.h"

struct watching {
    double rate_hz, count; /* count 0: for ever */
    struct values values;
    bool json;
};

static void print_heading(const struct values *values)
{
    fputs("# cycle", stdout);
    for (unsigned i = 0; i < values->n; i++)
        printf("  %s%s%s", values->point[i]->name, values->point[i]->unit[0] ? "/" : "",
               values->point[i]->unit);
    putchar('\n');
}

static void print_line(const struct watching *watching, const struct points_source *source)
{
    const struct snapshot_head *head = source->snapshot;

    if (watching->json) {
        json_t *root = values_json(&watching->values, source);

        json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
        json_decref(root);
    } else {
        printf("%llu", head ? (unsigned long long) head->cycle : 0);
        for (unsigned i = 0; i < watching->values.n; i++) {
            fputs("  ", stdout);
            value_print_short(stdout, watching->values.point[i], source);
        }
    }
    putchar('\n');
    fflush(stdout);
}

/* Ends when orbitd is gone, the count is reached, or nobody reads any more. */
static enum rc watch_on(struct session *session, const struct watching *watching)
{
    int64_t due_ns = clock_mono_ns();
    enum rc rc = RC_OK;

    if (!watching->json)
        print_heading(&watching->values);
    for (double done = 0; watching->count <= 0 || done < watching->count; done++) {
        struct timespec due = clock_timespec(due_ns);

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
            ;
        rc = session_read(session);
        if (rc != RC_OK || ferror(stdout))
            break;
        print_line(watching, &session->points);
        due_ns += (int64_t) (1e9 / watching->rate_hz);
    }
    return rc;
}

static enum rc take_options(struct ctl *ctl, struct watching *watching)
{
    enum rc rc = args_take_number(&ctl->args, "--rate", 0.01, 100, &watching->rate_hz);

    if (rc == RC_OK)
        rc = args_take_number(&ctl->args, "--count", 1, 1e9, &watching->count);
    return rc == RC_OK ? args_finish(&ctl->args, 1, -1) : rc;
}

int command_watch(struct ctl *ctl)
{
    static struct session session;
    struct watching watching = {.rate_hz = 1, .json = ctl->json};
    int code = CTL_DONE;
    enum rc rc;

    if (take_options(ctl, &watching) != RC_OK)
        return ctl_usage(ctl);
    rc = values_find(&watching.values, ctl->args.count, ctl->args.item);
    if (rc != RC_OK)
        return ctl_fail(rc);
    if (!session_open(&session, ctl, &code))
        return code;
    rc = watch_on(&session, &watching);
    if (rc != RC_OK)
        code = ctl_fail(rc);
    session_close(&session);
    return code;
}
