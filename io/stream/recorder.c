#include "io/stream/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/stream/companion.h"
#include "io/stream/freezes.h"
#include "io/stream/stream_file.h"
#include "io/stream/stream_reader.h"
#include "rt/base/clock.h"
#include "rt/shm/client.h"

enum {
    BATCH = 256, /* records read before somebody else gets a turn */
    IDLE_NS = 2000000,
    RETRY_NS = 250000000,
    FREEZE_SEGMENT_B = 64 << 20,
    MOST_POST = 10
};

struct request {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    bool pending, done;
    char reason[STREAM_REASON_SIZE];
    enum rc rc;
    char answer[SEGMENT_PATH_SIZE];
};

struct freeze {
    struct stream_file file;
    char path[SEGMENT_PATH_SIZE];
    uint64_t next;
    int64_t from_ns, until_ns, latest_ns;       /* CLOCK_MONOTONIC of the records */
    uint64_t first_cycle, last_cycle, revision; /* of its records */
    struct companion companion;
    struct stream_mark mark[MOST_POST]; /* to be written behind their cycles */
    unsigned n_mark;
};

struct recorder {
    struct recorder_spec spec;
    int lock_fd;
    atomic_bool stop;
    struct client *client;
    struct record_head *record; /* [record_b] */
    uint64_t next, record_b;
    int64_t retry_ns, sync_ns;
    char said[256];

    bool resuming; /* the run that last_* is of goes on */
    uint64_t last_run, last_cycle, last_state, last_unmet, last_revision;
    uint64_t first_cycle; /* of this connection */
    int64_t last_mono_ns, last_utc_ns;
    bool seen; /* a record of this connection: last_state and last_mono_ns are of it */
    struct set_shelf shelf;
    struct companion companion; /* of continuous */
    struct stream_file continuous;
    struct freeze freeze;
    struct request request;
};

/* ---- making ---- */

static enum rc take_folder(struct recorder *self)
{
    char path[SEGMENT_PATH_SIZE];

    if (mkdir(self->spec.folder, 0750) != 0 && errno != EEXIST)
        return err_sys("folder %s", self->spec.folder);
    snprintf(path, sizeof path, "%s/lock", self->spec.folder);
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (self->lock_fd < 0)
        return err_sys("%s", path);
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(RC_STATE, "another orbit-stream records to %s", self->spec.folder);
    return RC_OK;
}

static enum rc open_continuous(struct recorder *self)
{
    char path[SEGMENT_PATH_SIZE];

    if (!self->spec.continuous)
        return RC_OK;
    snprintf(path, sizeof path, "%s/" STREAM_CONTINUOUS, self->spec.folder);
    if (stream_find_last(path, &self->last_run, &self->last_cycle))
        fprintf(stderr, "orbit-stream: the recording goes on behind cycle %lu\n",
                self->last_cycle);
    return stream_file_open(&self->continuous, path, &self->spec.limits);
}

static void init_request(struct request *request)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&request->answered, &attributes);
    pthread_mutex_init(&request->mutex, NULL);
    pthread_condattr_destroy(&attributes);
}

enum rc recorder_create(struct recorder **recorder, const struct recorder_spec *spec)
{
    struct recorder *self = calloc(1, sizeof *self);
    enum rc rc;

    *recorder = NULL;
    if (!self)
        return err_set(RC_NOMEM, "no memory for a recorder");
    self->spec = *spec;
    self->lock_fd = -1;
    init_request(&self->request);
    rc = take_folder(self);
    if (rc == RC_OK)
        rc = open_continuous(self);
    if (rc == RC_OK)
        *recorder = self;
    else
        recorder_destroy(self);
    return rc;
}

/* ---- the connection ---- */

static struct stream_about about(const struct recorder *self, const char *reason, bool freeze)
{
    return (struct stream_about){.instance = self->spec.instance,
                                 .reason = reason,
                                 .devices = self->spec.devices,
                                 .pre_s = freeze ? self->spec.pre_s : 0,
                                 .post_s = freeze ? self->spec.post_s : 0,
                                 .freeze = freeze};
}

static void detach(struct recorder *self)
{
    stream_file_close(&self->freeze.file);
    set_shelf_close(&self->shelf);
    client_close(self->client);
    free(self->record);
    self->client = NULL;
    self->record = NULL;
    self->seen = false;
}

void recorder_destroy(struct recorder *self)
{
    if (!self)
        return;
    detach(self);
    stream_file_close(&self->continuous);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    pthread_cond_destroy(&self->request.answered);
    pthread_mutex_destroy(&self->request.mutex);
    free(self);
}

