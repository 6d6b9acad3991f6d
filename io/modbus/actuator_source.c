#include "io/modbus/actuator_source.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/gateway/lease.h"
#include "io/gateway/setpoint.h"
#include "io/modbus/quality.h"
#include "rt/base/clock.h"

/* A device may show a new set point this much after it confirmed it. */
#define SHOW_LAG_NS (3 * NS_PER_S / 10)

enum { NO_POINT = -1 };

struct column {
    int64_t set, readback, valid; /* points, or NO_POINT */
    struct setpoint setpoint;     /* A; kicks in Hz for the RF */
    bool can_write;               /* by the map */
    bool enabled;                 /* not disabled by configuration */
    bool pending, sending, uncertain;
    double target;     /* A, while pending */
    int64_t t_done_ns; /* of the last write */
    double nominal;    /* RF: Hz found first; NaN before */
};

struct actuator_source {
    struct actuator_setup setup;
    struct orbit_link link;
    uint64_t n_kick, n_col, connection, revision;
    uint64_t *order; /* [n_kick]: columns by link, unit and address of their set points */
    struct cfg live; /* read again when the loop has new parameters */
    struct cfg_faults faults;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;

    pthread_mutex_t lock;  /* of all that follows */
    struct client *client; /* NULL while nothing may be written */
    struct lease lease;
    bool block_open;         /* taken, and not all of it is written */
    struct column *column;   /* [n_col] */
    struct reading *reading; /* [n_point] */
    void *snapshot;
    double *value, *aux; /* [n_col], as the two below */
    int64_t *t_value_ns;
    uint64_t *quality;
    uint64_t frame_seq;
};

static const struct map_point *point_of(const struct actuator_source *a,
                                        const struct column *column)
{
    return &a->setup.map->point[column->set];
}

/* ---- making ---- */

static int64_t *place_of(struct actuator_source *a, const struct map_point *point)
{
    switch (point->quantity) {
    case QUANTITY_SET:
        return &a->column[point->device].set;
    case QUANTITY_READBACK:
        return &a->column[point->device].readback;
    case QUANTITY_CORRECTOR_VALID:
        return &a->column[point->device].valid;
    case QUANTITY_RF_SET:
        return &a->column[a->n_kick].set;
    case QUANTITY_RF_READBACK:
        return &a->column[a->n_kick].readback;
    default:
        return NULL;
    }
}

static enum rc find_points(struct actuator_source *a)
{
    const struct register_map *map = a->setup.map;
    bool any = false;
    for (uint64_t i = 0; i < a->n_col; i++) {
        a->column[i].set = a->column[i].readback = a->column[i].valid = NO_POINT;
    }
    for (uint64_t i = 0; i < map->n_point; i++) {
        int64_t *place = place_of(a, &map->point[i]);
        if (place) {
            *place = (int64_t) i;
            any = true;
        }
    }
    return any ? RC_OK : err_set(RC_INPUT, "the register map has no corrector");
}

static void set_up_columns(struct actuator_source *a)
{
    const struct devices *devices = a->setup.devices;
    for (uint64_t i = 0; i < a->n_kick; i++) {
        const struct corrector_device *device = &devices->corrector[i];
        struct column *column = &a->column[i];
        double step = device->resolution_a;
        if (column->set != NO_POINT) {
            const struct map_point *point = point_of(a, column);
            double register_a = map_point_step(point, device->limit_a);
            column->can_write = point->write;
            step = register_a > step ? register_a : step;
        }
        column->setpoint = (struct setpoint){
            .kick_per_unit = device->rad_per_a, .limit = device->limit_a, .step = step};
    }
    if (devices->n_rf) {
        a->column[a->n_kick].setpoint.kick_per_unit = 1;
        a->column[a->n_kick].nominal = NAN;
    }
}

