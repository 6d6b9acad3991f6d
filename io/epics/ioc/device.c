/* Device support "orbit": moves values between points and records. Each record finds its point
 * by the number in its link "@n". Read-only records copy what the last publish left; writable
 * ones hand a put to the point's callback, in the CA server's thread or, if it may wait, in the
 * put thread. */
#define USE_TYPED_DSET
#include "io/epics/ioc/point.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <alarm.h>
#include <aiRecord.h>
#include <aoRecord.h>
#include <callback.h>
#include <dbAccess.h>
#include <dbScan.h>
#include <devSup.h>
#include <epicsExport.h>
#include <epicsTime.h>
#include <epicsVersion.h>
#include <int64inRecord.h>
#include <int64outRecord.h>
#include <mbbiRecord.h>
#include <mbboRecord.h>
#include <recGbl.h>
#include <stringinRecord.h>
#include <stringoutRecord.h>
#include <waveformRecord.h>

enum { DO_NOT_CONVERT = 2 };

/* Every record type's table has this shape: five common entries, then read or write, then (ai,
 * ao) special_linconv, which we never need. */
struct record_dset {
    dset common;
    long (*transfer)(struct dbCommon *record);
    long (*special)(struct dbCommon *record, int after);
};

/* A record's value, whatever its type. */
struct place_of_value {
    void *data;
    size_t n;
};

static _Thread_local bool quiet;

void device_set_quiet(bool on)
{
    quiet = on;
}

/* ---- common
 * ------------------------------------------------------------------------------------ */

static struct group *group_of(const struct point *point)
{
    return &point->ioc->group[point->spec.group];
}

static long bind(struct dbCommon *record, const struct link *link)
{
    struct ioc *ioc = ioc_present();
    char *end = NULL;
    long index = link->type == INST_IO ? strtol(link->value.instio.string, &end, 10) : -1;
    if (!ioc || !end || *end || index < 0 || index >= ioc->n_point) {
        recGblRecordError(S_db_badField, record, "orbit: link must be the number of a point");
        return S_db_badField;
    }
    struct point *point = ioc->point[index];
    point->record = record;
    record->dpvt = point;
    ioc->n_bound++;
    return 0;
}

static long scan_of(int command, struct dbCommon *record, IOSCANPVT *scan)
{
    (void) command;
    const struct point *point = record->dpvt;
    if (!point) {
        return S_db_badField;
    }
    struct group *group = group_of(point);
    if (!group->scan) {
        IOSCANPVT made;
        scanIoInit(&made);
        group->scan = made;
    }
    *scan = group->scan;
    return 0;
}

void device_scan(struct group *group)
{
    if (group->scan) {
        scanIoImmediate(group->scan, priorityLow);
    }
}

void device_show(struct point *point)
{
    struct dbCommon *record = point->record;
    dbScanLock(record);
    /* A put under way ends with what it left; the value comes with the next publish. */
    if (!record->pact) {
        dbProcess(record);
    }
    dbScanUnlock(record);
}

static void stamp(struct dbCommon *record, int64_t t_utc_ns)
{
    struct timespec time = {.tv_sec = t_utc_ns / 1000000000, .tv_nsec = t_utc_ns % 1000000000};
    if (t_utc_ns == 0 || epicsTimeFromTimespec(&record->time, &time)) {
        epicsTimeGetCurrent(&record->time);
    }
}

static void raise(struct dbCommon *record, enum ioc_severity severity)
{
    if (severity != IOC_OK) {
        recGblSetSevr(record, READ_ALARM, (epicsEnum16) severity);
    }
}

/* Copies the shown value into a record's place; returns the number of elements. */
static size_t show(struct dbCommon *record, struct point *point, struct place_of_value place)
{
    struct group *group = group_of(point);
    pthread_mutex_lock(&group->lock);
    size_t n = point->shown.n < place.n ? point->shown.n : place.n;
    memcpy(place.data, point->shown.data, n * point_element_b(point));
    enum ioc_severity severity = point->shown.severity;
    int64_t t_utc_ns = group->t_utc_ns;
    point->show = false;
    pthread_mutex_unlock(&group->lock);
    stamp(record, t_utc_ns);
    record->udf = 0;
    raise(record, severity);
    return n;
}