/* A reason is told once, not at every try. */
static void tell(struct recorder *self, const char *text)
{
    if (strcmp(self->said, text) != 0)
        fprintf(stderr, "orbit-stream: %s\n", text);
    snprintf(self->said, sizeof self->said, "%s", text);
}

/* A run that goes on is read from where the recording ends; of a new one everything is wanted.
 */
static enum rc attach(struct recorder *self)
{
    enum rc rc =
        client_open(&self->client, self->spec.socket_path, ROLE_OBSERVER, "orbit-stream", 0);

    if (rc != RC_OK)
        return rc;
    self->record_b = record_size_b(client_dims(self->client));
    self->record = malloc(self->record_b);
    if (!self->record)
        return err_set(RC_NOMEM, "no memory for a record of %lu bytes", self->record_b);
    rc = set_shelf_open(&self->shelf, self->client, self->spec.folder);
    if (rc != RC_OK)
        return rc;
    self->companion = (struct companion){.next_checkpoint = 1};
    self->resuming = self->last_run == client_run_id(self->client);
    self->next = self->spec.continuous ? 1 : 0;
    if (self->spec.continuous) {
        struct stream_about text = about(self, "continuous", false);

        return stream_file_begin(&self->continuous, self->client, &text);
    }
    return RC_OK;
}

static bool keep_attached(struct recorder *self)
{
    int64_t now_ns = clock_mono_ns();

    if (self->client)
        return true;
    if (now_ns < self->retry_ns)
        return false;
    if (attach(self) == RC_OK) {
        tell(self, "attached to orbitd");
        return true;
    }
    tell(self, err_text());
    detach(self);
    self->retry_ns = clock_mono_ns() + RETRY_NS;
    return false;
}

/* ---- freezes ---- */

static struct stream_mark make_mark(const struct recorder *self, const char *reason)
{
    const struct status_block *status = client_status(self->client);
    struct stream_mark mark = {
        .run_id = self->last_run,
        .cycle = self->last_cycle,
        .t_mono_ns = self->last_mono_ns,
        .t_utc_ns = self->last_utc_ns,
        .state = self->last_state,
        .unmet = self->last_unmet,
        .cause = status_load(&status->cause),
        .offender = status_load(&status->offender),
    };

    snprintf(mark.reason, sizeof mark.reason, "%s", reason);
    return mark;
}

/* Number of the record to begin with: skipped cycles only make it earlier in time. */
static uint64_t number_before(const struct recorder *self)
{
    const struct status_block *status = client_status(self->client);
    double period_s = (double) status_load(&status->period_ns) * 1e-9;
    uint64_t newest = self->next - 1, n = (uint64_t) ceil(self->spec.pre_s / period_s) + 1;

    return newest > n ? newest - n : 1;
}

static enum rc open_freeze(struct recorder *self, const char *reason)
{
    const struct segment_limits limits = {.segment_b = FREEZE_SEGMENT_B};
    struct stream_about text = about(self, reason, true);
    struct freeze *freeze = &self->freeze;
    unsigned n_removed = freezes_trim(self->spec.folder, self->spec.keep - 1);
    enum rc rc;

    if (n_removed)
        fprintf(stderr, "orbit-stream: %u old freezes removed\n", n_removed);
    freezes_path(freeze->path, sizeof freeze->path, self->spec.folder, self->last_utc_ns,
                 reason);
    rc = stream_file_open(&freeze->file, freeze->path, &limits);
    if (rc == RC_OK)
        rc = stream_file_begin(&freeze->file, self->client, &text);
    if (rc != RC_OK)
        stream_file_close(&freeze->file);
    return rc;
}

/* Begins a freeze around the last record followed, or extends the one under way. */
static enum rc begin_freeze(struct recorder *self, const char *reason)
{
    int64_t pre_ns = (int64_t) (self->spec.pre_s * 1e9);
    int64_t post_ns = (int64_t) (self->spec.post_s * 1e9);
    struct freeze *freeze = &self->freeze;

