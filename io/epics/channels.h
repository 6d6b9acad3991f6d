/* Channel Access client side: many numeric PVs, their newest values with time and fault.
 *
 * One set is one CA context with preemptive callbacks, which only copy value and stamp into the
 * channel's slot. Adding and starting belong to one thread; reading may be done by any thread;
 * putting by threads that called channels_attach_thread(). The server's death shows as
 * CHANNEL_NOT_CONNECTED, a hung server after EPICS_CA_CONN_TMO; faster judgement belongs to
 * whoever knows the update rate.
 */
#ifndef ORBIT_IO_EPICS_CHANNELS_H
#define ORBIT_IO_EPICS_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rt/base/rc.h"

enum channel_fault {
    CHANNEL_GOOD,
    CHANNEL_NOT_CONNECTED,
    CHANNEL_NO_VALUE,     /* connected, nothing received yet */
    CHANNEL_WRONG_TYPE,   /* a text or a choice */
    CHANNEL_WRONG_LENGTH, /* fewer elements than needed */
    CHANNEL_INVALID,      /* alarm severity INVALID */
    CHANNEL_NOT_FINITE,   /* a single value that is NaN or infinite */
    CHANNEL_FAULT_COUNT
};

/* What was received last. */
struct channel_view {
    enum channel_fault fault;
    uint64_t updates;    /* received so far */
    int64_t t_sample_ns; /* CLOCK_MONOTONIC; the server's stamp, or the reception if that is no
                            use */
    int64_t t_received_ns; /* CLOCK_MONOTONIC */
};

struct channels;

/* Makes the context. Set EPICS_CA_* before. RC_SYS, RC_NOMEM. */
MUST_USE enum rc channels_create(struct channels **channels);

/* Disconnects everything. NULL is fine. */
void channels_destroy(struct channels *channels);

/* Adds a PV of which the first n elements are needed; the same name gives the same handle (and
 * the larger n). Before channels_start only. RC_NOMEM. */
MUST_USE enum rc channels_add(struct channels *channels, const char *name, size_t n,
                              int *handle);

/* Searches for all of them. RC_SYS. */
MUST_USE enum rc channels_start(struct channels *channels);

/* Copies elements first ... first + n - 1 to value (only if the fault is GOOD, INVALID or
 * NOT_FINITE). */
void channels_read(struct channels *channels, int handle, size_t first, size_t n, double *value,
                   struct channel_view *view);

/* Waits until the channel's updates exceed `seen`, at most timeout_ns. true: they do. */
bool channels_wait(struct channels *channels, int handle, uint64_t seen, int64_t timeout_ns);

/* The calling thread may put from now on. RC_SYS. */
MUST_USE enum rc channels_attach_thread(struct channels *channels);
void channels_detach_thread(void);

/* Queues a put of one number with completion; RC_STATE: the one before is still outstanding;
 * RC_GONE: not connected or no write access. Nothing is sent before channels_flush. */
MUST_USE enum rc channels_put(struct channels *channels, int handle, double value);
void channels_flush(void);

/* A put is under way; *t_done_ns (may be NULL) receives when the last one was confirmed, 0:
 * none. */
bool channels_put_outstanding(struct channels *channels, int handle, int64_t *t_done_ns);

/* Messages about faults that came and went, collapsed (faults.h). One thread. */
void channels_report(struct channels *channels, int64_t now_ns, FILE *stream);

/* Channels, and those which are not good. */
size_t channels_count(const struct channels *channels, size_t *n_bad);

#endif
