/* What happened to the loop, in words; the records themselves are in layout.h.
 *
 * Every reader of SEG_EVENT tells events alike: the manager in the journal, orbitctl on the
 * terminal. Any thread; not for the loop.
 */
#ifndef ORBIT_RT_SHM_EVENT_H
#define ORBIT_RT_SHM_EVENT_H

#include <stddef.h>

#include "rt/shm/layout.h"

/* Whose name arg[2] .. arg[3] ask for. */
enum event_offender { EVENT_OFFENDER_NONE, EVENT_OFFENDER_ROW, EVENT_OFFENDER_COL };

/* Names that the record knows by index only; empty: the index is printed, or nothing. */
struct event_names {
    const char *source, *offender;
};

/* "state", "late", ...: for programs. */
const char *event_kind_name(uint64_t kind);

/* Index of the source it is about, or -1. */
int event_source(const struct event_record *event);

/* Whether its first offender is a row or a column, and which. */
enum event_offender event_offender(const struct event_record *event, uint64_t *index);

/* One line without its time; always terminated. */
void event_text(const struct event_record *event, const struct event_names *names, char *text,
                size_t size);

#endif
