#include "bench/ring/sim_pvs.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ring/roster.h"
#include "rt/base/clock.h"

/* ---- what there is ---- */

/* Single settings; scale: from the PV's unit to SI. */
static const struct setting_pv {
    enum setting setting;
    const char *name, *unit;
    double scale, low, high;
    const char *desc;
} setting_pv[] = {
    {SETTING_BPM_NOISE_M, "BPM:NOISE", "um", 1e-6, 0, 1000, "rms noise of one reading"},
    {SETTING_LINE_M, "LINE50", "um", 1e-6, 0, 1000, "rms orbit motion at 50 Hz"},
    {SETTING_DRIFT_M, "DRIFT", "um", 1e-6, 0, 1000, "rms slow drift of the orbit"},
    {SETTING_LIFETIME_S, "BEAM:LIFETIME", "h", 3600, 1e-4, 1e6, "lifetime of the beam"},
    {SETTING_POLE_SCALE, "COR:POLE", "", 1, 0.01, 100, "all bandwidths times this"},
    {SETTING_RATE_SCALE, "COR:RATE", "", 1, 1e-6, 1e6, "all ramp rates times this"},
    {SETTING_STEP_SCALE, "COR:STEP", "", 1, 0, 1e4, "all DAC steps times this"},
    {SETTING_READBACK_A, "COR:NOISE", "A", 1, 0, 1, "rms noise of readbacks"},
    {SETTING_UDP_LOST, "UDP:LOST", "", 1, 0, 1, "share of datagrams lost"},
    {SETTING_UDP_DUPLICATE, "UDP:DUPLICATE", "", 1, 0, 1, "share of datagrams sent twice"},
    {SETTING_UDP_REORDER, "UDP:REORDER", "", 1, 0, 1, "share sent after the next one"},
    {SETTING_UDP_LATE, "UDP:LATE", "", 1, 0, 1, "share sent five samples late"},
    {SETTING_UDP_CORRUPT, "UDP:CORRUPT", "", 1, 0, 1, "share with a byte changed"},
    {SETTING_MODBUS_FAULT, "MODBUS:FAULT", "", 1, 0, 4, "1 silent 2 slow 3 exception 4 junk"},
};

enum { N_SETTING = sizeof setting_pv / sizeof *setting_pv };

enum vector {
    VECTOR_OFFSET_X,
    VECTOR_OFFSET_Y,
    VECTOR_GAIN_X,
    VECTOR_GAIN_Y,
    VECTOR_ROLL,
    VECTOR_CORRECTOR_GAIN,
    N_VECTOR
};

static const struct vector_pv {
    const char *name, *unit;
    double scale, low, high;
    const char *desc;
} vector_pv[N_VECTOR] = {
    [VECTOR_OFFSET_X] = {"BPM:OFFSET:X", "um", 1e-6, -1e4, 1e4, "electrical centre of BPMs"},
    [VECTOR_OFFSET_Y] = {"BPM:OFFSET:Y", "um", 1e-6, -1e4, 1e4, "electrical centre of BPMs"},
    [VECTOR_GAIN_X] = {"BPM:GAIN:X", "", 1, -10, 10, "gain of BPMs, 1: right"},
    [VECTOR_GAIN_Y] = {"BPM:GAIN:Y", "", 1, -10, 10, "gain of BPMs, 1: right"},
    [VECTOR_ROLL] = {"BPM:ROLL", "mrad", 1e-3, -500, 500, "roll of BPMs, x towards y"},
    [VECTOR_CORRECTOR_GAIN] = {"COR:GAIN", "", 1, -10, 10, "gain of correctors, 1: right"},
};

