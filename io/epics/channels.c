#include "io/epics/channels.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <alarm.h>
#include <cadef.h>
#include <epicsTime.h>

#include "io/gateway/faults.h"
#include "rt/base/clock.h"

/* A stamp further away than this from our clock says more about the server's clock than the
 * value. */
#define STAMP_MAX_AGE_NS    (60 * NS_PER_S)
#define STAMP_MAX_FUTURE_NS NS_PER_S

static const char *const fault_words[CHANNEL_FAULT_COUNT] = {
    [CHANNEL_GOOD] = "good again",
    [CHANNEL_NOT_CONNECTED] = "not connected",
    [CHANNEL_NO_VALUE] = "connected, but sends no value",
    [CHANNEL_WRONG_TYPE] = "not a number",
    [CHANNEL_WRONG_LENGTH] = "has too few elements",
    [CHANNEL_INVALID] = "in alarm, severity INVALID",
    [CHANNEL_NOT_FINITE] = "NaN or infinite",
};

struct channel {
    struct channels *set;
    char *name;
    size_t n;
    chid id;
    evid subscription;
    size_t fault_index;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t news;
    double *value;
    struct channel_view view;
    bool connected, writable, right_type;
    bool put_outstanding;
    int64_t put_done_ns;
};

struct channels {
    struct ca_client_context *context;
    struct channel **channel;
    int n, room;
    struct faults *faults;
};

/* ---- callbacks: copy and go
 * --------------------------------------------------------------------- */

static int64_t sample_time_ns(const epicsTimeStamp *stamp, int64_t received_ns)
{
    struct timespec utc;
    if (stamp->secPastEpoch == 0 || epicsTimeToTimespec(&utc, stamp)) {
        return received_ns;
    }
    int64_t age_ns = clock_utc_ns() - ((int64_t) utc.tv_sec * NS_PER_S + utc.tv_nsec);
    if (age_ns > STAMP_MAX_AGE_NS || age_ns < -STAMP_MAX_FUTURE_NS) {
        return received_ns;
    }
    return age_ns > 0 ? received_ns - age_ns : received_ns;
}

static enum channel_fault judge(const struct channel *channel,
                                const struct dbr_time_double *data, size_t n)
{
    if (n < channel->n) {
        return CHANNEL_WRONG_LENGTH;
    }
    if (data->severity >= INVALID_ALARM) {
        return CHANNEL_INVALID;
    }
    return channel->n == 1 && !isfinite(data->value) ? CHANNEL_NOT_FINITE : CHANNEL_GOOD;
}

static void on_value(struct event_handler_args args)
{
    struct channel *channel = args.usr;
    if (args.status != ECA_NORMAL || !args.dbr || args.type != DBR_TIME_DOUBLE) {
        return;
    }
    const struct dbr_time_double *data = args.dbr;
    size_t n = args.count > 0 ? (size_t) args.count : 0;
    int64_t now_ns = clock_mono_ns();
    pthread_mutex_lock(&channel->lock);
    if (n >= channel->n) {
        memcpy(channel->value, &data->value, channel->n * sizeof *channel->value);
    }
    channel->view.fault = judge(channel, data, n);
    channel->view.t_received_ns = now_ns;
    channel->view.t_sample_ns = sample_time_ns(&data->stamp, now_ns);
    channel->view.updates++;
    pthread_cond_broadcast(&channel->news);
    pthread_mutex_unlock(&channel->lock);
}

static bool is_number(chid id)
{
    short type = ca_field_type(id);
    return type == DBF_DOUBLE || type == DBF_FLOAT || type == DBF_LONG || type == DBF_SHORT ||
           type == DBF_CHAR;
}

static void subscribe(struct channel *channel)
{
    if (!channel->subscription && channel->right_type) {
        /* Count 0: as many elements as the server has, so that a short array is seen as such.
         */
        ca_create_subscription(DBR_TIME_DOUBLE, 0, channel->id, DBE_VALUE | DBE_ALARM, on_value,
                               channel, &channel->subscription);
    }
}