static int compare(const void *left, const void *right, void *source)
{
    const struct actuator_source *a = source;
    const struct column *l = &a->column[*(const uint64_t *) left],
                        *r = &a->column[*(const uint64_t *) right];
    if (l->set == NO_POINT || r->set == NO_POINT) {
        return (l->set == NO_POINT) - (r->set == NO_POINT);
    }
    const struct map_point *p = point_of(a, l), *q = point_of(a, r);
    if (p->link != q->link) {
        return p->link < q->link ? -1 : 1;
    }
    if (p->unit_id != q->unit_id) {
        return p->unit_id < q->unit_id ? -1 : 1;
    }
    return (p->address > q->address) - (p->address < q->address);
}

static void order_columns(struct actuator_source *a)
{
    for (uint64_t i = 0; i < a->n_kick; i++) {
        a->order[i] = i;
    }
    qsort_r(a->order, a->n_kick, sizeof *a->order, compare, a);
}

static enum rc make_arrays(struct actuator_source *a, const struct orbit_dims *dims)
{
    a->column = calloc(a->n_col, sizeof *a->column);
    a->order = calloc(a->n_col, sizeof *a->order);
    a->reading = calloc(a->setup.map->n_point, sizeof *a->reading);
    a->value = calloc(a->n_col, sizeof *a->value);
    a->aux = calloc(a->n_col, sizeof *a->aux);
    a->t_value_ns = calloc(a->n_col, sizeof *a->t_value_ns);
    a->quality = calloc(a->n_col, sizeof *a->quality);
    a->snapshot = calloc(1, snapshot_size_b(dims));
    if (!a->column || !a->order || !a->reading || !a->value || !a->aux || !a->t_value_ns ||
        !a->quality || !a->snapshot) {
        return err_set(RC_NOMEM, "no memory for the correctors");
    }
    return lease_init(&a->lease, dims);
}

