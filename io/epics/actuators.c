#include "io/epics/actuators.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/gateway/lease.h"
#include "io/gateway/setpoint.h"
#include "rt/base/clock.h"

/* The monitor of a value may come this much after the confirmation of its put. */
#define MONITOR_LAG_NS (3 * NS_PER_S / 10)

struct column {
    int set, readback;        /* channels, or -1 */
    struct setpoint setpoint; /* in the PV's unit; kicks in Hz for the RF */
    bool writable;            /* a corrector that is not disabled by configuration */
    double nominal;           /* RF: what was found first; NaN before */
};

struct actuators {
    struct channels *channels;
    const struct devices *devices;
    uint64_t n_kick, n_col;
    struct column *column; /* [n_col] */
    struct lease lease;
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

/* What counts as a change of the RF's frequency; less is rounding. */
static const double rf_step_hz = 1e-3;

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
        a->column[i] = (struct column){.setpoint = {.kick_per_unit = device->rad_per_a,
                                                    .limit = device->limit_a,
                                                    .step = device->resolution_a}};
        rc = add_pv(a, cfg, &device->pv_set, &a->column[i].set);
        rc = rc ? rc : add_pv(a, cfg, &device->pv_readback, &a->column[i].readback);
    }
    if (rc == RC_OK && devices->n_rf) {
        struct column *rf = &a->column[a->n_kick];
        *rf = (struct column){.setpoint = {.kick_per_unit = devices->rf.hz_per_unit,
                                           .step = rf_step_hz / devices->rf.hz_per_unit},
                              .nominal = NAN};
        rc = add_pv(a, cfg, &devices->rf.pv_set, &rf->set);
        rc = rc ? rc : add_pv(a, cfg, &devices->rf.pv_readback, &rf->readback);
    }
    return rc;
}

void actuators_configure(struct actuators *a, const struct cfg *cfg)
{
    lease_set_rate(&a->lease, cfg->epics_write_hz);
    for (uint64_t i = 0; i < a->n_kick; i++) {
        a->column[i].writable = !is_disabled(cfg, a->devices->corrector[i].name);
    }
    for (uint64_t i = a->n_kick; i < a->n_col; i++) {
        a->column[i].writable = cfg->energy_drive_rf;
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
    a->snapshot = calloc(1, snapshot_size_b(dims));
    if (!a->column || !a->value || !a->aux || !a->t_value_ns || !a->quality || !a->snapshot) {
        return err_set(RC_NOMEM, "no memory for the correctors");
    }
    return lease_init(&a->lease, dims);
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
    lease_end(&a->lease);
    free(a->snapshot);
    free(a);
}

/* ---- arming
 * ------------------------------------------------------------------------------------- */

void actuators_forget(struct actuators *a)
{
    lease_forget(&a->lease);
}

/* A new arming begins with what is found. */
static void follow_state(struct actuators *a, struct client *client)
{
    bool history = lease_follow(&a->lease, client);
    for (uint64_t i = 0; history && i < a->n_col; i++) {
        setpoint_forget(&a->column[i].setpoint);
    }
}

/* ---- writing
 * ------------------------------------------------------------------------------------ */

/* Without the nominal frequency, of an RF. */
static double found_value(const struct actuators *a, const struct column *column)
{
    struct channel_view view;
    double found = NAN;
    channels_read(a->channels, column->set, 0, 1, &found, &view);
    return view.fault == CHANNEL_GOOD ? found - column->nominal : (double) NAN;
}

/* False: the value must wait, its last put is not confirmed yet. */
static bool write_column(struct actuators *a, struct column *column, double kick)
{
    double found = found_value(a, column), value;
    if (!setpoint_is_due(&column->setpoint, kick, found, &value)) {
        return true;
    }
    enum rc rc = channels_put(a->channels, column->set, value + column->nominal);
    if (rc == RC_OK) {
        setpoint_note(&column->setpoint, value, found);
        a->lease.n_written++;
    }
    return rc != RC_STATE;
}

/* True: nothing of the block is left to write. */
static bool write_block(struct actuators *a, struct client *client)
{
    bool complete = true;
    const double *kick = lease_kicks(&a->lease);
    struct orbit_dims dims = *client_dims(client);
    const uint64_t *quality = client_read_snapshot(client, a->snapshot)
                                  ? snapshot_bits(&dims, a->snapshot, VEC_COL_QUALITY)
                                  : NULL;
    for (uint64_t i = 0; i < a->n_col; i++) {
        struct column *column = &a->column[i];
        bool disabled = quality && (quality[i] & QUALITY_DISABLED);
        if (!column->writable || disabled || column->set < 0) {
            continue;
        }
        if (!lease_runs(&a->lease)) {
            break;
        }
        complete = write_column(a, column, kick[i]) && complete;
    }
    channels_flush();
    return complete;
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
    return (value - (isnan(column->nominal) ? value : column->nominal)) *
           column->setpoint.kick_per_unit;
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

/* Between the confirmation of a put and its monitor the value written before still shows. */
static void detect_foreign(const struct actuators *a, struct column *column, int64_t now_ns)
{
    int64_t t_done_ns;
    if (!column->setpoint.wrote ||
        channels_put_outstanding(a->channels, column->set, &t_done_ns)) {
        return;
    }
    double found = found_value(a, column);
    if (isfinite(found)) {
        setpoint_watch(&column->setpoint, found, now_ns - t_done_ns < MONITOR_LAG_NS);
    }
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
    if (column->writable) {
        detect_foreign(a, column, now_ns);
    }
    quality |= column->setpoint.foreign ? QUALITY_FOREIGN : 0;
    quality |= column->setpoint.clamped ? QUALITY_SATURATED : 0;
    quality |= i < a->n_kick && !column->writable ? QUALITY_DISABLED : 0;
    a->quality[i] = quality;
}

static uint64_t count_outstanding(const struct actuators *a)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < a->n_col; i++) {
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
    lease_echo(&a->lease, &head);
    head.word[WORD_OUTSTANDING] = (int64_t) count_outstanding(a);
    client_publish_frame(client, &head, a->value, a->aux, a->t_value_ns, a->quality);
}

void actuators_step(struct actuators *a, struct client *client, int64_t now_ns)
{
    follow_state(a, client);
    if (lease_take(&a->lease, client, now_ns)) {
        lease_finish(&a->lease, write_block(a, client));
    }
    publish_frame(a, client, now_ns);
}
