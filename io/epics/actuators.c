#include "io/epics/actuators.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rt/base/clock.h"

/* The monitor of a value may come this much after the confirmation of its put. */
#define MONITOR_LAG_NS (3 * NS_PER_S / 10)

struct column {
    int set, readback;    /* channels, or -1 */
    double kick_per_unit; /* rad per A; Hz per unit for the RF */
    double limit, step;   /* in the PV's unit; 0: none */
    bool writable;        /* a corrector that is not disabled by configuration */
    bool wrote;           /* in the present arming */
    bool foreign, clamped;
    double written, written_before; /* PV units */
    double nominal;                 /* RF: what was found first; NaN before */
};

struct actuators {
    struct channels *channels;
    const struct devices *devices;
    uint64_t n_kick, n_col;
    struct column *column; /* [n_col] */
    int64_t write_period_ns, next_write_ns;
    uint64_t ack_arm_id, last_life, refused_life;
    uint64_t last_cycle, n_written, n_refused;
    int64_t last_write_ns;
    void *block;    /* setpoint_size_b() */
    void *snapshot; /* snapshot_size_b(): which columns the loop holds disabled */
    double *value, *aux;
    int64_t *t_value_ns;
    uint64_t *quality;
    uint64_t frame_seq;
};

/* ---- set-up
 * ------------------------------------------------------------------------------------- */