/* ---- puts
 * -------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct point *first, *last;
    bool running;
} puts_waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static bool is_finite(const struct point *point)
{
    for (size_t i = 0; point->spec.type == IOC_REAL && i < point->put.n; i++) {
        if (!isfinite(((const double *) point->put.data)[i])) {
            return false;
        }
    }
    return true;
}

static void call_put(struct point *point)
{
    if (!is_finite(point)) {
        point->put_rc = err_set(RC_INPUT, "%s: not a finite number", point->spec.name);
        return;
    }
    struct ioc_value value = {.type = point->spec.type, .n = point->put.n};
    if (value.type == IOC_REAL) {
        value.real = point->put.data;
    } else if (value.type == IOC_TEXT) {
        value.text = point->put.data;
        value.text_size = point->n_max;
    } else {
        value.integer = point->put.data;
    }
    point->put_rc = point->spec.put(point->spec.context, &value);
    if (value.n <= point->n_max && value.type != IOC_TEXT) {
        point->put.n = value.n;
    }
}

static struct point *next_put(void)
{
    pthread_mutex_lock(&puts_waiting.lock);
    while (puts_waiting.running && !puts_waiting.first) {
        pthread_cond_wait(&puts_waiting.wake, &puts_waiting.lock);
    }
    struct point *point = puts_waiting.running ? puts_waiting.first : NULL;
    if (point) {
        puts_waiting.first = point->next_put;
    }
    pthread_mutex_unlock(&puts_waiting.lock);
    return point;
}

static void *run_puts(void *unused)
{
    (void) unused;
    for (struct point *point = next_put(); point; point = next_put()) {
        call_put(point);
        point->put_state = PUT_DONE;
        callbackRequestProcessCallback(point->callback, priorityLow, point->record);
    }
    return NULL;
}

enum rc device_start_puts(void)
{
    puts_waiting.running = true;
    if (pthread_create(&puts_waiting.thread, NULL, run_puts, NULL)) {
        puts_waiting.running = false;
        return err_set(RC_SYS, "no thread for puts");
    }
    return RC_OK;
}

void device_stop_puts(void)
{
    pthread_mutex_lock(&puts_waiting.lock);
    bool was_running = puts_waiting.running;
    puts_waiting.running = false;
    pthread_cond_signal(&puts_waiting.wake);
    pthread_mutex_unlock(&puts_waiting.lock);
    if (was_running) {
        pthread_join(puts_waiting.thread, NULL);
    }
}

static void queue_put(struct dbCommon *record, struct point *point)
{
    record->pact = TRUE;
    point->put_state = PUT_QUEUED;
    pthread_mutex_lock(&puts_waiting.lock);
    point->next_put = NULL;
    if (puts_waiting.first) {
        puts_waiting.last->next_put = point;
    } else {
        puts_waiting.first = point;
    }
    puts_waiting.last = point;
    pthread_cond_signal(&puts_waiting.wake);
    pthread_mutex_unlock(&puts_waiting.lock);
}

/* The put is over: the record shows what was accepted, or goes back with an alarm. */
static size_t finish_put(struct dbCommon *record, struct point *point,
                         struct place_of_value place)
{
    size_t size = point_element_b(point);
    point->refused = point->put_rc != RC_OK;
    if (!point->refused) {
        memcpy(point->accepted, point->put.data, point->put.n * size);
        point->n_accepted = point->put.n;
    } else {
        recGblSetSevr(record, WRITE_ALARM, INVALID_ALARM);
    }
    point->put_state = PUT_IDLE;
    memcpy(place.data, point->accepted, point->n_accepted * size);
    epicsTimeGetCurrent(&record->time);
    record->udf = 0;
    return point->n_accepted;
}

/* Processing by a publish: a value that came from elsewhere is shown, a refusal stays visible
 * until then. */
static size_t show_written(struct dbCommon *record, struct point *point,
                           struct place_of_value place)
{
    size_t size = point_element_b(point), n_before = point->n_accepted;
    if (point->show) {
        point->n_accepted = show(record, point, place);
        if (n_before != point->n_accepted ||
            memcmp(point->accepted, place.data, point->n_accepted * size) != 0) {
            point->refused = false;
        }
        memcpy(point->accepted, place.data, point->n_accepted * size);
    } else {
        epicsTimeGetCurrent(&record->time);
    }
    record->udf = 0;
    if (point->refused) {
        recGblSetSevr(record, WRITE_ALARM, INVALID_ALARM);
    }
    return point->n_accepted;
}

