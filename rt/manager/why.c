#include "rt/manager/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rt/base/attr.h"
#include "rt/loop/state.h"

enum offender_kind { offender_none, offender_row, offender_col };

static const struct {
    enum offender_kind kind;
    const char *wrong, *remedy;
} words[COND_COUNT] = {
#define CONDITION(id, clock, count, effect, offends, wrong, remedy)                            \
    [COND_##id] = {offender_##offends, wrong, remedy},
#include "rt/loop/conditions.def"
#undef CONDITION
};

struct writer {
    char *text;
    size_t size, used;
};

static PRINTF_LIKE(2, 3) void put(struct writer *out, const char *format, ...)
{
    va_list args;
    int n;

    if (out->used >= out->size)
        return;
    va_start(args, format);
    n = vsnprintf(out->text + out->used, out->size - out->used, format, args);
    va_end(args);
    out->used += n > 0 ? (size_t) n : 0;
    if (out->used >= out->size && out->size > 4)
        memcpy(out->text + out->size - 4, "...", 4);
}

static void put_offender(struct writer *out, enum offender_kind kind, uint64_t offender,
                         const struct devices *devices)
{
    bool row = kind == offender_row;
    char name[DEVICE_NAME_SIZE + DEVICE_PV_SIZE + 16];

    if (kind == offender_none ||
        offender >= (row ? 2 * devices->n_bpm : devices->n_h + devices->n_v))
        return;
    devices_describe(devices, row, offender, name, sizeof name);
    put(out, " (%s)", name);
}

/* Only the first condition in the loop's order of judgement has the offender; the others go
 * without. */
static enum condition first_with_offender(uint64_t conditions)
{
    static const struct {
        enum condition condition;
        enum offender_kind kind;
    } order[] = {
#define CONDITION(id, clock, count, effect, offends, wrong, remedy)                            \
    {COND_##id, offender_##offends},
#include "rt/loop/conditions.def"
#undef CONDITION
    };

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (order[i].kind != offender_none && conditions & 1ULL << order[i].condition)
            return order[i].condition;
    return COND_COUNT;
}

static void put_conditions(struct writer *out, uint64_t conditions, uint64_t offender,
                           const struct devices *devices, const char *separator)
{
    enum condition named = first_with_offender(conditions);
    const char *between = "";

    for (unsigned c = 0; c < COND_COUNT; c++) {
        if (!(conditions & 1ULL << c))
            continue;
        put(out, "%s%s", between, words[c].wrong);
        if (c == named)
            put_offender(out, words[c].kind, offender, devices);
        put(out, ": %s", words[c].remedy);
        between = separator;
    }
}

/* Not a condition: the loop may close and stay closed on the timer. */
static void put_timer(struct writer *out, enum timer_mode timer)
{
    if (timer == TIMER_FALLBACK)
        put(out,
            "%scycles start by the timer (loop.timer is external): frames of the first BPM "
            "source come late or not at all, check it and loop.rate_hz",
            out->used && out->text[out->used - 1] != '\n' ? "\n" : "");
}

/* What correctors do now that the loop is not closed any more. */
static void put_correctors(struct writer *out, const struct why_facts *facts)
{
    static const char *const does[] = {"hold", "go back to their set points at closing",
                                       "go to zero"};

    if (facts->state == STATE_TRIPPED && facts->arm_id != 0)
        put(out,
            "the loop still writes: slow correctors %s (trip.slow), fast ones %s (trip.fast); "
            "orbitctl mode hold stops them\n",
            does[facts->at_trip[0]], does[facts->at_trip[1]]);
    else if (facts->state == STATE_TRIPPED || facts->state == STATE_HOLD)
        put(out, "correctors stay where they are, the loop writes nothing\n");
}

static void put_state(struct writer *out, const struct why_facts *facts,
                      const struct devices *devices)
{
    if (facts->cause) {
        put(out, "cause of %s: ", state_name(facts->state));
        put_conditions(out, facts->cause, facts->cause_offender, devices, "; ");
        put(out, "\n");
    } else if (facts->state == STATE_HOLD) {
        put(out, "held by the operator: orbitctl mode arm, then closed\n");
    }
    if (facts->state == STATE_TRIPPED)
        put(out, "tripped: orbitctl reset when the cause is gone\n");
    put_correctors(out, facts);
    if (facts->unmet)
        put_conditions(out, facts->unmet, facts->unmet_offender, devices, "\n");
    else if (facts->state == STATE_ARMED)
        put(out, "nothing is missing: orbitctl mode closed");
}

void why_write(const struct why_facts *facts, const struct devices *devices, char *text,
               size_t size)
{
    struct writer out = {.text = text, .size = size};

    text[0] = '\0';
    if (facts->state == STATE_CLOSED)
        put(&out, "closed");
    else
        put_state(&out, facts, devices);
    put_timer(&out, facts->timer);
}

void why_list(uint64_t conditions, uint64_t offender, const struct devices *devices, char *text,
              size_t size)
{
    struct writer out = {.text = text, .size = size};

    text[0] = '\0';
    put_conditions(&out, conditions, offender, devices, "; ");
}