    if (!freeze->file.open) {
        enum rc rc = open_freeze(self, reason);

        if (rc != RC_OK)
            return rc;
        freeze->n_mark = 0;
        freeze->first_cycle = freeze->last_cycle = 0;
        freeze->companion = (struct companion){.next_checkpoint = 1, .folder = freeze->path};
        freeze->next = number_before(self);
        freeze->from_ns = self->last_mono_ns - pre_ns;
        freeze->latest_ns = self->last_mono_ns + MOST_POST * post_ns;
        fprintf(stderr, "orbit-stream: freezing to %s\n", freeze->path);
    }
    freeze->until_ns = self->last_mono_ns + post_ns;
    if (freeze->until_ns > freeze->latest_ns)
        freeze->until_ns = freeze->latest_ns;
    if (freeze->n_mark < MOST_POST)
        freeze->mark[freeze->n_mark++] = make_mark(self, reason);
    return RC_OK;
}

static void accompany_freeze(struct recorder *self)
{
    struct freeze *freeze = &self->freeze;

    if (freeze->file.open && freeze->last_cycle)
        companion_follow(&freeze->companion, &self->shelf, &freeze->file, freeze->first_cycle,
                         freeze->last_cycle, freeze->revision);
}

static void end_freeze(struct recorder *self)
{
    accompany_freeze(self);
    stream_file_close(&self->freeze.file);
    fprintf(stderr, "orbit-stream: frozen: %s, %lu items\n", self->freeze.path,
            self->freeze.file.log.n_appended);
}

static void put_due_marks(struct freeze *freeze)
{
    unsigned n = 0;

    while (n < freeze->n_mark && freeze->mark[n].cycle <= freeze->last_cycle)
        stream_file_mark(&freeze->file, &freeze->mark[n++]);
    freeze->n_mark -= n;
    memmove(freeze->mark, freeze->mark + n, freeze->n_mark * sizeof *freeze->mark);
}

static void freeze_record(struct recorder *self, uint64_t lost)
{
    struct freeze *freeze = &self->freeze;

    if (lost)
        stream_file_lost(&freeze->file,
                         &(struct stream_lost){.count = lost,
                                               .where = LOST_RING,
                                               .run_id = self->record->run_id,
                                               .after_cycle = freeze->last_cycle});
    if (self->record->t_mono_ns < freeze->from_ns)
        return;
    stream_file_record(&freeze->file, self->record);
    if (!freeze->first_cycle)
        freeze->first_cycle = self->record->cycle;
    if (freeze->revision != self->record->revision)
        accompany_freeze(self);
    freeze->last_cycle = self->record->cycle;
    freeze->revision = self->record->revision;
    put_due_marks(freeze);
}

/* Copies what is due; true if there was something. */
static bool step_freeze(struct recorder *self)
{
    struct freeze *freeze = &self->freeze;
    uint64_t lost = 0;
    int n = 0;

    while (freeze->file.open && n < BATCH &&
           client_read_record(self->client, &freeze->next, self->record, &lost)) {
        if (self->record->t_mono_ns > freeze->until_ns) {
            end_freeze(self);
            return true;
        }
        freeze_record(self, lost);
        lost = 0;
        n++;
    }
    accompany_freeze(self);
    return n > 0;
}

/* ---- following the ring ---- */

/* Records missing in front of the one just read. Where a recording goes on behind its end the
 * ring cannot know what of the run is missing: the cycles do. */
static uint64_t n_missing(const struct recorder *self, uint64_t lost_in_ring)
{
    uint64_t expected;

    if (self->seen)
        return lost_in_ring;
    if (!self->resuming)
        return 0;
    expected = self->last_cycle + 1 + self->record->skipped;
    return self->record->cycle > expected ? self->record->cycle - expected : 0;
}

static void put_lost(struct recorder *self, uint64_t count)
{
    struct stream_lost lost = {.count = count,
                               .where = LOST_RING,
                               .run_id = self->record->run_id,
                               .after_cycle = self->last_cycle};

    fprintf(stderr, "orbit-stream: %lu records lost behind cycle %lu\n", count,
            self->last_cycle);
    stream_file_lost(&self->continuous, &lost);
}

static void put_mark(struct recorder *self, const char *reason)
{
    struct stream_mark mark = make_mark(self, reason);

    stream_file_mark(&self->continuous, &mark);
}

static const char *event(uint64_t before, uint64_t state)
{
    if (before == state)
        return NULL;
    return state == STATE_HOLD ? "hold" : state == STATE_TRIPPED ? "tripped" : NULL;
}

