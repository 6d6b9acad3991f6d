/* An EPICS IOC (Channel Access and PV Access) whose records are made from a table at run time.
 *
 *   ioc_create -> ioc_add ... ioc_add -> ioc_start -> { ioc_set_* ..., ioc_publish } ... ->
 * ioc_stop
 *
 * EPICS keeps its database in globals: one IOC a process. Block the process's signals before
 * ioc_start (EPICS starts about 35 threads, which inherit mask and affinity). ioc_create gives
 * up the right to real-time scheduling and locked memory, because EPICS would use it for all of
 * its threads; call it before anything else of EPICS. Nothing here is for the loop.
 *
 * Values go out in groups. ioc_set_* fill a point's staging buffer, ioc_publish takes the
 * staging of one group over at once and processes the group's records in the caller's thread,
 * so that one publish is one time stamp and one consistent set. One thread at a time publishes
 * a given group; ioc_set_* may be called from any thread.
 *
 * Records by type: real ai/ao, waveform of DOUBLE for n > 1; integer int64in/int64out, waveform
 * of LONG for n > 1 (the low 32 bits); text of less than 40 bytes stringin/stringout, longer a
 * waveform of CHAR
 * (`caget -S NAME`); choice mbbi/mbbo; names a waveform of STRING. Arrays, and points with
 * `always`, post a monitor at every publish, changed or not.
 */
#ifndef ORBIT_IO_EPICS_IOC_IOC_H
#define ORBIT_IO_EPICS_IOC_IOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rt/base/rc.h"

enum {
    IOC_MAX_CHOICE = 16,
    IOC_MAX_GROUP = 8,
    IOC_NAME_SIZE = 61,       /* prefix and name, with the final zero */
    IOC_SHORT_TEXT_SIZE = 40, /* longest stringin/stringout, with the final zero */
    IOC_STRING_SIZE = 40      /* one element of names, with the final zero */
};

struct ioc;

enum ioc_type { IOC_REAL, IOC_INTEGER, IOC_TEXT, IOC_CHOICE, IOC_NAMES };

enum ioc_severity { IOC_OK, IOC_MINOR, IOC_MAJOR, IOC_INVALID };

/* What somebody put, and what the put callback may change (a clamped value is shown to
 * everybody). */
struct ioc_value {
    enum ioc_type type;
    size_t n;         /* elements in real or integer */
    double *real;     /* IOC_REAL: [n] */
    int64_t *integer; /* IOC_INTEGER: [n]; IOC_CHOICE: [1], index of the choice */
    char *text;       /* IOC_TEXT: zero-terminated */
    size_t text_size; /* of its buffer */
};

/* Takes a put. RC_OK accepts; any other code refuses: the record gets WRITE alarm, INVALID, and
 * the record goes back to its last accepted value. The put completes (`caput -c`) when this
 * returns. The text of a refusal is the callee's to publish. */
typedef enum rc (*ioc_put_fn)(void *context, struct ioc_value *value);

/* low >= high: no limits. */
struct ioc_limits {
    double low, high;
};

/* One PV. Everything is copied by ioc_add; zero and NULL are good defaults. */
struct ioc_point {
    const char *name; /* without the prefix */
    enum ioc_type type;
    size_t n;         /* elements; IOC_TEXT: bytes with the final zero; 0 means 1 */
    const char *unit; /* EGU, at most 15 bytes */
    int prec;
    const char *desc;           /* at most 40 bytes are shown */
    struct ioc_limits display;  /* HOPR, LOPR */
    struct ioc_limits drive;    /* writable: DRVH, DRVL; puts are clamped */
    struct ioc_limits warn;     /* beyond: MINOR */
    struct ioc_limits alarm;    /* beyond: MAJOR */
    double deadband;            /* monitors: MDEL; < 0 posts always */
    const char *const *choices; /* IOC_CHOICE: n_choice names of at most 25 bytes */
    const enum ioc_severity *choice_severity; /* [n_choice], or NULL */
    size_t n_choice;
    ioc_put_fn put;  /* NULL: read-only */
    void *context;   /* for put */
    bool put_blocks; /* put may wait: it runs in the library's put thread, the record is busy
                        meanwhile; else it runs in the CA server's thread and must return at
                        once */
    double
        initial; /* IOC_REAL, IOC_INTEGER, IOC_CHOICE: value before the first publish or put */
    const char *initial_text;
    unsigned group; /* 0 ... IOC_MAX_GROUP - 1 */
    bool always;    /* post a monitor at every publish, changed or not */
    bool fixed; /* set before ioc_start, never again: processed once at start (names, revisions)
                 */
    const char
        *structure; /* PVA: also a field of this group PV (prefix goes in front), with ... */
    const char
        *field; /* ... this name. Fields of one structure must be of one group; they are
                   processed under one lock, so that pvget never sees two publishes mixed */
};

/* Makes an empty IOC. RC_STATE: this process has one already. */
MUST_USE enum rc ioc_create(struct ioc **ioc);

/* Adds a point; the handle (0, 1, ...) goes to *handle unless NULL. RC_INPUT: bad or duplicate
 * name, bad size, wrong choices; RC_STATE: already started; RC_NOMEM. */
MUST_USE enum rc ioc_add(struct ioc *ioc, const struct ioc_point *point, int *handle);

/* Where to serve. Ports 0 mean free ones; the real ones are left here by ioc_start. */
struct ioc_place {
    const char *interface; /* address, e.g. "127.0.0.1" */
    const char *prefix;
    int ca_port;  /* UDP search and TCP */
    int pva_port; /* UDP search and TCP */
};

/* Sets the EPICS_CAS_* and EPICS_PVAS_* environment (beacons to loopback only), loads the
 * records and starts the servers (about 0.6 s). Refuses if any record does not initialise.
 * RC_SYS, RC_INPUT. */
MUST_USE enum rc ioc_start(struct ioc *ioc, struct ioc_place *place);

/* Prints the records as text (a .db file). */
void ioc_print_records(const struct ioc *ioc, const char *prefix, FILE *stream);

/* Staging. n above the point's size is cut. real converts to integer points by rounding. */
void ioc_set_real(struct ioc *ioc, int handle, const double *value, size_t n);
void ioc_set_integer(struct ioc *ioc, int handle, const int64_t *value, size_t n);
void ioc_set_text(struct ioc *ioc, int handle, const char *text);
void ioc_set_name(struct ioc *ioc, int handle, size_t index, const char *name);
/* At least this severity (READ alarm) until set again; IOC_OK takes it back. */
void ioc_set_severity(struct ioc *ioc, int handle, enum ioc_severity severity);

/* On a writable point ioc_set_* shows a value that came from elsewhere (readback of the set
 * point): the record takes it at the next publish without a call of `put`; a put that comes in
 * between wins. */

/* Publishes what ioc_set_* left for this group, time-stamped t_utc_ns (UTC since 1970). */
void ioc_publish(struct ioc *ioc, unsigned group, int64_t t_utc_ns);

/* Shuts the servers down (0.15 s). The process should end after this: EPICS cannot start again.
 * NULL is fine; an IOC that never started is just freed. */
void ioc_stop(struct ioc *ioc);

#endif