static const struct fault_pv {
    const char *name, *desc;
} fault_pv[FAULT_COUNT] = {
    [FAULT_POLARITY] = {"FAULT:POLARITY", "correctors that kick the wrong way"},
    [FAULT_FREEZE] = {"FAULT:BPM:FREEZE", "BPMs that stand still"},
    [FAULT_NAN] = {"FAULT:BPM:NAN", "BPMs that send NaN"},
    [FAULT_SUM] = {"FAULT:BPM:SUM", "BPMs without sum signal"},
};

enum command { COMMAND_KICKS, COMMAND_FAULTS, COMMAND_LOSE, N_COMMAND };

static const struct command_pv {
    const char *name, *desc;
} command_pv[N_COMMAND] = {
    [COMMAND_KICKS] = {"RESET:KICKS", "all set points to zero, RF to its start"},
    [COMMAND_FAULTS] = {"RESET:FAULTS", "takes all faults back"},
    [COMMAND_LOSE] = {"BEAM:LOSE", "dumps the beam"},
};

/* What is only shown. */
enum truth {
    TRUTH_X,
    TRUTH_Y,
    TRUTH_RMS_X,
    TRUTH_RMS_Y,
    TRUTH_SUM,
    TRUTH_RATE,
    TRUTH_SAMPLES,
    TRUTH_SKIPPED,
    TRUTH_SOLVE_MS,
    TRUTH_SOLVE_RATE,
    TRUTH_SOLVES,
    TRUTH_SOLVE_FAILED,
    TRUTH_WRITES,
    TRUTH_LAST_UTC,
    TRUTH_LAST_MONO,
    N_TRUTH
};

/* n: 0 stands for the number of BPMs. */
static const struct truth_pv {
    const char *name;
    enum ioc_type type;
    size_t n;
    const char *unit;
    int prec;
    const char *desc;
} truth_pv[N_TRUTH] = {
    [TRUTH_X] = {"TRUE:X", IOC_REAL, 0, "um", 3, "true orbit at the BPMs"},
    [TRUTH_Y] = {"TRUE:Y", IOC_REAL, 0, "um", 3, "true orbit at the BPMs"},
    [TRUTH_RMS_X] = {"RMS:X", IOC_REAL, 1, "um", 3, "rms orbit error without BPM noise"},
    [TRUTH_RMS_Y] = {"RMS:Y", IOC_REAL, 1, "um", 3, "rms orbit error without BPM noise"},
    [TRUTH_SUM] = {"SUM", IOC_REAL, 0, "", 4, "sum signals, 1: nominal"},
    [TRUTH_RATE] = {"RATE", IOC_REAL, 1, "Hz", 1, "orbit samples per second"},
    [TRUTH_SAMPLES] = {"SAMPLES", IOC_INTEGER, 1, "", 0, "orbit samples since the start"},
    [TRUTH_SKIPPED] = {"SKIPPED", IOC_INTEGER, 1, "", 0, "samples left out, being late"},
    [TRUTH_SOLVE_MS] = {"SOLVE:MS", IOC_REAL, 1, "ms", 2, "time of the last nonlinear solve"},
    [TRUTH_SOLVE_RATE] = {"SOLVE:RATE", IOC_REAL, 1, "Hz", 1,
                          "rounds of the solver per second"},
    [TRUTH_SOLVES] = {"SOLVE:COUNT", IOC_INTEGER, 1, "", 0, "nonlinear solves"},
    [TRUTH_SOLVE_FAILED] = {"SOLVE:FAILED", IOC_INTEGER, 1, "", 0,
                            "solves without a closed orbit"},
    [TRUTH_WRITES] = {"WRITES", IOC_INTEGER, 1, "", 0, "set points put since the start"},
    [TRUTH_LAST_UTC] = {"LASTWRITE:UTC", IOC_INTEGER, 1, "ns", 0,
                        "UTC of the last set point put"},
    [TRUTH_LAST_MONO] = {"LASTWRITE:MONO", IOC_INTEGER, 1, "ns", 0,
                         "CLOCK_MONOTONIC of the same"},
};

