#include "rt/shm/event.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const char *const kinds[EVENT_KIND_COUNT] = {[EVENT_START] = "start",
                                                    [EVENT_STOP] = "stop",
                                                    [EVENT_STATE] = "state",
                                                    [EVENT_LATE] = "late",
                                                    [EVENT_SOURCE_LOST] = "source lost",
                                                    [EVENT_SOURCE_BACK] = "source back",
                                                    [EVENT_PARAMETERS] = "parameters",
                                                    [EVENT_CLOCK_STEP] = "clock step",
                                                    [EVENT_TIMER] = "timer",
                                                    [EVENT_TIMING_RESET] = "timing reset",
                                                    [EVENT_LIMIT] = "limit"};

static const char *const states[STATE_COUNT] = {"OFF",  "SHADOW",  "ARMED", "CLOSED",
                                                "HOLD", "TRIPPED", "PROBE"};

static const char *const timers[TIMER_MODE_COUNT] = {"sleep", "hybrid", "spin", "external",
                                                     "fallback"};

/* In a few words; WHY has the remedies. */
static const char *const conditions[COND_COUNT] = {[COND_PARAMETERS] = "no parameters",
                                                   [COND_PACE] = "no fresh orbit",
                                                   [COND_BPMS] = "too many invalid BPMs",
                                                   [COND_BEAM] = "no beam",
                                                   [COND_ACTUATORS] = "correctors not valid",
                                                   [COND_ECHO] = "writes not confirmed",
                                                   [COND_ARM_ACK] = "arming not acknowledged",
                                                   [COND_MASTER] = "another master",
                                                   [COND_READBACK] = "readback does not follow",
                                                   [COND_SATURATION] =
                                                       "correctors at their limits",
                                                   [COND_TIMING] = "late too often",
                                                   [COND_ORBIT] = "orbit beyond the trip limit",
                                                   [COND_INHIBIT] = "inhibited too long",
                                                   [COND_CHECK] = "correctors not checked"};

static const char *word(const char *const *words, uint64_t n, uint64_t i)
{
    return i < n && words[i] ? words[i] : "?";
}

const char *event_kind_name(uint64_t kind)
{
    return word(kinds, EVENT_KIND_COUNT, kind);
}

int event_source(const struct event_record *event)
{
    bool about = event->kind == EVENT_SOURCE_LOST || event->kind == EVENT_SOURCE_BACK;

    return about && event->arg[0] < ORBIT_MAX_SOURCE ? (int) event->arg[0] : -1;
}

enum event_offender event_offender(const struct event_record *event, uint64_t *index)
{
    const uint64_t of_rows = 1ULL << COND_BPMS | 1ULL << COND_ORBIT;
    const uint64_t of_cols = 1ULL << COND_ACTUATORS | 1ULL << COND_MASTER |
                             1ULL << COND_READBACK | 1ULL << COND_CHECK;

    *index = event->arg[3];
    if (event->kind == EVENT_LIMIT)
        return EVENT_OFFENDER_COL;
    if (event->kind != EVENT_STATE || *index == UINT64_MAX)
        return EVENT_OFFENDER_NONE;
    /* The loop judges columns before rows: the first offender is theirs. */
    if (event->arg[2] & of_cols)
        return EVENT_OFFENDER_COL;
    return event->arg[2] & of_rows ? EVENT_OFFENDER_ROW : EVENT_OFFENDER_NONE;
}

static void state_text(const struct event_record *event, const struct event_names *names,
                       char *text, size_t size)
{
    size_t used =
        (size_t) snprintf(text, size, "%s -> %s", word(states, STATE_COUNT, event->arg[0]),
                          word(states, STATE_COUNT, event->arg[1]));
    const char *between = ": ";

    for (unsigned c = 0; c < COND_COUNT && used < size; c++) {
        if (!(event->arg[2] & 1ULL << c))
            continue;
        used += (size_t) snprintf(text + used, size - used, "%s%s", between, conditions[c]);
        between = ", ";
    }
    if (names->offender[0] && used < size)
        snprintf(text + used, size - used, ", first %s", names->offender);
}

static void source_text(const struct event_record *event, const struct event_names *names,
                        char *text, size_t size)
{
    char number[24];

    snprintf(number, sizeof number, "%" PRIu64, event->arg[0]);
    if (event->kind == EVENT_SOURCE_BACK)
        snprintf(text, size, "source %s delivers, generation %" PRIu64,
                 names->source[0] ? names->source : number, event->arg[1]);
    else if (event->arg[1] == 0)
        snprintf(text, size, "source %s is disconnected",
                 names->source[0] ? names->source : number);
    else
        snprintf(text, size, "source %s delivers nothing fresh, last frame %.1f ms old",
                 names->source[0] ? names->source : number, (double) event->arg[2] * 1e-6);
}

static void limit_text(const struct event_record *event, const struct event_names *names,
                       char *text, size_t size)
{
    char number[40];

    snprintf(number, sizeof number, "corrector %" PRIu64, event->arg[3]);
    snprintf(text, size, "%s %s", names->offender[0] ? names->offender : number,
             event->arg[0] ? "is at its limit, the others make up for it" : "is used again");
}

void event_text(const struct event_record *event, const struct event_names *names, char *text,
                size_t size)
{
    const uint64_t *arg = event->arg;

    switch (event->kind) {
    case EVENT_START:
        snprintf(text, size, "the loop starts, period %.6g us, timer %s",
                 (double) arg[0] * 1e-3, word(timers, TIMER_MODE_COUNT, arg[1]));
        break;
    case EVENT_STATE:
        state_text(event, names, text, size);
        break;
    case EVENT_LATE:
        snprintf(text, size, "late by %.1f us, %" PRIu64 " points skipped",
                 (double) arg[1] * 1e-3, arg[0]);
        break;
    case EVENT_SOURCE_LOST:
    case EVENT_SOURCE_BACK:
        source_text(event, names, text, size);
        break;
    case EVENT_PARAMETERS:
        snprintf(text, size, "parameter set %" PRIu64 " in use, was %" PRIu64, arg[1], arg[0]);
        break;
    case EVENT_LIMIT:
        limit_text(event, names, text, size);
        break;
    case EVENT_CLOCK_STEP:
        snprintf(text, size, "UTC stepped by %.6f s", (double) (int64_t) arg[0] * 1e-9);
        break;
    case EVENT_TIMER:
        snprintf(text, size, "cycles start by %s, was %s",
                 word(timers, TIMER_MODE_COUNT, arg[1]),
                 word(timers, TIMER_MODE_COUNT, arg[0]));
        break;
    default:
        snprintf(text, size, "%s", event_kind_name(event->kind));
        break;
    }
}