static enum rc add_pv(struct actuators *a, const struct cfg *cfg, const struct device_pv *pv,
                      int *handle)
{
    char name[2 * DEVICE_PV_SIZE];
    *handle = -1;
    if (!pv->name[0]) {
        return RC_OK;
    }
    snprintf(name, sizeof name, "%s%s", cfg->epics_machine_prefix, pv->name);
    return channels_add(a->channels, name, 1, handle);
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

static enum rc add_columns(struct actuators *a, const struct devices *devices,
                           const struct cfg *cfg)
{
    enum rc rc = RC_OK;
    for (uint64_t i = 0; i < a->n_kick && rc == RC_OK; i++) {
        const struct corrector_device *device = &devices->corrector[i];
        a->column[i] = (struct column){.kick_per_unit = device->rad_per_a,
                                       .limit = device->limit_a,
                                       .step = device->resolution_a,
                                       .nominal = 0};
        rc = add_pv(a, cfg, &device->pv_set, &a->column[i].set);
        rc = rc ? rc : add_pv(a, cfg, &device->pv_readback, &a->column[i].readback);
    }
    if (rc == RC_OK && devices->n_rf) {
        struct column *rf = &a->column[a->n_kick];
        *rf = (struct column){.kick_per_unit = devices->rf.hz_per_unit, .nominal = NAN};
        rc = add_pv(a, cfg, &devices->rf.pv_set, &rf->set);
        rc = rc ? rc : add_pv(a, cfg, &devices->rf.pv_readback, &rf->readback);
    }
    return rc;
}

void actuators_configure(struct actuators *a, const struct cfg *cfg)
{
    a->write_period_ns = (int64_t) (1e9 / cfg->epics_write_hz);
    for (uint64_t i = 0; i < a->n_kick; i++) {
        a->column[i].writable = !is_disabled(cfg, a->devices->corrector[i].name);
    }
}

static enum rc make_arrays(struct actuators *a, const struct orbit_dims *dims)
{
    size_t n = a->n_col;
    a->column = calloc(n, sizeof *a->column);
    a->value = calloc(n, sizeof *a->value);
    a->aux = calloc(n, sizeof *a->aux);
    a->t_value_ns = calloc(n, sizeof *a->t_value_ns);
    a->quality = calloc(n, sizeof *a->quality);
    a->block = calloc(1, setpoint_size_b(dims));
    a->snapshot = calloc(1, snapshot_size_b(dims));
    if (!a->column || !a->value || !a->aux || !a->t_value_ns || !a->quality || !a->block ||
        !a->snapshot) {
        return err_set(RC_NOMEM, "no memory for the correctors");
    }
    return RC_OK;
}

enum rc actuators_create(struct actuators **actuators, struct channels *channels,
                         const struct devices *devices, const struct cfg *cfg)
{
    struct orbit_dims dims = {devices->n_bpm, devices->n_h, devices->n_v, devices->n_rf};
    struct actuators *a = calloc(1, sizeof *a);
    *actuators = a;
    if (!a) {
        return err_set(RC_NOMEM, "no memory for the correctors");
    }
    a->channels = channels;
    a->n_kick = devices->n_h + devices->n_v;
    a->n_col = dims_n_col(&dims);
    a->devices = devices;
    enum rc rc = make_arrays(a, &dims);
    rc = rc ? rc : add_columns(a, devices, cfg);
    if (rc) {
        actuators_destroy(a);
        *actuators = NULL;
        return rc;
    }
    actuators_configure(a, cfg);
    return RC_OK;
}

void actuators_destroy(struct actuators *a)
{
    if (!a) {
        return;
    }
    free(a->column);
    free(a->value);
    free(a->aux);
    free(a->t_value_ns);
    free(a->quality);
    free(a->block);
    free(a->snapshot);
    free(a);
}

/* ---- arming
 * ------------------------------------------------------------------------------------- */

void actuators_forget(struct actuators *a)
{
    a->ack_arm_id = 0;
    a->last_life = 0;
    a->last_cycle = 0;
    a->last_write_ns = 0;
}

/* What was written before is history: from here on set points are only followed. */
static void forget_written(struct actuators *a)
{
    for (uint64_t i = 0; i < a->n_col; i++) {
        a->column[i].wrote = false;
        a->column[i].foreign = false;
        a->column[i].clamped = false;
    }
}

/* A new arming begins with what is found. When neither CLOSED nor HOLD, everybody may set set
 * points. */
static void follow_state(struct actuators *a, struct client *client)
{
    const struct status_block *status = client_status(client);
    uint64_t arm_id = status_load(&status->arm_id), state = status_load(&status->state);
    if (arm_id != a->ack_arm_id || (state != STATE_CLOSED && state != STATE_HOLD)) {
        forget_written(a);
    }
    a->ack_arm_id = arm_id;
}

/* ---- writing
 * ------------------------------------------------------------------------------------ */

static bool may_write(const struct actuators *a, struct client *client,
                      const struct setpoint_head *head)
{
    return head->active == 1 && head->state == STATE_CLOSED &&
           status_load(&client_status(client)->state) == STATE_CLOSED &&
           head->run_id == client_run_id(client) && head->arm_id != 0 &&
           head->arm_id == a->ack_arm_id && clock_mono_ns() < head->valid_until_ns;
}

/* What the power converter shall get: within its limits and on a DAC step. */
static double to_pv_unit(struct column *column, double kick)
{
    double value = kick / column->kick_per_unit;
    column->clamped = column->limit > 0 && fabs(value) > column->limit;
    if (column->clamped) {
        value = copysign(column->limit, value);
    }
    return column->step > 0 ? round(value / column->step) * column->step : value;
}

/* What the power converter has: what we wrote in this arming, else what was found. NaN: not
 * known. */
static double present_value(const struct actuators *a, const struct column *column)
{
    struct channel_view view;
    double found = NAN;
    if (column->wrote) {
        return column->written;
    }
    channels_read(a->channels, column->set, 0, 1, &found, &view);
    return view.fault == CHANNEL_GOOD ? found : (double) NAN;
}

/* False: the value must wait, its last put is not confirmed yet. */
static bool write_column(struct actuators *a, struct column *column, double kick)
{
    double before = present_value(a, column);
    double value = to_pv_unit(column, kick);
    if (!isfinite(value) || !isfinite(before) || column->foreign ||
        fabs(value - before) < 0.5 * column->step || value == before) {
        return true;
    }
    enum rc rc = channels_put(a->channels, column->set, value);
    if (rc == RC_OK) {
        column->written_before = before;
        column->written = value;
        column->wrote = true;
        a->n_written++;
    }
    return rc != RC_STATE;
}

/* True: nothing of the block is left to write. */
static bool write_block(struct actuators *a, struct client *client,
                        const struct setpoint_head *head)
{
    bool complete = true;
    const double *kick = (const double *) (const void *) (head + 1);
    struct orbit_dims dims = *client_dims(client);
    const uint64_t *quality = client_read_snapshot(client, a->snapshot)
                                  ? snapshot_bits(&dims, a->snapshot, VEC_COL_QUALITY)
                                  : NULL;
    for (uint64_t i = 0; i < a->n_kick; i++) {
        struct column *column = &a->column[i];
        bool disabled = quality && (quality[i] & QUALITY_DISABLED);
        if (!column->writable || disabled || column->set < 0) {
            continue;
        }
        /* A process that was stopped in the middle of a batch must not go on after the lease.
         */
        if (clock_mono_ns() >= head->valid_until_ns) {
            break;
        }
        complete = write_column(a, column, kick[i]) && complete;
    }
    channels_flush();
    a->last_cycle = head->cycle;
    a->last_write_ns = clock_mono_ns();
    return complete;
}

/* The mean rate is capped; one batch may come a quarter of a period early, because blocks and
 * our ticks beat against each other and a block left out is a law step lost. */
static int64_t next_write_ns(const struct actuators *a, int64_t now_ns)
{
    int64_t earliest_ns = now_ns - a->write_period_ns / 4;
    int64_t from_ns = a->next_write_ns > earliest_ns ? a->next_write_ns : earliest_ns;
    return from_ns + a->write_period_ns;
}

static void try_block(struct actuators *a, struct client *client, int64_t now_ns)
{
    const struct setpoint_head *head = a->block;
    /* A refused block stays refused: CLOSED may come back while its lease still runs. */
    if (now_ns < a->next_write_ns || !client_read_setpoint(client, a->block) ||
        head->life == a->last_life || head->life == a->refused_life) {
        return;
    }
    if (may_write(a, client, head)) {
        a->next_write_ns = next_write_ns(a, now_ns);
        a->last_life = write_block(a, client, head) ? head->life : 0;
    } else if (head->active == 1) {
        a->refused_life = head->life;
        a->n_refused++;
    }
}

/* ---- the frame
 * ---------------------------------------------------------------------------------- */

static uint64_t quality_of(enum channel_fault fault)
{
    switch (fault) {
    case CHANNEL_GOOD:
        return QUALITY_GOOD;
    case CHANNEL_NOT_CONNECTED:
    case CHANNEL_NO_VALUE:
        return QUALITY_ABSENT;
    default:
        return QUALITY_INVALID;
    }
}

/* Value of a PV in rad or Hz; quality bits are added. */
static double read_kick(const struct actuators *a, const struct column *column, int handle,
                        uint64_t *quality, int64_t *t_ns)
{
    struct channel_view view;
    double value = NAN;
    if (handle < 0) {
        *quality |= QUALITY_ABSENT;
        return 0;
    }
    channels_read(a->channels, handle, 0, 1, &value, &view);
    *quality |= quality_of(view.fault);
    *t_ns = view.t_sample_ns;
    if (view.fault != CHANNEL_GOOD) {
        return 0;
    }
    return (value - (isnan(column->nominal) ? value : column->nominal)) * column->kick_per_unit;
}

static void find_nominal(const struct actuators *a, struct column *column)
{
    struct channel_view view;
    double value = NAN;
    if (isnan(column->nominal) && column->set >= 0) {
        channels_read(a->channels, column->set, 0, 1, &value, &view);
        column->nominal = view.fault == CHANNEL_GOOD ? value : (double) NAN;
    }
}

static bool differs(const struct column *column, double a, double b)
{
    return fabs(a - b) > 1.5 * column->step + 1e-12 * fabs(b);
}

/* Between the confirmation of a put and its monitor the value written before still shows. */
static void detect_foreign(const struct actuators *a, struct column *column, int64_t now_ns)
{
    struct channel_view view;
    double found = NAN;
    int64_t t_done_ns;
    if (!column->wrote || column->foreign ||
        channels_put_outstanding(a->channels, column->set, &t_done_ns)) {
        return;
    }
    channels_read(a->channels, column->set, 0, 1, &found, &view);
    if (view.fault != CHANNEL_GOOD || !differs(column, found, column->written)) {
        return;
    }
    bool may_be_late =
        now_ns - t_done_ns < MONITOR_LAG_NS && !differs(column, found, column->written_before);
    column->foreign = !may_be_late;
}

static void fill_column(struct actuators *a, uint64_t i, int64_t now_ns)
{
    struct column *column = &a->column[i];
    uint64_t quality = QUALITY_GOOD;
    int64_t t_set_ns = 0, t_readback_ns = 0;
    bool has_readback = column->readback >= 0;
    find_nominal(a, column);
    a->aux[i] = read_kick(a, column, column->set, &quality, &t_set_ns);
    a->value[i] = has_readback
                      ? read_kick(a, column, column->readback, &quality, &t_readback_ns)
                      : a->aux[i];
    a->t_value_ns[i] = has_readback ? t_readback_ns : t_set_ns;
    if (i < a->n_kick) {
        detect_foreign(a, column, now_ns);
    }
    quality |= column->foreign ? QUALITY_FOREIGN : 0;
    quality |= column->clamped ? QUALITY_SATURATED : 0;
    quality |= i < a->n_kick && !column->writable ? QUALITY_DISABLED : 0;
    a->quality[i] = quality;
}

static uint64_t count_outstanding(const struct actuators *a)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < a->n_kick; i++) {
        n += a->column[i].set >= 0 &&
             channels_put_outstanding(a->channels, a->column[i].set, NULL);
    }
    return n;
}

static void publish_frame(struct actuators *a, struct client *client, int64_t now_ns)
{
    for (uint64_t i = 0; i < a->n_col; i++) {
        fill_column(a, i, now_ns);
    }
    struct frame_head head = {.frame_seq = ++a->frame_seq,
                              .t_sample_ns = now_ns,
                              .t_received_ns = now_ns,
                              .n_value = a->n_col};
    head.word[WORD_ACK_ARM_ID] = (int64_t) a->ack_arm_id;
    head.word[WORD_LAST_CYCLE] = (int64_t) a->last_cycle;
    head.word[WORD_LAST_WRITE_NS] = a->last_write_ns;
    head.word[WORD_OUTSTANDING] = (int64_t) count_outstanding(a);
    head.word[WORD_WRITES] = (int64_t) a->n_written;
    head.word[WORD_REFUSED] = (int64_t) a->n_refused;
    client_publish_frame(client, &head, a->value, a->aux, a->t_value_ns, a->quality);
}

void actuators_step(struct actuators *a, struct client *client, int64_t now_ns)
{
    follow_state(a, client);
    try_block(a, client, now_ns);
    publish_frame(a, client, now_ns);
}
