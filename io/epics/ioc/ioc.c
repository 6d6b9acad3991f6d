#include "io/epics/ioc/ioc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <dbAccess.h>
#include <epicsExit.h>
#include <errlog.h>
#include <iocInit.h>
#include <asDbLib.h>

#include "io/epics/ioc/point.h"

extern int dbThreadRealtimeLock;
int orbit_ioc_registerRecordDeviceDriver(struct dbBase *base);

static struct ioc *present;

struct ioc *ioc_present(void)
{
    return present;
}

size_t point_element_b(const struct point *point)
{
    switch (point->spec.type) {
    case IOC_REAL:
        return sizeof(double);
    case IOC_TEXT:
        return 1;
    case IOC_NAMES:
        return IOC_STRING_SIZE;
    case IOC_INTEGER:
    case IOC_CHOICE:
        break;
    }
    return sizeof(int64_t);
}

enum rc ioc_create(struct ioc **ioc)
{
    *ioc = NULL;
    if (present) {
        return err_set(RC_STATE, "this process has an IOC already");
    }
    place_renounce_realtime();
    present = calloc(1, sizeof *present);
    if (!present) {
        return err_set(RC_NOMEM, "no memory for an IOC");
    }
    for (int i = 0; i < IOC_MAX_GROUP; i++) {
        pthread_mutex_init(&present->group[i].lock, NULL);
    }
    *ioc = present;
    return RC_OK;
}

/* ---- adding
 * ------------------------------------------------------------------------------------ */