/* What a put callback gets: which of its kind. */
struct hook {
    struct sim_pvs *pvs;
    unsigned index;
};

/* For rates: counters some time ago. */
struct earlier {
    int64_t t_mono_ns;
    uint64_t rounds, samples;
    double solve_hz, sample_hz;
};

struct sim_pvs {
    struct ioc *ioc;
    const struct ring *ring;
    struct controls *controls;
    uint32_t n_bpm, n_corrector;
    const char **bpm_name, **corrector_name;
    struct hook setting_hook[N_SETTING], vector_hook[N_VECTOR], fault_hook[FAULT_COUNT],
        command_hook[N_COMMAND];
    int setting[N_SETTING], vector[N_VECTOR], fault[FAULT_COUNT], truth[N_TRUTH];
    int current, stored, why, message;
    atomic_bool faults_reset; /* to be shown */
    double *scratch;          /* [2 n_bpm + n_corrector] for the main thread */
    struct earlier earlier;
};

/* ---- puts: CA server's thread ---- */

static void say(struct sim_pvs *s, enum rc rc)
{
    ioc_set_text(s->ioc, s->message, rc ? err_text() : "");
}

static enum rc put_setting(void *context, struct ioc_value *value)
{
    const struct hook *hook = context;
    const struct setting_pv *pv = &setting_pv[hook->index];

    controls_lock(hook->pvs->controls)->value[pv->setting] = value->real[0] * pv->scale;
    controls_unlock(hook->pvs->controls, true);
    return RC_OK;
}

static double *vector_at(struct settings *settings, enum vector vector, uint32_t i)
{
    switch (vector) {
    case VECTOR_OFFSET_X:
        return &settings->bpm[i].offset_x_m;
    case VECTOR_OFFSET_Y:
        return &settings->bpm[i].offset_y_m;
    case VECTOR_GAIN_X:
        return &settings->bpm[i].gain_x;
    case VECTOR_GAIN_Y:
        return &settings->bpm[i].gain_y;
    case VECTOR_ROLL:
        return &settings->bpm[i].roll_rad;
    case VECTOR_CORRECTOR_GAIN:
    case N_VECTOR:
        break;
    }
    return &settings->gain_error[i];
}

/* The settings keep a corrector's gain as an error. */
static double vector_base(enum vector vector)
{
    return vector == VECTOR_CORRECTOR_GAIN ? 1 : 0;
}

static enum rc check_vector(const struct vector_pv *pv, const struct ioc_value *value)
{
    for (size_t i = 0; i < value->n; i++)
        if (!(value->real[i] >= pv->low && value->real[i] <= pv->high))
            return err_set(RC_RANGE, "%s[%zu]: %g is not within %g .. %g", pv->name, i,
                           value->real[i], pv->low, pv->high);
    return RC_OK;
}

static uint32_t vector_size(const struct sim_pvs *s, enum vector vector)
{
    return vector == VECTOR_CORRECTOR_GAIN ? s->n_corrector : s->n_bpm;
}

static enum rc put_vector(void *context, struct ioc_value *value)
{
    const struct hook *hook = context;
    const struct vector_pv *pv = &vector_pv[hook->index];
    enum vector vector = (enum vector) hook->index;
    enum rc rc = check_vector(pv, value);

    if (!rc) {
        struct settings *settings = controls_lock(hook->pvs->controls);

        for (uint32_t i = 0; i < value->n && i < vector_size(hook->pvs, vector); i++)
            *vector_at(settings, vector, i) = value->real[i] * pv->scale - vector_base(vector);
        controls_unlock(hook->pvs->controls, true);
    }
    say(hook->pvs, rc);
    return rc;
}

static enum rc put_fault(void *context, struct ioc_value *value)
{
    const struct hook *hook = context;
    struct sim_pvs *s = hook->pvs;
    struct settings *settings = controls_lock(s->controls);
    enum fault fault = (enum fault) hook->index;
    enum rc rc =
        roster_parse(value->text, fault == FAULT_POLARITY ? s->corrector_name : s->bpm_name,
                     settings_fault_size(settings, fault), settings->fault[fault]);