/* One processing of a writable record; `place` holds what was put and receives what is to be
 * shown. */
static size_t transfer_out(struct dbCommon *record, struct place_of_value place, size_t room)
{
    struct point *point = record->dpvt;
    struct place_of_value all = {place.data, room};
    if (point->put_state == PUT_DONE) {
        return finish_put(record, point, all);
    }
    if (quiet) {
        return show_written(record, point, all);
    }
    memcpy(point->put.data, place.data, place.n * point_element_b(point));
    point->put.n = place.n;
    if (point->spec.put_blocks) {
        queue_put(record, point);
        return place.n;
    }
    call_put(point);
    return finish_put(record, point, all);
}

static long make_callback(struct dbCommon *record)
{
    struct point *point = record->dpvt;
    point->callback = calloc(1, sizeof(epicsCallback));
    return point->callback ? 0 : S_db_noMemory;
}

/* ---- one pair of functions a record type
 * ------------------------------------------------------- */

static long ai_init(struct dbCommon *record)
{
    return bind(record, &((aiRecord *) record)->inp);
}

static long ai_read(struct dbCommon *record)
{
    show(record, record->dpvt, (struct place_of_value){&((aiRecord *) record)->val, 1});
    return DO_NOT_CONVERT;
}

static long int64in_init(struct dbCommon *record)
{
    return bind(record, &((int64inRecord *) record)->inp);
}

static long int64in_read(struct dbCommon *record)
{
    show(record, record->dpvt, (struct place_of_value){&((int64inRecord *) record)->val, 1});
    return 0;
}

static long stringin_init(struct dbCommon *record)
{
    return bind(record, &((stringinRecord *) record)->inp);
}

static long stringin_read(struct dbCommon *record)
{
    stringinRecord *in = (stringinRecord *) record;
    show(record, record->dpvt, (struct place_of_value){in->val, sizeof in->val});
    in->val[sizeof in->val - 1] = '\0';
    return 0;
}

static long mbbi_init(struct dbCommon *record)
{
    return bind(record, &((mbbiRecord *) record)->inp);
}

static long mbbi_read(struct dbCommon *record)
{
    int64_t choice = 0;
    show(record, record->dpvt, (struct place_of_value){&choice, 1});
    ((mbbiRecord *) record)->val = (epicsEnum16) choice;
    return DO_NOT_CONVERT;
}

static long ao_init(struct dbCommon *record)
{
    aoRecord *out = (aoRecord *) record;
    long status = bind(record, &out->out);
    if (status == 0) {
        out->val = *(const double *) ((struct point *) record->dpvt)->accepted;
        out->udf = 0;
        status = make_callback(record);
    }
    return status ? status : DO_NOT_CONVERT;
}

static long ao_write(struct dbCommon *record)
{
    /* OVAL, not VAL, is what the limits and the rate limit left. */
    aoRecord *out = (aoRecord *) record;
    double value = out->oval;
    transfer_out(record, (struct place_of_value){&value, 1}, 1);
    out->val = out->oval = value;
    return 0;
}

static long int64out_init(struct dbCommon *record)
{
    int64outRecord *out = (int64outRecord *) record;
    long status = bind(record, &out->out);
    if (status == 0) {
        out->val = *(const int64_t *) ((struct point *) record->dpvt)->accepted;
        out->udf = 0;
        status = make_callback(record);
    }
    return status;
}

static long int64out_write(struct dbCommon *record)
{
    int64outRecord *out = (int64outRecord *) record;
    int64_t value = out->val;
    transfer_out(record, (struct place_of_value){&value, 1}, 1);
    out->val = value;
    return 0;
}

static long stringout_init(struct dbCommon *record)
{
    stringoutRecord *out = (stringoutRecord *) record;
    long status = bind(record, &out->out);
    if (status == 0) {
        const struct point *point = record->dpvt;
        memcpy(out->val, point->accepted, point->n_accepted);
        out->udf = 0;
        status = make_callback(record);
    }
    return status;
}