static bool name_known(const struct ioc *ioc, const char *name)
{
    for (int i = 0; i < ioc->n_point; i++) {
        if (strcmp(ioc->point[i]->spec.name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum rc check_choices(const struct ioc_point *p)
{
    if (p->type != IOC_CHOICE) {
        return RC_OK;
    }
    if (!p->choices || p->n_choice < 1 || p->n_choice > IOC_MAX_CHOICE) {
        return err_set(RC_INPUT, "PV %s: %zu choices, 1 to %d are possible", p->name,
                       p->n_choice, IOC_MAX_CHOICE);
    }
    for (size_t i = 0; i < p->n_choice; i++) {
        if (strlen(p->choices[i]) > 25) {
            return err_set(RC_INPUT, "PV %s: choice '%s' has more than 25 letters", p->name,
                           p->choices[i]);
        }
    }
    return RC_OK;
}

static enum rc check_point(const struct ioc *ioc, const struct ioc_point *p)
{
    if (ioc->started) {
        return err_set(RC_STATE, "PV %s comes after the start", p->name ? p->name : "?");
    }
    if (!p->name || !*p->name || strlen(p->name) >= IOC_NAME_SIZE ||
        strpbrk(p->name, " \"'\\.$\t\n")) {
        return err_set(RC_INPUT, "bad PV name '%s'", p->name ? p->name : "");
    }
    if (name_known(ioc, p->name)) {
        return err_set(RC_INPUT, "PV %s exists twice", p->name);
    }
    if (p->group >= IOC_MAX_GROUP) {
        return err_set(RC_INPUT, "PV %s: group %u of %d", p->name, p->group, IOC_MAX_GROUP);
    }
    if ((p->structure != NULL) != (p->field != NULL)) {
        return err_set(RC_INPUT, "PV %s: a structure needs a field and a field a structure",
                       p->name);
    }
    return check_choices(p);
}

static const char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

static bool copy_choices(struct ioc_point *p)
{
    const char **names = calloc(p->n_choice, sizeof *names);
    enum ioc_severity *severity = calloc(p->n_choice, sizeof *severity);
    if (!names || !severity) {
        free(names);
        free(severity);
        return false;
    }
    for (size_t i = 0; i < p->n_choice; i++) {
        names[i] = copy_text(p->choices[i]);
        severity[i] = p->choice_severity ? p->choice_severity[i] : IOC_OK;
    }
    p->choices = names;
    p->choice_severity = severity;
    return true;
}

static bool copy_spec(struct point *point, const struct ioc_point *p)
{
    point->spec = *p;
    point->spec.name = copy_text(p->name);
    point->spec.unit = copy_text(p->unit);
    point->spec.desc = copy_text(p->desc);
    point->spec.structure = copy_text(p->structure);
    point->spec.field = copy_text(p->field);
    point->n_max = p->n ? p->n : 1;
    if (p->type == IOC_TEXT && point->n_max < 2) {
        point->n_max = IOC_SHORT_TEXT_SIZE;
    }
    if (p->type == IOC_CHOICE) {
        point->n_max = 1;
        return copy_choices(&point->spec);
    }
    return true;
}

static bool make_buffers(struct point *point)
{
    size_t size = point_element_b(point);
    struct point_value *value[] = {&point->staged, &point->shown, &point->put};
    for (size_t i = 0; i < 3; i++) {
        value[i]->data = calloc(point->n_max, size);
        if (!value[i]->data) {
            return false;
        }
    }
    point->accepted = calloc(point->n_max, size);
    return point->accepted != NULL;
}

static void point_free(struct point *point)
{
    if (point->spec.type == IOC_CHOICE && point->spec.choices) {
        for (size_t i = 0; i < point->spec.n_choice; i++) {
            free((void *) (uintptr_t) point->spec.choices[i]);
        }
        free((void *) (uintptr_t) point->spec.choices);
        free((void *) (uintptr_t) point->spec.choice_severity);
    }
    const char *text[] = {point->spec.name, point->spec.unit, point->spec.desc,
                          point->spec.structure, point->spec.field};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        free((void *) (uintptr_t) text[i]);
    }
    free(point->staged.data);
    free(point->shown.data);
    free(point->put.data);
    free(point->accepted);
    free(point);
}

/* The value that a record starts with, in all buffers. */
static void set_initial(struct point *point)
{
    const struct ioc_point *p = &point->spec;
    size_t n = point->n_max;
    if (p->type == IOC_TEXT) {
        const char *text = p->initial_text ? p->initial_text : "";
        n = strnlen(text, point->n_max - 1) + 1;
        memcpy(point->staged.data, text, n - 1);
    } else if (p->type == IOC_REAL) {
        for (size_t i = 0; i < n; i++) {
            ((double *) point->staged.data)[i] = p->initial;
        }
    } else if (p->type != IOC_NAMES) {
        for (size_t i = 0; i < n; i++) {
            ((int64_t *) point->staged.data)[i] = llround(p->initial);
        }
    }
    size_t size = point->n_max * point_element_b(point);
    memcpy(point->shown.data, point->staged.data, size);
    memcpy(point->accepted, point->staged.data, size);
    point->staged.n = point->shown.n = point->n_accepted = n;
}

static bool make_room(struct ioc *ioc)
{
    if (ioc->n_point < ioc->room) {
        return true;
    }
    int room = ioc->room ? 2 * ioc->room : 64;
    struct point **point = realloc(ioc->point, (size_t) room * sizeof *point);
    if (point) {
        ioc->point = point;
        ioc->room = room;
    }
    return point != NULL;
}

enum rc ioc_add(struct ioc *ioc, const struct ioc_point *p, int *handle)
{
    enum rc rc = check_point(ioc, p);
    if (rc) {
        return rc;
    }
    struct point *point = calloc(1, sizeof *point);
    if (!point || !make_room(ioc) || !copy_spec(point, p) || !make_buffers(point)) {
        if (point) {
            point_free(point);
        }
        return err_set(RC_NOMEM, "no memory for PV %s", p->name);
    }
    set_initial(point);
    point->spec.initial_text = NULL;
    point->ioc = ioc;
    point->handle = ioc->n_point;
    ioc->point[ioc->n_point++] = point;
    if (handle) {
        *handle = point->handle;
    }
    return RC_OK;
}

/* ---- start and stop
 * ---------------------------------------------------------------------------- */

static enum rc load_records(struct ioc *ioc, const char *prefix)
{
    char dbd[64], records[64], access[64];
    enum rc rc = records_write_dbd(dbd, sizeof dbd);
    rc = rc ? rc : records_write(ioc, prefix, records, sizeof records);
    rc = rc ? rc : records_write_access(access, sizeof access);
    if (rc) {
        return rc;
    }
    if (dbLoadDatabase(dbd, NULL, NULL) || orbit_ioc_registerRecordDeviceDriver(pdbbase)) {
        return err_set(RC_INPUT, "EPICS refused the database definition");
    }
    if (dbLoadRecords(records, NULL)) {
        return err_set(RC_INPUT, "EPICS refused the records");
    }
    asSetFilename(access);
    return RC_OK;
}

/* iocInit talks to both output streams, mostly about itself: what it says is kept, and only
 * what is not its banner is passed on. */
struct capture {
    int kept, out, err;
};

static void capture_begin(struct capture *capture)
{
    fflush(NULL);
    capture->kept = memfd_create("orbit-iocinit", MFD_CLOEXEC);
    capture->out = dup(STDOUT_FILENO);
    capture->err = dup(STDERR_FILENO);
    if (capture->kept >= 0 && capture->out >= 0 && capture->err >= 0) {
        dup2(capture->kept, STDOUT_FILENO);
        dup2(capture->kept, STDERR_FILENO);
    }
}

static void capture_end(const struct capture *capture)
{
    char line[256];
    errlogFlush();
    fflush(NULL);
    dup2(capture->out, STDOUT_FILENO);
    dup2(capture->err, STDERR_FILENO);
    close(capture->out);
    close(capture->err);
    FILE *kept = capture->kept >= 0 ? fdopen(capture->kept, "r") : NULL;
    if (!kept) {
        return;
    }
    rewind(kept);
    while (fgets(line, sizeof line, kept)) {
        if (strncmp(line, "##", 2) != 0) {
            fputs(line, stderr);
        }
    }
    fclose(kept);
}

static enum rc run_init(struct ioc *ioc)
{
    struct capture capture;
    capture_begin(&capture);
    device_set_quiet(true);
    int failed = iocInit();
    device_set_quiet(false);
    capture_end(&capture);
    if (failed) {
        return err_set(RC_INPUT, "iocInit failed");
    }
    if (ioc->n_bound != ioc->n_point) {
        return err_set(RC_INPUT, "%d of %d records did not initialise",
                       ioc->n_point - ioc->n_bound, ioc->n_point);
    }
    return RC_OK;
}

enum rc ioc_start(struct ioc *ioc, struct ioc_place *place)
{
    if (ioc->started) {
        return err_set(RC_STATE, "the IOC is started already");
    }
    enum rc rc = place_prepare(place);
    if (rc) {
        return rc;
    }
    dbThreadRealtimeLock = 0;
    eltc(0);
    ioc->started = true;
    rc = load_records(ioc, place->prefix ? place->prefix : "");
    rc = rc ? rc : device_start_puts();
    return rc ? rc : run_init(ioc);
}

void ioc_stop(struct ioc *ioc)
{
    if (!ioc) {
        return;
    }
    if (ioc->started) {
        /* Records stay in memory: EPICS threads may look at them until the process ends. */
        device_stop_puts();
        iocShutdown();
        epicsExitCallAtExits();
        return;
    }
    for (int i = 0; i < ioc->n_point; i++) {
        point_free(ioc->point[i]);
    }
    free(ioc->point);
    free(ioc);
    present = NULL;
}

/* ---- values
 * ------------------------------------------------------------------------------------ */

static struct point *lock_point(struct ioc *ioc, int handle)
{
    if (handle < 0 || handle >= ioc->n_point) {
        return NULL;
    }
    struct point *point = ioc->point[handle];
    pthread_mutex_lock(&ioc->group[point->spec.group].lock);
    return point;
}

static void unlock_point(struct point *point, size_t n)
{
    point->staged.n = n;
    point->staged_new = true;
    pthread_mutex_unlock(&point->ioc->group[point->spec.group].lock);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void ioc_set_real(struct ioc *ioc, int handle, const double *value, size_t n)
{
    struct point *point = lock_point(ioc, handle);
    if (!point) {
        return;
    }
    n = min_size(n, point->n_max);
    if (point->spec.type == IOC_REAL) {
        memcpy(point->staged.data, value, n * sizeof *value);
    } else if (point->spec.type == IOC_INTEGER || point->spec.type == IOC_CHOICE) {
        for (size_t i = 0; i < n; i++) {
            ((int64_t *) point->staged.data)[i] = llround(value[i]);
        }
    }
    unlock_point(point, n);
}

void ioc_set_integer(struct ioc *ioc, int handle, const int64_t *value, size_t n)
{
    struct point *point = lock_point(ioc, handle);
    if (!point) {
        return;
    }
    n = min_size(n, point->n_max);
    if (point->spec.type == IOC_INTEGER || point->spec.type == IOC_CHOICE) {
        memcpy(point->staged.data, value, n * sizeof *value);
    } else if (point->spec.type == IOC_REAL) {
        for (size_t i = 0; i < n; i++) {
            ((double *) point->staged.data)[i] = (double) value[i];
        }
    }
    unlock_point(point, n);
}

void ioc_set_text(struct ioc *ioc, int handle, const char *text)
{
    struct point *point = lock_point(ioc, handle);
    if (!point) {
        return;
    }
    size_t n = 0;
    if (point->spec.type == IOC_TEXT) {
        n = strnlen(text, point->n_max - 1);
        memcpy(point->staged.data, text, n);
        ((char *) point->staged.data)[n] = '\0';
    }
    unlock_point(point, n + 1);
}

void ioc_set_name(struct ioc *ioc, int handle, size_t index, const char *name)
{
    struct point *point = lock_point(ioc, handle);
    if (!point) {
        return;
    }
    if (point->spec.type == IOC_NAMES && index < point->n_max) {
        char *place = (char *) point->staged.data + index * IOC_STRING_SIZE;
        memset(place, 0, IOC_STRING_SIZE);
        memcpy(place, name, strnlen(name, IOC_STRING_SIZE - 1));
    }
    unlock_point(point, point->n_max);
}

void ioc_set_severity(struct ioc *ioc, int handle, enum ioc_severity severity)
{
    struct point *point = lock_point(ioc, handle);
    if (point) {
        point->staged.severity = severity;
        unlock_point(point, point->staged.n);
    }
}

static void take_staged(struct point *point)
{
    size_t size = point->n_max * point_element_b(point);
    if (!point->staged_new) {
        return;
    }
    point->staged_new = false;
    point->show = true;
    memcpy(point->shown.data, point->staged.data, size);
    point->shown.n = point->staged.n;
    point->shown.severity = point->staged.severity;
}

void ioc_publish(struct ioc *ioc, unsigned group, int64_t t_utc_ns)
{
    struct group *g = &ioc->group[group];
    pthread_mutex_lock(&g->lock);
    for (int i = 0; i < ioc->n_point; i++) {
        if (ioc->point[i]->spec.group == group) {
            take_staged(ioc->point[i]);
        }
    }
    g->t_utc_ns = t_utc_ns;
    pthread_mutex_unlock(&g->lock);
    device_set_quiet(true);
    device_scan(g);
    for (int i = 0; i < ioc->n_point; i++) {
        struct point *point = ioc->point[i];
        if (point->spec.group == group && point->spec.put && point->show) {
            device_show(point);
        }
    }
    device_set_quiet(false);
}