    controls_unlock(s->controls, rc == RC_OK);
    say(s, rc);
    return rc;
}

static void reset_faults(struct sim_pvs *s)
{
    struct settings *settings = controls_lock(s->controls);

    for (enum fault f = 0; f < FAULT_COUNT; f++)
        memset(settings->fault[f], 0, settings_fault_size(settings, f) * sizeof(bool));
    controls_unlock(s->controls, true);
    for (enum fault f = 0; f < FAULT_COUNT; f++)
        ioc_set_text(s->ioc, s->fault[f], "");
    s->faults_reset = true;
}

static enum rc put_command(void *context, struct ioc_value *value)
{
    const struct hook *hook = context;

    if (value->integer[0] == 0)
        return RC_OK;
    switch ((enum command) hook->index) {
    case COMMAND_KICKS:
        controls_reset_kicks(hook->pvs->controls);
        break;
    case COMMAND_FAULTS:
        reset_faults(hook->pvs);
        break;
    case COMMAND_LOSE:
        controls_inject(hook->pvs->controls, 0);
        break;
    case N_COMMAND:
        break;
    }
    return RC_OK;
}

static enum rc put_current(void *context, struct ioc_value *value)
{
    struct sim_pvs *s = context;

    controls_inject(s->controls, value->real[0] * 1e-3);
    return RC_OK;
}

/* ---- adding ---- */

static enum rc add(struct sim_pvs *s, const char *name, struct ioc_point *point, int *handle)
{
    char full[128];

    snprintf(full, sizeof full, "%s%s", s->ring->cfg.virtual_prefix, name);
    point->name = full;
    return ioc_add(s->ioc, point, handle);
}

static enum rc add_settings(struct sim_pvs *s)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; !rc && i < N_SETTING; i++) {
        const struct setting_pv *pv = &setting_pv[i];
        struct ioc_limits limits = {pv->low, pv->high};
        struct ioc_point point = {.type = IOC_REAL,
                                  .unit = pv->unit,
                                  .prec = 6,
                                  .desc = pv->desc,
                                  .drive = limits,
                                  .put = put_setting,
                                  .initial = s->ring->settings->value[pv->setting] / pv->scale,
                                  .context = &s->setting_hook[i],
                                  .group = PV_GROUP_SETTING};

        s->setting_hook[i] = (struct hook){s, i};
        rc = add(s, pv->name, &point, &s->setting[i]);
    }
    return rc;
}

static enum rc add_vectors(struct sim_pvs *s)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; !rc && i < N_VECTOR; i++) {
        const struct vector_pv *pv = &vector_pv[i];
        struct ioc_point point = {.type = IOC_REAL,
                                  .unit = pv->unit,
                                  .prec = 6,
                                  .n = vector_size(s, (enum vector) i),
                                  .desc = pv->desc,
                                  .put = put_vector,
                                  .context = &s->vector_hook[i],
                                  .group = PV_GROUP_SETTING};

        s->vector_hook[i] = (struct hook){s, i};
        rc = add(s, pv->name, &point, &s->vector[i]);
    }
    return rc;
}

static enum rc add_faults(struct sim_pvs *s)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; !rc && i < FAULT_COUNT; i++) {
        struct ioc_point point = {.type = IOC_TEXT,
                                  .n = IOC_SHORT_TEXT_SIZE,
                                  .desc = fault_pv[i].desc,
                                  .put = put_fault,
                                  .context = &s->fault_hook[i],
                                  .group = PV_GROUP_SETTING};

        s->fault_hook[i] = (struct hook){s, i};
        rc = add(s, fault_pv[i].name, &point, &s->fault[i]);
    }
    return rc;
}