static bool is_disabled(const struct cfg *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->ring_disabled_correctors.count; i++) {
        if (strcmp(cfg->ring_disabled_correctors.name[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The live keys: fieldbus.write_hz, ring.disabled_correctors. */
static void configure(struct actuator_source *a, const struct cfg *cfg)
{
    lease_set_rate(&a->lease, cfg->fieldbus_write_hz);
    for (uint64_t i = 0; i < a->n_kick; i++) {
        a->column[i].enabled = !is_disabled(cfg, a->setup.devices->corrector[i].name);
    }
}

enum rc actuator_source_create(struct actuator_source **source,
                               const struct actuator_setup *setup)
{
    const struct devices *devices = setup->devices;
    struct orbit_dims dims = {devices->n_bpm, devices->n_h, devices->n_v, devices->n_rf};
    struct actuator_source *a = calloc(1, sizeof *a);
    *source = a;
    if (!a) {
        return err_set(RC_NOMEM, "no memory for the correctors");
    }
    a->setup = *setup;
    a->n_kick = devices->n_h + devices->n_v;
    a->n_col = dims_n_col(&dims);
    pthread_mutex_init(&a->lock, NULL);
    link_init(&a->link, &setup->spec);
    enum rc rc = make_arrays(a, &dims);
    rc = rc ? rc : find_points(a);
    if (rc) {
        actuator_source_destroy(a);
        *source = NULL;
        return rc;
    }
    set_up_columns(a);
    order_columns(a);
    configure(a, setup->cfg);
    return RC_OK;
}

void actuator_source_stop(struct actuator_source *a)
{
    atomic_store(&a->stop, true);
    if (a->has_thread) {
        pthread_join(a->thread, NULL);
    }
    a->has_thread = false;
}

void actuator_source_destroy(struct actuator_source *a)
{
    if (!a) {
        return;
    }
    actuator_source_stop(a);
    lease_end(&a->lease);
    free(a->column);
    free(a->order);
    free(a->reading);
    free(a->value);
    free(a->aux);
    free(a->t_value_ns);
    free(a->quality);
    free(a->snapshot);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* ---- what is found ---- */

/* NaN: not known. */
static double found_a(const struct actuator_source *a, const struct column *column)
{
    const struct reading *reading = &a->reading[column->set];
    return reading->fault == READING_GOOD ? reading->si : (double) NAN;
}

/* Compares what we wrote with what was read after it. */
static void watch(const struct actuator_source *a, struct column *column, int64_t now_ns)
{
    if (column->set == NO_POINT || !column->setpoint.wrote || column->sending) {
        return;
    }
    double found = found_a(a, column);
    if (!isfinite(found) || a->reading[column->set].t_sample_ns <= column->t_done_ns) {
        return;
    }
    if (column->uncertain) {
        setpoint_resolve(&column->setpoint, found);
        column->uncertain = false;
    }
    setpoint_watch(&column->setpoint, found, now_ns - column->t_done_ns < SHOW_LAG_NS);
}

static void look(struct actuator_source *a)
{
    int64_t now_ns = clock_mono_ns();
    board_copy(a->setup.board, a->reading);
    for (uint64_t i = 0; i < a->n_kick; i++) {
        watch(a, &a->column[i], now_ns);
    }
}

/* ---- writing, on the links' threads ---- */

static bool may_write(const struct actuator_source *a)
{
    return a->client && a->block_open && lease_allows(&a->lease, a->client);
}

/* true: everything of the block is written. */
static bool is_done(const struct actuator_source *a)
{
    for (uint64_t i = 0; i < a->n_kick; i++) {
        if (a->column[i].pending || a->column[i].sending) {
            return false;
        }
    }
    return true;
}

static void finish_if_done(struct actuator_source *a)
{
    if (a->block_open && is_done(a)) {
        a->block_open = false;
        lease_finish(&a->lease, true);
    }
}

/* Neighbours that go out in one request. */
struct batch {
    uint64_t column[PDU_MAX_WRITE];
    double target[PDU_MAX_WRITE];
    unsigned n_column;
    uint16_t word[PDU_MAX_WRITE];
    struct pdu_request request;
};

/* What is foreign now, or unknown, is not written. */
static bool is_wanted(struct actuator_source *a, struct column *column, uint64_t link)
{
    if (!column->pending || column->sending || point_of(a, column)->link != link) {
        return false;
    }
    column->pending = !column->setpoint.foreign && isfinite(found_a(a, column));
    return column->pending;
}

static bool add(struct actuator_source *a, struct batch *batch, uint64_t index)
{
    struct column *column = &a->column[index];
    const struct map_point *point = point_of(a, column);
    struct pdu_request *request = &batch->request;
    unsigned n = register_words(point->type);
    bool joins = batch->n_column && point->unit_id == request->unit &&
                 point->address == request->address + request->n &&
                 request->n + n <= PDU_MAX_WRITE;
    if (batch->n_column && !joins) {
        return false;
    }
    if (!map_point_encode(point, column->target, batch->word + request->n)) {
        column->pending = false;
        return true;
    }
    if (!batch->n_column) {
        request->unit = point->unit_id;
        request->address = point->address;
    }
    request->n = (uint16_t) (request->n + n);
    batch->target[batch->n_column] = column->target;
    batch->column[batch->n_column++] = index;
    return true;
}

/* false: nothing of this link is left to write. */
static bool gather(struct actuator_source *a, uint64_t link, struct batch *batch)
{
    *batch = (struct batch){0};
    for (uint64_t i = 0; i < a->n_kick; i++) {
        uint64_t index = a->order[i];
        if (a->column[index].set != NO_POINT && is_wanted(a, &a->column[index], link) &&
            !add(a, batch, index)) {
            break;
        }
    }
    batch->request.word = batch->word;
    batch->request.function = batch->request.n == 1 ? PDU_WRITE_ONE : PDU_WRITE_MANY;
    return batch->n_column > 0;
}

static void note_sent(struct actuator_source *a, const struct batch *batch)
{
    for (unsigned i = 0; i < batch->n_column; i++) {
        struct column *column = &a->column[batch->column[i]];
        setpoint_note(&column->setpoint, batch->target[i], found_a(a, column));
        column->sending = true;
    }
}

/* refused: the device keeps what it had. Neither good nor refused: nobody knows. */
static void note_end(struct actuator_source *a, const struct batch *batch, bool good,
                     bool refused)
{
    int64_t now_ns = clock_mono_ns();
    for (unsigned i = 0; i < batch->n_column; i++) {
        struct column *column = &a->column[batch->column[i]];
        column->sending = false;
        column->t_done_ns = now_ns;
        column->uncertain = !good && !refused;
        if (refused) {
            column->setpoint.written = column->setpoint.written_before;
        }
        /* A newer block may have come meanwhile. */
        column->pending = column->pending && fabs(column->target - batch->target[i]) > 0;
        a->lease.n_written += good;
    }
}

static bool write_batch(struct actuator_source *a, struct scanner *scanner,
                        const struct batch *batch)
{
    bool refused = false;
    int64_t latest_ns = a->lease.block->valid_until_ns;
    note_sent(a, batch);
    pthread_mutex_unlock(&a->lock);
    bool good = scanner_write(scanner, &batch->request, latest_ns, &refused);
    pthread_mutex_lock(&a->lock);
    note_end(a, batch, good, refused);
    return good || refused;
}

static void write_link(void *self, struct scanner *scanner, uint64_t link)
{
    struct actuator_source *a = self;
    struct batch batch;
    pthread_mutex_lock(&a->lock);
    if (a->block_open) {
        look(a);
    }
    while (may_write(a) && gather(a, link, &batch)) {
        if (!write_batch(a, scanner, &batch)) {
            break;
        }
    }
    finish_if_done(a);
    pthread_mutex_unlock(&a->lock);
}

struct scan_writer actuator_source_writer(struct actuator_source *source)
{
    return (struct scan_writer){.self = source, .write = write_link};
}

/* ---- blocks ---- */

static void drop_pending(struct actuator_source *a)
{
    for (uint64_t i = 0; i < a->n_kick; i++) {
        a->column[i].pending = false;
    }
    a->block_open = false;
}

static void open_block(struct actuator_source *a)
{
    const double *kick = lease_kicks(&a->lease);
    const struct orbit_dims *dims = client_dims(a->client);
    const uint64_t *quality = client_read_snapshot(a->client, a->snapshot)
                                  ? snapshot_bits(dims, a->snapshot, VEC_COL_QUALITY)
                                  : NULL;
    for (uint64_t i = 0; i < a->n_kick; i++) {
        struct column *column = &a->column[i];
        bool disabled = !column->can_write || !column->enabled ||
                        (quality && (quality[i] & QUALITY_DISABLED));
        double found = disabled ? (double) NAN : found_a(a, column);
        column->pending = isfinite(found) &&
                          setpoint_is_due(&column->setpoint, kick[i], found, &column->target);
    }
    a->block_open = true;
    finish_if_done(a);
}

/* The loop may drive every corrector that is not disabled; an arming that would leave some of
 * them standing is not acknowledged. */
static bool all_writable(const struct actuator_source *a)
{
    for (uint64_t i = 0; i < a->n_kick; i++) {
        if (a->column[i].enabled && !a->column[i].can_write) {
            return false;
        }
    }
    return true;
}

static void follow_state(struct actuator_source *a)
{
    bool history = lease_follow(&a->lease, a->client);
    if (!all_writable(a)) {
        lease_forget(&a->lease);
    }
    for (uint64_t i = 0; history && i < a->n_kick; i++) {
        setpoint_forget(&a->column[i].setpoint);
        a->column[i].uncertain = false;
    }
    if (a->block_open && !may_write(a)) {
        drop_pending(a);
        a->lease.n_refused++;
    }
}

/* ---- frames ---- */

/* Value of a point in A or Hz; quality bits are added. */
static double read_si(const struct actuator_source *a, int64_t point, uint64_t *quality,
                      int64_t *t_ns)
{
    if (point == NO_POINT) {
        *quality |= QUALITY_ABSENT;
        return 0;
    }
    *quality |= quality_of_reading(a->reading[point].fault);
    *t_ns = a->reading[point].t_sample_ns;
    return a->reading[point].si;
}

static void find_nominal(const struct actuator_source *a, struct column *column)
{
    if (isnan(column->nominal) && column->set != NO_POINT) {
        column->nominal = found_a(a, column);
    }
}

static double kick_of(const struct column *column, double si)
{
    return (si - (isnan(column->nominal) ? si : column->nominal)) *
           column->setpoint.kick_per_unit;
}

static void fill_column(struct actuator_source *a, uint64_t i)
{
    struct column *column = &a->column[i];
    uint64_t quality = QUALITY_GOOD;
    int64_t t_set_ns = 0, t_readback_ns = 0;
    find_nominal(a, column);
    double set = kick_of(column, read_si(a, column->set, &quality, &t_set_ns));
    a->aux[i] = set;
    a->value[i] = set;
    a->t_value_ns[i] = t_set_ns;
    if (column->readback != NO_POINT) {
        a->value[i] = kick_of(column, read_si(a, column->readback, &quality, &t_readback_ns));
        a->t_value_ns[i] = t_readback_ns;
    }
    if (column->valid != NO_POINT) {
        quality |= quality_of_reading(a->reading[column->valid].fault);
    }
    quality |= column->setpoint.foreign ? QUALITY_FOREIGN : 0;
    quality |= column->setpoint.clamped ? QUALITY_SATURATED : 0;
    quality |= i < a->n_kick && !(column->enabled && column->can_write) ? QUALITY_DISABLED : 0;
    a->quality[i] = quality;
}

static void publish(struct actuator_source *a)
{
    int64_t now_ns = clock_mono_ns();
    struct frame_head head = {.frame_seq = ++a->frame_seq,
                              .t_sample_ns = now_ns,
                              .t_received_ns = now_ns,
                              .n_value = a->n_col};
    for (uint64_t i = 0; i < a->n_col; i++) {
        fill_column(a, i);
        head.word[WORD_OUTSTANDING] +=
            i < a->n_kick && (a->column[i].pending || a->column[i].sending);
    }
    lease_echo(&a->lease, &head);
    client_publish_frame(a->client, &head, a->value, a->aux, a->t_value_ns, a->quality);
}

/* ---- the thread ---- */

/* A reload in orbitd shows as a new revision; a file that is faulty meanwhile changes nothing.
 */
static void follow_reload(struct actuator_source *a)
{
    uint64_t revision = status_load(&client_status(a->client)->revision);
    if (revision == a->revision) {
        return;
    }
    a->revision = revision;
    if (cfg_load(&a->live, a->setup.config_path, &a->faults) == RC_OK) {
        configure(a, &a->live);
    }
}

static void serve(struct actuator_source *a)
{
    look(a);
    follow_reload(a);
    follow_state(a);
    if (lease_take(&a->lease, a->client, clock_mono_ns())) {
        open_block(a);
    }
    publish(a);
}

static void step(struct actuator_source *a)
{
    /* The links' threads look at the connection's memory: it is taken from them first. */
    pthread_mutex_lock(&a->lock);
    a->client = NULL;
    pthread_mutex_unlock(&a->lock);
    struct client *client = link_poll(&a->link, clock_mono_ns());
    pthread_mutex_lock(&a->lock);
    if (!client || a->link.n_opened != a->connection) {
        lease_forget(&a->lease);
        drop_pending(a);
        a->connection = a->link.n_opened;
    }
    a->client = client;
    if (client) {
        serve(a);
    }
    pthread_mutex_unlock(&a->lock);
}

static void *run(void *argument)
{
    struct actuator_source *a = argument;
    int64_t period_ns = (int64_t) (1e9 / a->setup.cfg->fieldbus_echo_hz);
    int64_t tick_ns = clock_mono_ns();
    while (!atomic_load(&a->stop)) {
        struct timespec until = clock_timespec(tick_ns);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        }
        step(a);
        int64_t now_ns = clock_mono_ns();
        tick_ns += (now_ns > tick_ns ? (now_ns - tick_ns) / period_ns + 1 : 1) * period_ns;
    }
    pthread_mutex_lock(&a->lock);
    a->client = NULL;
    pthread_mutex_unlock(&a->lock);
    link_close(&a->link);
    return NULL;
}

enum rc actuator_source_start(struct actuator_source *a)
{
    a->has_thread = pthread_create(&a->thread, NULL, run, a) == 0;
    return a->has_thread ? RC_OK : err_sys("no thread");
}
