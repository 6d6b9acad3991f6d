#include "io/gateway/faults.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"

enum { MAX_NAMES = 5 };

#define HOLD_MIN_NS (2 * NS_PER_S)
#define HOLD_MAX_NS (60 * NS_PER_S)

struct thing {
    char *name;
    unsigned now, said; /* kinds */
    unsigned changes;   /* since the last report */
    int64_t hold_ns, quiet_until_ns;
};

struct faults {
    const char *what; /* begins a line */
    const char *const *words;
    unsigned n_kind;
    struct thing *thing;
    size_t n, room;
    size_t n_dirty; /* things with changes: nothing to do while 0 */
};

enum rc faults_create(struct faults **faults, const char *what, const char *const *words,
                      unsigned n_kind)
{
    *faults = calloc(1, sizeof **faults);
    if (!*faults) {
        return err_set(RC_NOMEM, "no memory for messages");
    }
    **faults = (struct faults){.what = what, .words = words, .n_kind = n_kind};
    return RC_OK;
}

void faults_destroy(struct faults *faults)
{
    if (!faults) {
        return;
    }
    for (size_t i = 0; i < faults->n; i++) {
        free(faults->thing[i].name);
    }
    free(faults->thing);
    free(faults);
}

enum rc faults_add(struct faults *faults, const char *name, size_t *index)
{
    if (faults->n == faults->room) {
        size_t room = faults->room ? 2 * faults->room : 64;
        struct thing *thing = realloc(faults->thing, room * sizeof *thing);
        if (!thing) {
            return err_set(RC_NOMEM, "no memory for messages");
        }
        faults->thing = thing;
        faults->room = room;
    }
    char *copy = strdup(name);
    if (!copy) {
        return err_set(RC_NOMEM, "no memory for messages");
    }
    faults->thing[faults->n] = (struct thing){.name = copy, .hold_ns = HOLD_MIN_NS};
    *index = faults->n++;
    return RC_OK;
}

void faults_note(struct faults *faults, size_t index, unsigned kind)
{
    struct thing *thing = &faults->thing[index];
    if (thing->now == kind) {
        return;
    }
    faults->n_dirty += thing->changes == 0;
    thing->now = kind;
    thing->changes++;
}

size_t faults_count(const struct faults *faults)
{
    size_t n = 0;
    for (size_t i = 0; i < faults->n; i++) {
        n += faults->thing[i].now != 0;
    }
    return n;
}

static bool is_due(const struct thing *thing, unsigned kind, int64_t now_ns)
{
    return thing->changes && thing->now == kind && now_ns >= thing->quiet_until_ns;
}

/* Flapping things are heard less and less often, calm ones at once. */
static void settle(struct faults *faults, struct thing *thing, int64_t now_ns)
{
    bool calm = now_ns >= thing->quiet_until_ns + 4 * thing->hold_ns;
    thing->hold_ns = calm ? HOLD_MIN_NS : 2 * thing->hold_ns;
    if (thing->hold_ns > HOLD_MAX_NS) {
        thing->hold_ns = HOLD_MAX_NS;
    }
    thing->quiet_until_ns = now_ns + thing->hold_ns;
    thing->said = thing->now;
    thing->changes = 0;
    faults->n_dirty--;
}

/* A thing that was wrong and is back before anybody was told needs no words, unless it does so
 * often. */
static bool worth_saying(const struct thing *thing)
{
    return thing->now != thing->said || thing->changes > 2;
}

static void report_kind(struct faults *faults, unsigned kind, int64_t now_ns, FILE *stream)
{
    size_t n = 0, changes = 0;
    for (size_t i = 0; i < faults->n; i++) {
        struct thing *thing = &faults->thing[i];
        if (!is_due(thing, kind, now_ns)) {
            continue;
        }
        if (worth_saying(thing)) {
            if (n < MAX_NAMES) {
                fprintf(stream, "%s%s", n ? ", " : faults->what, thing->name);
            }
            n++;
            changes += thing->changes;
        }
        settle(faults, thing, now_ns);
    }
    if (n > MAX_NAMES) {
        fprintf(stream, " and %zu more", n - MAX_NAMES);
    }
    if (n) {
        fprintf(stream, ": %s", faults->words[kind]);
        fprintf(stream, changes > n ? " (%zu changes)\n" : "\n", changes);
    }
}

void faults_report(struct faults *faults, int64_t now_ns, FILE *stream)
{
    if (faults->n_dirty == 0) {
        return;
    }
    for (unsigned kind = 0; kind < faults->n_kind; kind++) {
        report_kind(faults, kind, now_ns, stream);
    }
    fflush(stream);
}