static enum rc add_commands(struct sim_pvs *s)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; !rc && i < N_COMMAND; i++) {
        struct ioc_point point = {.type = IOC_INTEGER,
                                  .desc = command_pv[i].desc,
                                  .put = put_command,
                                  .context = &s->command_hook[i],
                                  .group = PV_GROUP_SETTING};

        s->command_hook[i] = (struct hook){s, i};
        rc = add(s, command_pv[i].name, &point, NULL);
    }
    return rc;
}

static enum rc add_beam(struct sim_pvs *s)
{
    static const char *const choice[] = {"none", "stored"};
    struct ioc_point current = {.type = IOC_REAL,
                                .unit = "mA",
                                .prec = 4,
                                .desc = "stored current; put: inject",
                                .drive = {0, 1000},
                                .put = put_current,
                                .context = s,
                                .group = PV_GROUP_TRUTH};
    struct ioc_point stored = {.type = IOC_CHOICE,
                               .desc = "stored beam",
                               .choices = choice,
                               .n_choice = 2,
                               .group = PV_GROUP_TRUTH};
    struct ioc_point why = {.type = IOC_TEXT,
                            .n = ENGINE_WHY_SIZE,
                            .desc = "why there is no beam",
                            .group = PV_GROUP_TRUTH};
    struct ioc_point message = {.type = IOC_TEXT,
                                .n = ENGINE_WHY_SIZE,
                                .desc = "why the last put was refused",
                                .group = PV_GROUP_TRUTH};
    enum rc rc = add(s, "BEAM:CURRENT", &current, &s->current);

    if (!rc)
        rc = add(s, "BEAM:STATE", &stored, &s->stored);
    if (!rc)
        rc = add(s, "BEAM:WHY", &why, &s->why);
    return rc ? rc : add(s, "MESSAGE", &message, &s->message);
}

static enum rc add_truth(struct sim_pvs *s)
{
    enum rc rc = RC_OK;

    for (unsigned i = 0; !rc && i < N_TRUTH; i++) {
        const struct truth_pv *pv = &truth_pv[i];
        struct ioc_point point = {.type = pv->type,
                                  .n = pv->n ? pv->n : s->n_bpm,
                                  .unit = pv->unit,
                                  .prec = pv->prec,
                                  .desc = pv->desc,
                                  .group = PV_GROUP_TRUTH};

        rc = add(s, pv->name, &point, &s->truth[i]);
    }
    return rc;
}

static enum rc add_number(struct sim_pvs *s, const char *name, const char *unit, double value,
                          const char *desc)
{
    struct ioc_point point = {.type = IOC_REAL,
                              .unit = unit,
                              .prec = 3,
                              .initial = value,
                              .desc = desc,
                              .group = PV_GROUP_FIXED,
                              .fixed = true};

    return add(s, name, &point, NULL);
}

/* Known at the start and the same for ever. */
static enum rc add_fixed(struct sim_pvs *s)
{
    const struct floor_result *floor = &s->ring->floor;
    struct ioc_point seed = {.type = IOC_INTEGER,
                             .desc = "seed of every error and noise",
                             .initial = (double) s->ring->cfg.virtual_seed,
                             .group = PV_GROUP_FIXED,
                             .fixed = true};
    enum rc rc = add(s, "SEED", &seed, NULL);

    if (!rc)
        rc =
            add_number(s, "FLOOR:X", "um", floor->after_m[0] * 1e6, "least-squares floor, rms");
    if (!rc)
        rc =
            add_number(s, "FLOOR:Y", "um", floor->after_m[1] * 1e6, "least-squares floor, rms");
    if (!rc)
        rc =
            add_number(s, "BEFORE:X", "um", floor->before_m[0] * 1e6, "rms without correction");
    if (!rc)
        rc =
            add_number(s, "BEFORE:Y", "um", floor->before_m[1] * 1e6, "rms without correction");
    return rc;
}

