/* orbitctl events: what happened to the loop. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "io/ctl/ctl.h"
#include "io/ctl/session.h"
#include "rt/base/clock.h"
#include "rt/shm/event.h"

struct listing {
    bool follow, json;
    double count; /* <= 0: no limit */
    uint64_t next, lost;
};

enum { LOOK_EVERY_NS = 100000000 };

static const char *source_name(const struct session *session, int source)
{
    const struct cfg *cfg = &session->cfg;

    if (source < 0 || (size_t) source > cfg->source_bpm.count)
        return "";
    return (size_t) source < cfg->source_bpm.count ? cfg->source_bpm.name[source]
                                                   : cfg->source_actuator;
}

static void describe(const struct session *session, const struct event_record *event,
                     char *text, size_t size)
{
    char offender[128] = "";
    uint64_t index;
    enum event_offender who = event_offender(event, &index);
    struct event_names names = {.source = source_name(session, event_source(event)),
                                .offender = offender};

    if (who != EVENT_OFFENDER_NONE && session->points.devices)
        devices_describe(session->points.devices, who == EVENT_OFFENDER_ROW, index, offender,
                         sizeof offender);
    event_text(event, &names, text, size);
}

static void print_json(const struct event_record *event, uint64_t number, const char *utc,
                       const char *text)
{
    json_t *root = json_pack("{s:I, s:s, s:I, s:s, s:s}", "number", (json_int_t) number, "utc",
                             utc, "cycle", (json_int_t) event->cycle, "event",
                             event_kind_name(event->kind), "text", text);

    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

static void print_event(const struct session *session, const struct listing *listing,
                        const struct event_record *event)
{
    char text[512], utc[40];
    uint64_t number = listing->next - 1;

    describe(session, event, text, sizeof text);
    ctl_utc_text(event->t_utc_ns, utc, sizeof utc);
    if (listing->json)
        print_json(event, number, utc, text);
    else
        printf("%s  %" PRIu64 "  %s\n", utc, event->cycle, text);
}

/* Those overwritten before this command looked are not its loss; those after are. */
static void print_loss(const struct listing *listing, uint64_t lost, bool first)
{
    if (lost == 0)
        return;
    if (listing->json)
        printf("{\"event\":\"%s\",\"count\":%" PRIu64 "}\n", first ? "forgotten" : "lost",
               lost);
    else
        printf("%" PRIu64 " events %s\n", lost,
               first ? "before these are not kept any more" : "were lost");
}

static enum rc list_on(struct session *session, struct listing *listing)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};
    struct event_record event;
    double shown = 0;

    for (bool first = true;;) {
        uint64_t lost = 0;

        if (client_read_event(session->client, &listing->next, &event, &lost)) {
            print_loss(listing, lost, first);
            print_event(session, listing, &event);
            first = false;
            if (++shown == listing->count)
                return RC_OK;
            continue;
        }
        fflush(stdout);
        if (!listing->follow || ferror(stdout))
            return RC_OK;
        if (!client_alive(session->client))
            return err_set(RC_GONE, "orbitd is gone");
        nanosleep(&pause, NULL);
    }
}

int command_events(struct ctl *ctl)
{
    static struct session session;
    struct listing listing = {
        .follow = args_take_flag(&ctl->args, "--follow"), .json = ctl->json, .next = 1};
    int code = CTL_DONE;
    enum rc rc = args_take_number(&ctl->args, "--count", 1, 1e9, &listing.count);

    if (rc != RC_OK || args_finish(&ctl->args, 0, 0) != RC_OK)
        return ctl_usage(ctl);
    if (!session_open(&session, ctl, &code))
        return code;
    rc = session_read(&session);
    if (rc == RC_OK)
        rc = list_on(&session, &listing);
    if (rc != RC_OK)
        code = ctl_fail(rc);
    session_close(&session);
    return code;
}
