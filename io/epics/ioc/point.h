/* Inside of the IOC library: one point with its buffers, shared by ioc.c, records.c and
 * device.c. */
#ifndef ORBIT_IO_EPICS_IOC_POINT_H
#define ORBIT_IO_EPICS_IOC_POINT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/epics/ioc/ioc.h"

struct dbCommon;

/* One value with its severity: n elements of point_element_b() bytes. */
struct point_value {
    void *data;
    size_t n;
    enum ioc_severity severity;
};

enum put_state { PUT_IDLE, PUT_QUEUED, PUT_DONE };

struct point {
    struct ioc *ioc;
    int handle;
    struct ioc_point spec; /* its strings are our copies */
    size_t n_max;
    struct point_value staged; /* what ioc_set_* left; guarded by the group's lock */
    struct point_value shown;  /* what records see; same lock */
    bool staged_new;           /* set since the last publish */
    bool show;                 /* writable: `shown` is to replace the record's value once */
    struct dbCommon *record;
    /* A put under way; guarded by the record's PACT, handed over through the put queue. */
    enum put_state put_state;
    struct point_value put;
    void *accepted; /* last accepted value, n_max elements */
    size_t n_accepted;
    bool refused;
    enum rc put_rc;
    void *callback; /* epicsCallback, made by device.c */
    struct point *next_put;
};

struct group {
    pthread_mutex_t lock;
    int64_t t_utc_ns;
    void *scan; /* IOSCANPVT */
};

struct ioc {
    struct point **point;
    int n_point, room;
    bool started;
    struct group group[IOC_MAX_GROUP];
    int n_bound; /* records that found their point */
    int access_fd;
};

/* Bytes of one element as the point stores it (double, int64_t, char, char [IOC_STRING_SIZE]).
 */
size_t point_element_b(const struct point *point);

/* The process's IOC, for device support; NULL before ioc_create. */
struct ioc *ioc_present(void);

/* Record and access-security text as anonymous files, for the loaders that want a path. The
 * descriptors stay open as long as the process. */
MUST_USE enum rc records_write(const struct ioc *ioc, const char *prefix, char *path,
                               size_t size);
MUST_USE enum rc records_write_access(char *path, size_t size);
MUST_USE enum rc records_write_dbd(char *path, size_t size);

/* Sets the environment that the servers read at iocInit; fills in free ports. */
MUST_USE enum rc place_prepare(struct ioc_place *place);

/* Gives up SCHED_FIFO and mlock for this process. */
void place_renounce_realtime(void);

/* device.c: true while records are processed by a publish or by iocInit in this thread, when an
 * output record shows a value and does not put it. */
void device_set_quiet(bool quiet);

MUST_USE enum rc device_start_puts(void);
void device_stop_puts(void);
void device_scan(struct group *group);
/* Processes a writable record, so that it shows what was published. */
void device_show(struct point *point);

#endif