static enum rc add_names(struct sim_pvs *s, const char *name, const char *const *list,
                         uint32_t n)
{
    struct ioc_point point = {.type = IOC_NAMES,
                              .n = n,
                              .desc = "names, in the order of values",
                              .group = PV_GROUP_FIXED,
                              .fixed = true};
    int handle = 0;
    enum rc rc = add(s, name, &point, &handle);

    for (uint32_t i = 0; !rc && i < n; i++)
        ioc_set_name(s->ioc, handle, i, list[i]);
    return rc;
}

static enum rc allocate(struct sim_pvs *s)
{
    s->bpm_name = calloc(s->n_bpm, sizeof *s->bpm_name);
    s->corrector_name = calloc(s->n_corrector, sizeof *s->corrector_name);
    s->scratch = calloc(2 * (size_t) s->n_bpm + s->n_corrector, sizeof *s->scratch);
    if (!s->bpm_name || !s->corrector_name || !s->scratch)
        return err_set(RC_NOMEM, "no memory for PVs");
    for (uint32_t i = 0; i < s->n_bpm; i++)
        s->bpm_name[i] = s->ring->devices.bpm[i].name;
    for (uint32_t i = 0; i < s->n_corrector; i++)
        s->corrector_name[i] = s->ring->devices.corrector[i].name;
    return RC_OK;
}

enum rc sim_pvs_add(struct sim_pvs **pvs, struct ioc *ioc, const struct ring *ring,
                    struct controls *controls)
{
    static enum rc (*const part[])(struct sim_pvs *) = {allocate,   add_settings, add_vectors,
                                                        add_faults, add_commands, add_beam,
                                                        add_truth,  add_fixed};
    struct sim_pvs *s = calloc(1, sizeof *s);
    enum rc rc = RC_OK;

    if (!s)
        return err_set(RC_NOMEM, "no memory for PVs");
    *s = (struct sim_pvs){.ioc = ioc,
                          .ring = ring,
                          .controls = controls,
                          .n_bpm = ring_bpms(ring),
                          .n_corrector = ring_correctors(ring)};
    *pvs = s;
    for (size_t i = 0; !rc && i < sizeof part / sizeof *part; i++)
        rc = part[i](s);
    if (!rc)
        rc = add_names(s, "BPM:NAMES", s->bpm_name, s->n_bpm);
    if (!rc)
        rc = add_names(s, "COR:NAMES", s->corrector_name, s->n_corrector);
    if (!rc)
        ioc_publish(ioc, PV_GROUP_FIXED, clock_utc_ns());
    return rc;
}

void sim_pvs_free(struct sim_pvs *pvs)
{
    if (!pvs)
        return;
    free(pvs->bpm_name);
    free(pvs->corrector_name);
    free(pvs->scratch);
    free(pvs);
}

/* ---- publishing: main thread ---- */

void sim_pvs_publish_settings(struct sim_pvs *pvs)
{
    struct settings *settings = pvs->ring->settings;

    for (unsigned v = 0; v < N_VECTOR; v++) {
        uint32_t n = vector_size(pvs, (enum vector) v);

        for (uint32_t i = 0; i < n; i++)
            pvs->scratch[i] =
                (*vector_at(settings, (enum vector) v, i) + vector_base((enum vector) v)) /
                vector_pv[v].scale;
        ioc_set_real(pvs->ioc, pvs->vector[v], pvs->scratch, n);
    }
    ioc_publish(pvs->ioc, PV_GROUP_SETTING, clock_utc_ns());
}

static void set_number(struct sim_pvs *s, enum truth truth, double value)
{
    ioc_set_real(s->ioc, s->truth[truth], &value, 1);
}

static void set_count(struct sim_pvs *s, enum truth truth, uint64_t value)
{
    int64_t count = (int64_t) value;

    ioc_set_integer(s->ioc, s->truth[truth], &count, 1);
}