static void on_connection(struct connection_handler_args args)
{
    struct channel *channel = ca_puser(args.chid);
    bool up = args.op == CA_OP_CONN_UP, right = up && is_number(args.chid);
    bool writable = up && ca_write_access(args.chid);
    pthread_mutex_lock(&channel->lock);
    channel->connected = up;
    channel->right_type = right;
    channel->writable = writable;
    channel->put_outstanding = false;
    channel->view.fault = !up     ? CHANNEL_NOT_CONNECTED
                          : right ? CHANNEL_NO_VALUE
                                  : CHANNEL_WRONG_TYPE;
    pthread_cond_broadcast(&channel->news);
    pthread_mutex_unlock(&channel->lock);
    subscribe(channel);
}

static void on_access(struct access_rights_handler_args args)
{
    struct channel *channel = ca_puser(args.chid);
    pthread_mutex_lock(&channel->lock);
    channel->writable = args.ar.write_access;
    pthread_mutex_unlock(&channel->lock);
}

static void on_put_done(struct event_handler_args args)
{
    struct channel *channel = args.usr;
    pthread_mutex_lock(&channel->lock);
    channel->put_outstanding = false;
    channel->put_done_ns = clock_mono_ns();
    pthread_mutex_unlock(&channel->lock);
}

/* Lost circuits show as faults of their channels, one line for all; what is left is worth a
 * line. */
static void on_exception(struct exception_handler_args args)
{
    if (args.stat != ECA_DISCONN && args.stat != ECA_UNRESPTMO) {
        fprintf(stderr, "orbit-epics: Channel Access: %s: %s\n", ca_message(args.stat),
                args.ctx ? args.ctx : "");
    }
}

/* ---- set
 * ---------------------------------------------------------------------------------------- */

enum rc channels_create(struct channels **channels)
{
    *channels = NULL;
    struct channels *set = calloc(1, sizeof *set);
    if (!set) {
        return err_set(RC_NOMEM, "no memory for channels");
    }
    enum rc rc =
        faults_create(&set->faults, "orbit-epics: PV ", fault_words, CHANNEL_FAULT_COUNT);
    int status = ca_context_create(ca_enable_preemptive_callback);
    if (rc || status != ECA_NORMAL) {
        faults_destroy(set->faults);
        free(set);
        return rc ? rc : err_set(RC_SYS, "Channel Access: %s", ca_message(status));
    }
    ca_add_exception_event(on_exception, set);
    set->context = ca_current_context();
    *channels = set;
    return RC_OK;
}

static struct channel *find(const struct channels *channels, const char *name, int *handle)
{
    for (int i = 0; i < channels->n; i++) {
        if (strcmp(channels->channel[i]->name, name) == 0) {
            *handle = i;
            return channels->channel[i];
        }
    }
    return NULL;
}

static void channel_free(struct channel *channel)
{
    if (channel) {
        free(channel->name);
        free(channel->value);
        free(channel);
    }
}

static struct channel *channel_make(struct channels *set, const char *name, size_t n)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return NULL;
    }
    channel->set = set;
    channel->n = n ? n : 1;
    channel->view.fault = CHANNEL_NOT_CONNECTED;
    channel->name = strdup(name);
    pthread_mutex_init(&channel->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&channel->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!channel->name || faults_add(set->faults, name, &channel->fault_index)) {
        channel_free(channel);
        return NULL;
    }
    return channel;
}

static bool make_room(struct channels *channels)
{
    if (channels->n < channels->room) {
        return true;
    }
    int room = channels->room ? 2 * channels->room : 64;
    struct channel **channel = realloc(channels->channel, (size_t) room * sizeof *channel);
    if (channel) {
        channels->channel = channel;
        channels->room = room;
    }
    return channel != NULL;
}

enum rc channels_add(struct channels *channels, const char *name, size_t n, int *handle)
{
    struct channel *channel = find(channels, name, handle);
    if (channel) {
        channel->n = n > channel->n ? n : channel->n;
        return RC_OK;
    }
    channel = make_room(channels) ? channel_make(channels, name, n) : NULL;
    if (!channel) {
        return err_set(RC_NOMEM, "no memory for PV %s", name);
    }
    channels->channel[channels->n] = channel;
    *handle = channels->n++;
    return RC_OK;
}

enum rc channels_start(struct channels *channels)
{
    for (int i = 0; i < channels->n; i++) {
        struct channel *channel = channels->channel[i];
        channel->value = calloc(channel->n, sizeof *channel->value);
        if (!channel->value) {
            return err_set(RC_NOMEM, "no memory for PV %s", channel->name);
        }
        int status = ca_create_channel(channel->name, on_connection, channel,
                                       CA_PRIORITY_DEFAULT, &channel->id);
        if (status != ECA_NORMAL) {
            return err_set(RC_SYS, "PV %s: %s", channel->name, ca_message(status));
        }
        ca_replace_access_rights_event(channel->id, on_access);
    }
    ca_flush_io();
    return RC_OK;
}