static void follow_record(struct recorder *self, uint64_t lost_in_ring)
{
    uint64_t missing = n_missing(self, lost_in_ring);
    const char *reason = NULL;

    if (self->spec.continuous && missing)
        put_lost(self, missing);
    if (self->spec.continuous && self->seen && self->last_revision != self->record->revision)
        companion_follow(&self->companion, &self->shelf, &self->continuous, self->first_cycle,
                         self->last_cycle, self->last_revision);
    if (self->seen)
        reason = event(self->last_state, self->record->state);
    self->last_run = self->record->run_id;
    self->last_cycle = self->record->cycle;
    self->last_state = self->record->state;
    self->last_unmet = self->record->unmet;
    self->last_revision = self->record->revision;
    if (!self->seen)
        self->first_cycle = self->record->cycle;
    self->last_mono_ns = self->record->t_mono_ns;
    self->last_utc_ns = self->record->t_utc_ns;
    self->seen = true;
    if (self->spec.continuous)
        stream_file_record(&self->continuous, self->record);
    if (!reason)
        return;
    if (self->spec.continuous)
        put_mark(self, reason);
    if (begin_freeze(self, reason) != RC_OK)
        fprintf(stderr, "orbit-stream: no freeze: %s\n", err_text());
}

static bool step_follow(struct recorder *self)
{
    uint64_t lost = 0;
    int n = 0;

    for (; n < BATCH && client_read_record(self->client, &self->next, self->record, &lost);
         n++) {
        bool known = !self->seen && self->resuming && self->record->cycle <= self->last_cycle;

        if (known)
            continue;
        follow_record(self, lost);
        lost = 0;
    }
    if (self->spec.continuous && self->seen)
        companion_follow(&self->companion, &self->shelf, &self->continuous, self->first_cycle,
                         self->last_cycle, self->last_revision);
    return n > 0;
}

/* ---- requests ---- */

static enum rc serve(struct recorder *self, const char *reason, char *answer, size_t size)
{
    enum rc rc;

    if (!self->client || !self->seen)
        rc = err_set(RC_STATE, self->client ? "no record came yet" : "no orbitd is there");
    else
        rc = begin_freeze(self, reason);
    snprintf(answer, size, "%s", rc == RC_OK ? self->freeze.path : err_text());
    return rc;
}

static void serve_request(struct recorder *self)
{
    struct request *request = &self->request;

    pthread_mutex_lock(&request->mutex);
    if (request->pending) {
        request->rc = serve(self, request->reason, request->answer, sizeof request->answer);
        request->pending = false;
        request->done = true;
        pthread_cond_signal(&request->answered);
    }
    pthread_mutex_unlock(&request->mutex);
}

enum rc recorder_freeze(struct recorder *self, const char *reason, int timeout_ms, char *answer,
                        size_t size)
{
    struct timespec until = clock_timespec(clock_mono_ns() + timeout_ms * 1000000LL);
    struct request *request = &self->request;
    enum rc rc = RC_TIMEOUT;
    int waited = 0;

    pthread_mutex_lock(&request->mutex);
    snprintf(request->reason, sizeof request->reason, "%s", reason);
    request->pending = true;
    request->done = false;
    while (!request->done && waited == 0)
        waited = pthread_cond_timedwait(&request->answered, &request->mutex, &until);
    snprintf(answer, size, "%s", "the disk is slow: no answer yet");
    if (request->done) {
        rc = request->rc;
        snprintf(answer, size, "%s", request->answer);
    }
    request->pending = false;
    pthread_mutex_unlock(&request->mutex);
    return rc;
}

/* ---- running ---- */

static void sync_when_due(struct recorder *self)
{
    int64_t now_ns = clock_mono_ns();

    if (now_ns < self->sync_ns)
        return;
    self->sync_ns = now_ns + (int64_t) (self->spec.sync_s * 1e9);
    if (self->continuous.open)
        stream_file_sync(&self->continuous);
    if (self->freeze.file.open)
        stream_file_sync(&self->freeze.file);
}

/* One turn. A dead run's ring stays readable: it is read to its end first. */
static bool turn(struct recorder *self)
{
    bool alive, busy;

    if (!keep_attached(self))
        return false;
    alive = client_alive(self->client);
    set_shelf_follow(&self->shelf);
    busy = step_follow(self);
    busy = step_freeze(self) || busy;
    if (alive || busy)
        return busy;
    tell(self, "orbitd is gone");
    detach(self);
    return true;
}

void recorder_run(struct recorder *self)
{
    const struct timespec idle = {.tv_nsec = IDLE_NS};

    while (!atomic_load(&self->stop)) {
        bool busy = turn(self);

        serve_request(self);
        sync_when_due(self);
        if (!busy)
            nanosleep(&idle, NULL);
    }
}

void recorder_stop(struct recorder *self)
{
    atomic_store(&self->stop, true);
}
