#include "rt/manager/event_log.h"

#include <stdio.h>

#include "rt/base/clock.h"
#include "rt/shm/event.h"

enum { LATE_EVERY_NS = NS_PER_S, MOST_AT_ONCE = 1000 };

enum rc event_log_open(struct event_log *log, const struct machine *machine)
{
    *log = (struct event_log){.next = 1};
    return slot_reader_attach(&log->reader, &machine->shared[SEG_EVENT],
                              sizeof(struct event_record));
}

static void add_late(struct event_log *log, const struct event_record *event)
{
    log->late++;
    log->late_skipped += event->arg[0];
    log->late_ns = event->arg[1] > log->late_ns ? event->arg[1] : log->late_ns;
}

static void tell_late(struct event_log *log, int64_t now_ns)
{
    if (log->late)
        fprintf(stderr,
                "orbitd: late: %llu events, %llu points skipped, the worst by %.1f us\n",
                (unsigned long long) log->late, (unsigned long long) log->late_skipped,
                (double) log->late_ns * 1e-3);
    log->late = log->late_skipped = log->late_ns = 0;
    log->late_told_ns = now_ns;
}

static void tell(const struct machine *m, const struct event_record *event)
{
    char text[512], offender[128] = "";
    uint64_t index;
    enum event_offender who = event_offender(event, &index);
    int source = event_source(event);
    struct event_names names = {
        .source = source >= 0 ? machine_source_name(m, (uint64_t) source) : "",
        .offender = offender};

    if (who != EVENT_OFFENDER_NONE)
        devices_describe(&m->devices, who == EVENT_OFFENDER_ROW, index, offender,
                         sizeof offender);
    event_text(event, &names, text, sizeof text);
    fprintf(stderr, "orbitd: cycle %llu: %s\n", (unsigned long long) event->cycle, text);
}

void event_log_drain(struct event_log *log, const struct machine *machine, bool last)
{
    struct event_record event;
    uint64_t lost = 0;
    int64_t now_ns = clock_mono_ns();

    for (int n = 0; (last || n < MOST_AT_ONCE) &&
                    slot_reader_read_next(&log->reader, &log->next, &event, &lost);
         n++) {
        if (event.kind == EVENT_LATE)
            add_late(log, &event);
        else
            tell(machine, &event);
    }
    if (last || now_ns - log->late_told_ns >= LATE_EVERY_NS)
        tell_late(log, now_ns);
    if (lost == 0)
        return;
    log->lost += lost;
    __atomic_store_n(&machine->status->counter[COUNTER_EVENTS_LOST], log->lost,
                     __ATOMIC_RELAXED);
    fprintf(stderr, "orbitd: %llu events were overwritten before they were read\n",
            (unsigned long long) lost);
}