void channels_destroy(struct channels *channels)
{
    if (!channels) {
        return;
    }
    if (ca_current_context() != channels->context) {
        ca_attach_context(channels->context);
    }
    ca_context_destroy();
    for (int i = 0; i < channels->n; i++) {
        channel_free(channels->channel[i]);
    }
    faults_destroy(channels->faults);
    free(channels->channel);
    free(channels);
}

/* ---- reading and putting
 * ------------------------------------------------------------------------ */

void channels_read(struct channels *channels, int handle, size_t first, size_t n, double *value,
                   struct channel_view *view)
{
    struct channel *channel = channels->channel[handle];
    pthread_mutex_lock(&channel->lock);
    *view = channel->view;
    bool has = view->fault == CHANNEL_GOOD || view->fault == CHANNEL_INVALID ||
               view->fault == CHANNEL_NOT_FINITE;
    if (has && first + n <= channel->n) {
        memcpy(value, channel->value + first, n * sizeof *value);
    }
    pthread_mutex_unlock(&channel->lock);
}

bool channels_wait(struct channels *channels, int handle, uint64_t seen, int64_t timeout_ns)
{
    struct channel *channel = channels->channel[handle];
    struct timespec until = clock_timespec(clock_mono_ns() + timeout_ns);
    int failed = 0;
    pthread_mutex_lock(&channel->lock);
    while (channel->view.updates <= seen && !failed) {
        failed = pthread_cond_timedwait(&channel->news, &channel->lock, &until);
    }
    bool news = channel->view.updates > seen;
    pthread_mutex_unlock(&channel->lock);
    return news;
}

enum rc channels_attach_thread(struct channels *channels)
{
    int status = ca_attach_context(channels->context);
    if (status != ECA_NORMAL) {
        return err_set(RC_SYS, "Channel Access: %s", ca_message(status));
    }
    return RC_OK;
}

void channels_detach_thread(void)
{
    ca_detach_context();
}

static enum rc claim_put(struct channel *channel)
{
    enum rc rc = RC_OK;
    pthread_mutex_lock(&channel->lock);
    if (!channel->connected || !channel->writable) {
        rc = RC_GONE;
    } else if (channel->put_outstanding) {
        rc = RC_STATE;
    } else {
        channel->put_outstanding = true;
    }
    pthread_mutex_unlock(&channel->lock);
    return rc;
}

enum rc channels_put(struct channels *channels, int handle, double value)
{
    struct channel *channel = channels->channel[handle];
    enum rc rc = claim_put(channel);
    if (rc) {
        return rc;
    }
    int status =
        ca_array_put_callback(DBR_DOUBLE, 1, channel->id, &value, on_put_done, channel);
    if (status != ECA_NORMAL) {
        pthread_mutex_lock(&channel->lock);
        channel->put_outstanding = false;
        pthread_mutex_unlock(&channel->lock);
        return RC_GONE;
    }
    return RC_OK;
}

void channels_flush(void)
{
    ca_flush_io();
}

bool channels_put_outstanding(struct channels *channels, int handle, int64_t *t_done_ns)
{
    struct channel *channel = channels->channel[handle];
    pthread_mutex_lock(&channel->lock);
    bool outstanding = channel->put_outstanding;
    if (t_done_ns) {
        *t_done_ns = channel->put_done_ns;
    }
    pthread_mutex_unlock(&channel->lock);
    return outstanding;
}

void channels_report(struct channels *channels, int64_t now_ns, FILE *stream)
{
    for (int i = 0; i < channels->n; i++) {
        struct channel *channel = channels->channel[i];
        pthread_mutex_lock(&channel->lock);
        enum channel_fault fault = channel->view.fault;
        pthread_mutex_unlock(&channel->lock);
        faults_note(channels->faults, channel->fault_index, fault);
    }
    faults_report(channels->faults, now_ns, stream);
}

size_t channels_count(const struct channels *channels, size_t *n_bad)
{
    if (n_bad) {
        *n_bad = faults_count(channels->faults);
    }
    return (size_t) channels->n;
}