static void set_orbit(struct sim_pvs *s, const struct snapshot *now)
{
    uint32_t n = s->n_bpm;
    enum ioc_severity severity = now->beam_a > 0 ? IOC_OK : IOC_INVALID;
    double rms_m[2] = {0, 0};

    if (now->beam_a > 0) {
        readings_error(s->ring->readings, now->position_m, s->scratch);
        readings_rms(s->scratch, n, rms_m);
    }
    set_number(s, TRUTH_RMS_X, rms_m[0] * 1e6);
    set_number(s, TRUTH_RMS_Y, rms_m[1] * 1e6);
    for (uint32_t i = 0; i < 2 * n; i++)
        s->scratch[i] = now->position_m[i] * 1e6;
    ioc_set_real(s->ioc, s->truth[TRUTH_X], s->scratch, n);
    ioc_set_real(s->ioc, s->truth[TRUTH_Y], s->scratch + n, n);
    ioc_set_real(s->ioc, s->truth[TRUTH_SUM], now->sum, n);
    for (enum truth t = TRUTH_X; t <= TRUTH_RMS_Y; t++)
        ioc_set_severity(s->ioc, s->truth[t], severity);
}

static void set_beam(struct sim_pvs *s, const struct snapshot *now)
{
    double current_ma = now->beam_a * 1e3;
    int64_t stored = now->beam_a > 0;

    ioc_set_real(s->ioc, s->current, &current_ma, 1);
    ioc_set_integer(s->ioc, s->stored, &stored, 1);
    ioc_set_text(s->ioc, s->why, now->why);
}

/* Rates over a second or so. */
static void set_rates(struct sim_pvs *s, const struct solver_counts *solver,
                      const struct pacer_counts *pacer)
{
    struct earlier *e = &s->earlier;
    int64_t now_ns = clock_mono_ns(), passed_ns = now_ns - e->t_mono_ns;

    if (passed_ns >= NS_PER_S) {
        double passed_s = (double) passed_ns * 1e-9;

        if (e->t_mono_ns > 0) {
            e->solve_hz = (double) (solver->rounds - e->rounds) / passed_s;
            e->sample_hz = (double) (pacer->samples - e->samples) / passed_s;
        }
        e->t_mono_ns = now_ns;
        e->rounds = solver->rounds;
        e->samples = pacer->samples;
    }
    set_number(s, TRUTH_SOLVE_RATE, e->solve_hz);
    set_number(s, TRUTH_RATE, e->sample_hz);
}

static void set_counts(struct sim_pvs *s, const struct solver_counts *solver,
                       const struct pacer_counts *pacer)
{
    struct write_counts writes = controls_writes(s->controls);

    set_number(s, TRUTH_SOLVE_MS, solver->solve_ms);
    set_count(s, TRUTH_SOLVES, solver->solves);
    set_count(s, TRUTH_SOLVE_FAILED, solver->failures);
    set_count(s, TRUTH_SAMPLES, pacer->samples);
    set_count(s, TRUTH_SKIPPED, pacer->skipped);
    set_count(s, TRUTH_WRITES, writes.writes);
    set_count(s, TRUTH_LAST_UTC, (uint64_t) writes.last_utc_ns);
    set_count(s, TRUTH_LAST_MONO, (uint64_t) writes.last_mono_ns);
}

void sim_pvs_publish(struct sim_pvs *pvs, const struct snapshot *now,
                     const struct solver_counts *solver, const struct pacer_counts *pacer)
{
    set_orbit(pvs, now);
    set_beam(pvs, now);
    set_rates(pvs, solver, pacer);
    set_counts(pvs, solver, pacer);
    ioc_publish(pvs->ioc, PV_GROUP_TRUTH, now->t_utc_ns);
    if (atomic_exchange(&pvs->faults_reset, false))
        ioc_publish(pvs->ioc, PV_GROUP_SETTING, now->t_utc_ns);
}