static long stringout_write(struct dbCommon *record)
{
    stringoutRecord *out = (stringoutRecord *) record;
    const struct point *point = record->dpvt;
    out->val[point->n_max - 1] = '\0';
    size_t n = strlen(out->val) + 1;
    transfer_out(record, (struct place_of_value){out->val, n}, point->n_max);
    return 0;
}

static long mbbo_init(struct dbCommon *record)
{
    mbboRecord *out = (mbboRecord *) record;
    long status = bind(record, &out->out);
    if (status == 0) {
        out->val = (epicsEnum16) * (const int64_t *) ((struct point *) record->dpvt)->accepted;
        out->udf = 0;
        status = make_callback(record);
    }
    return status ? status : DO_NOT_CONVERT;
}

static long mbbo_write(struct dbCommon *record)
{
    mbboRecord *out = (mbboRecord *) record;
    int64_t choice = out->val;
    transfer_out(record, (struct place_of_value){&choice, 1}, 1);
    out->val = (epicsEnum16) choice;
    return 0;
}

/* ---- waveform: both directions
 * ----------------------------------------------------------------- */

static long waveform_init(struct dbCommon *record)
{
    long status = bind(record, &((waveformRecord *) record)->inp);
    return status ? status : make_callback(record);
}

/* Integers are 32 bits in the record, 64 in the point. */
static size_t read_elements(const struct point *point, const waveformRecord *wf, void *to)
{
    size_t n = wf->nord < point->n_max ? wf->nord : point->n_max;
    if (point->spec.type == IOC_INTEGER) {
        for (size_t i = 0; i < n; i++) {
            ((int64_t *) to)[i] = ((const epicsInt32 *) wf->bptr)[i];
        }
    } else {
        memcpy(to, wf->bptr, n * point_element_b(point));
    }
    if (point->spec.type == IOC_TEXT) {
        ((char *) to)[n < point->n_max ? n : point->n_max - 1] = '\0';
        n = strlen(to) + 1;
    }
    return n;
}

static void write_elements(const struct point *point, waveformRecord *wf, const void *from,
                           size_t n)
{
    if (point->spec.type == IOC_INTEGER) {
        for (size_t i = 0; i < n; i++) {
            ((epicsInt32 *) wf->bptr)[i] = (epicsInt32) ((const int64_t *) from)[i];
        }
    } else {
        memcpy(wf->bptr, from, n * point_element_b(point));
    }
    wf->nord = (epicsUInt32) n;
}

static long waveform_transfer(struct dbCommon *record)
{
    waveformRecord *wf = (waveformRecord *) record;
    struct point *point = record->dpvt;
    void *scratch = calloc(point->n_max, point_element_b(point));
    if (!scratch) {
        recGblSetSevr(record, READ_ALARM, INVALID_ALARM);
        return 0;
    }
    size_t n;
    if (point->spec.put) {
        n = read_elements(point, wf, scratch);
        n = transfer_out(record, (struct place_of_value){scratch, n}, point->n_max);
    } else {
        n = show(record, point, (struct place_of_value){scratch, point->n_max});
    }
    write_elements(point, wf, scratch, n);
    free(scratch);
    return 0;
}

#define RECORD_DSET(symbol, init_record, transfer, n)                                          \
    static struct record_dset symbol = {                                                       \
        {n, NULL, NULL, init_record, scan_of}, transfer, NULL};                                \
    epicsExportAddress(dset, symbol)

RECORD_DSET(devOrbitAi, ai_init, ai_read, 6);
RECORD_DSET(devOrbitAo, ao_init, ao_write, 6);
RECORD_DSET(devOrbitInt64in, int64in_init, int64in_read, 5);
RECORD_DSET(devOrbitInt64out, int64out_init, int64out_write, 5);
RECORD_DSET(devOrbitStringin, stringin_init, stringin_read, 5);
RECORD_DSET(devOrbitStringout, stringout_init, stringout_write, 5);
RECORD_DSET(devOrbitMbbi, mbbi_init, mbbi_read, 5);
RECORD_DSET(devOrbitMbbo, mbbo_init, mbbo_write, 5);
RECORD_DSET(devOrbitWaveform, waveform_init, waveform_transfer, 5);
