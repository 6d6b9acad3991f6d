#include "bench/ring/machine_pvs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_SERVED = -1 };

/* A PV with BPM positions: a waveform, or a scalar of one element. */
struct orbit_pv {
    const char *name; /* without prefix; the device table's */
    size_t n;
    double *value;
    int handle;
};

/* Where a position goes. */
struct origin {
    uint32_t pv;
    size_t element;
    double units_per_m; /* negative: wired the wrong way round, as the device table has it */
};

/* What a put callback gets. */
struct hook {
    struct machine_pvs *pvs;
    uint32_t index;
};

struct machine_pvs {
    struct ioc *ioc;
    const struct ring *ring;
    struct controls *controls;
    uint32_t n_bpm, n_corrector, n_orbit_pv;
    struct orbit_pv *orbit_pv;
    struct origin *origin; /* [2 n_bpm] */
    struct hook *hook;     /* [n_corrector] */
    int *set, *readback;   /* handles, [n_corrector] */
    int rf_set, rf_readback, current;
    uint64_t resets;
};

static enum rc add(struct machine_pvs *m, const char *name, struct ioc_point *point,
                   int *handle)
{
    char full[2 * DEVICE_PV_SIZE];

    snprintf(full, sizeof full, "%s%s", m->ring->cfg.epics_machine_prefix, name);
    point->name = full;
    return ioc_add(m->ioc, point, handle);
}

/* ---- BPMs ---- */

static struct orbit_pv *find_orbit_pv(struct machine_pvs *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_orbit_pv; i++)
        if (strcmp(m->orbit_pv[i].name, name) == 0)
            return &m->orbit_pv[i];
    m->orbit_pv[m->n_orbit_pv].name = name;
    return &m->orbit_pv[m->n_orbit_pv++];
}

static enum rc place(struct machine_pvs *m, const struct device_pv *pv, const char *bpm,
                     struct origin *origin)
{
    struct orbit_pv *orbit_pv;
    size_t element = pv->element < 0 ? 0 : (size_t) pv->element;

    if (pv->name[0] == '\0')
        return err_set(RC_INPUT, "BPM %s has no PV for both planes in the device table", bpm);
    orbit_pv = find_orbit_pv(m, pv->name);
    origin->pv = (uint32_t) (orbit_pv - m->orbit_pv);
    origin->element = element;
    if (pv->element >= 0 && orbit_pv->n < 2)
        orbit_pv->n = 2;
    while (orbit_pv->n <= element)
        orbit_pv->n = orbit_pv->n ? 2 * orbit_pv->n : 1;
    return RC_OK;
}

static enum rc place_all(struct machine_pvs *m)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; !rc && i < m->n_bpm; i++) {
        const struct bpm_device *bpm = &m->ring->devices.bpm[i];
        struct origin *x = &m->origin[i], *y = &m->origin[m->n_bpm + i];

        x->units_per_m = copysign(1, bpm->gain_x) / bpm->m_per_unit;
        y->units_per_m = copysign(1, bpm->gain_y) / bpm->m_per_unit;
        rc = place(m, &bpm->pv_x, bpm->name, x);
        if (!rc)
            rc = place(m, &bpm->pv_y, bpm->name, y);
    }
    return rc;
}

/* The table's factor, as the unit that it stands for. */
static const char *position_unit(double m_per_unit)
{
    static const struct {
        double m_per_unit;
        const char *name;
    } unit[] = {{1e-9, "nm"}, {1e-6, "um"}, {1e-3, "mm"}};

    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (fabs(m_per_unit / unit[i].m_per_unit - 1) < 1e-6)
            return unit[i].name;
    return "m";
}

static enum rc add_orbit(struct machine_pvs *m)
{
    struct ioc_point point = {.type = IOC_REAL,
                              .unit = position_unit(m->ring->devices.bpm[0].m_per_unit),
                              .prec = 1,
                              .desc = "beam positions",
                              .group = PV_GROUP_ORBIT,
                              .always = true};
    enum rc rc = place_all(m);

    for (uint32_t i = 0; !rc && i < m->n_orbit_pv; i++) {
        struct orbit_pv *pv = &m->orbit_pv[i];

        point.n = pv->n;
        pv->value = calloc(pv->n, sizeof *pv->value);
        rc = pv->value ? add(m, pv->name, &point, &pv->handle)
                       : err_set(RC_NOMEM, "no memory for %s", pv->name);
    }
    return rc;
}

void machine_pvs_publish_orbit(struct machine_pvs *pvs, const struct engine_sample *sample,
                               int64_t t_utc_ns)
{
    enum ioc_severity severity = sample->beam_a > 0 ? IOC_OK : IOC_INVALID;

    for (uint32_t i = 0; i < 2 * pvs->n_bpm; i++) {
        const struct origin *o = &pvs->origin[i];

        pvs->orbit_pv[o->pv].value[o->element] = sample->reading_m[i] * o->units_per_m;
    }
    for (uint32_t i = 0; i < pvs->n_orbit_pv; i++) {
        ioc_set_real(pvs->ioc, pvs->orbit_pv[i].handle, pvs->orbit_pv[i].value,
                     pvs->orbit_pv[i].n);
        ioc_set_severity(pvs->ioc, pvs->orbit_pv[i].handle, severity);
    }
    ioc_publish(pvs->ioc, PV_GROUP_ORBIT, t_utc_ns);
}

/* ---- power converters and RF ---- */

static enum rc put_corrector(void *context, struct ioc_value *value)
{
    const struct hook *hook = context;

    return controls_put_corrector(hook->pvs->controls, hook->index, value->real[0]);
}

static enum rc put_rf(void *context, struct ioc_value *value)
{
    struct machine_pvs *m = context;

    return controls_put_rf(m->controls, value->real[0] * m->ring->devices.rf.hz_per_unit);
}

static enum rc add_corrector(struct machine_pvs *m, uint32_t i)
{
    const struct corrector_device *device = &m->ring->devices.corrector[i];
    struct ioc_limits limits = {-device->limit_a, device->limit_a};
    struct ioc_point set = {.type = IOC_REAL,
                            .unit = "A",
                            .prec = 6,
                            .desc = device->name,
                            .display = limits,
                            .drive = limits,
                            .put = put_corrector,
                            .context = &m->hook[i],
                            .group = PV_GROUP_SET};
    struct ioc_point readback = {.type = IOC_REAL,
                                 .unit = "A",
                                 .prec = 6,
                                 .desc = device->name,
                                 .display = limits,
                                 .group = PV_GROUP_READBACK,
                                 .always = true};
    enum rc rc;

    m->hook[i] = (struct hook){m, i};
    rc = add(m, device->pv_set.name, &set, &m->set[i]);
    m->readback[i] = NOT_SERVED;
    if (!rc && device->pv_readback.name[0] != '\0')
        rc = add(m, device->pv_readback.name, &readback, &m->readback[i]);
    return rc;
}

static double rf_shown(const struct machine_pvs *m)
{
    return controls_rf_hz(m->controls) / m->ring->devices.rf.hz_per_unit;
}

static enum rc add_rf(struct machine_pvs *m)
{
    const struct rf_device *rf = &m->ring->devices.rf;
    const char *unit = rf->hz_per_unit < 10 ? "Hz" : rf->hz_per_unit < 1e5 ? "kHz" : "MHz";
    struct ioc_point set = {.type = IOC_REAL,
                            .unit = unit,
                            .prec = 6,
                            .desc = "RF frequency",
                            .initial = rf_shown(m),
                            .put = put_rf,
                            .context = m,
                            .group = PV_GROUP_SET};
    struct ioc_point readback = {.type = IOC_REAL,
                                 .unit = unit,
                                 .prec = 6,
                                 .desc = "RF frequency",
                                 .initial = rf_shown(m),
                                 .group = PV_GROUP_READBACK};
    enum rc rc;

    m->rf_set = m->rf_readback = NOT_SERVED;
    if (m->ring->devices.n_rf == 0)
        return RC_OK;
    rc = add(m, rf->pv_set.name, &set, &m->rf_set);
    if (!rc && rf->pv_readback.name[0] && strcmp(rf->pv_set.name, rf->pv_readback.name) != 0)
        rc = add(m, rf->pv_readback.name, &readback, &m->rf_readback);
    return rc;
}

static enum rc add_current(struct machine_pvs *m)
{
    struct ioc_point point = {.type = IOC_REAL,
                              .unit = "mA",
                              .prec = 4,
                              .desc = "stored current",
                              .display = {0, 500},
                              .group = PV_GROUP_READBACK,
                              .always = true};

    m->current = NOT_SERVED;
    return m->ring->cfg.epics_current_pv[0]
               ? add(m, m->ring->cfg.epics_current_pv, &point, &m->current)
               : RC_OK;
}

static void show_set_points(struct machine_pvs *m)
{
    double value;

    for (uint32_t i = 0; i < m->n_corrector; i++) {
        value = controls_corrector_a(m->controls, i);
        ioc_set_real(m->ioc, m->set[i], &value, 1);
    }
    value = rf_shown(m);
    if (m->rf_set != NOT_SERVED)
        ioc_set_real(m->ioc, m->rf_set, &value, 1);
}

void machine_pvs_publish_slow(struct machine_pvs *pvs, const struct snapshot *now)
{
    double rf = rf_shown(pvs), current_ma = now->beam_a * 1e3;
    uint64_t resets = controls_resets(pvs->controls);

    for (uint32_t i = 0; i < pvs->n_corrector; i++)
        if (pvs->readback[i] != NOT_SERVED)
            ioc_set_real(pvs->ioc, pvs->readback[i], &now->readback_a[i], 1);
    if (pvs->rf_readback != NOT_SERVED)
        ioc_set_real(pvs->ioc, pvs->rf_readback, &rf, 1);
    if (pvs->current != NOT_SERVED)
        ioc_set_real(pvs->ioc, pvs->current, &current_ma, 1);
    ioc_publish(pvs->ioc, PV_GROUP_READBACK, now->t_utc_ns);
    if (resets != pvs->resets) {
        pvs->resets = resets;
        show_set_points(pvs);
        ioc_publish(pvs->ioc, PV_GROUP_SET, now->t_utc_ns);
    }
}

/* ---- all of it ---- */

static enum rc allocate(struct machine_pvs *m)
{
    size_t rows = 2 * (size_t) m->n_bpm;

    m->orbit_pv = calloc(rows, sizeof *m->orbit_pv);
    m->origin = calloc(rows, sizeof *m->origin);
    m->hook = calloc(m->n_corrector, sizeof *m->hook);
    m->set = calloc(m->n_corrector, sizeof *m->set);
    m->readback = calloc(m->n_corrector, sizeof *m->readback);
    if (!m->orbit_pv || !m->origin || !m->hook || !m->set || !m->readback)
        return err_set(RC_NOMEM, "no memory for the machine's PVs");
    return RC_OK;
}

enum rc machine_pvs_add(struct machine_pvs **pvs, struct ioc *ioc, const struct ring *ring,
                        struct controls *controls)
{
    struct machine_pvs *m = calloc(1, sizeof *m);
    enum rc rc;

    if (!m)
        return err_set(RC_NOMEM, "no memory for the machine's PVs");
    *m = (struct machine_pvs){.ioc = ioc,
                              .ring = ring,
                              .controls = controls,
                              .n_bpm = ring_bpms(ring),
                              .n_corrector = ring_correctors(ring)};
    *pvs = m;
    rc = allocate(m);
    if (!rc)
        rc = add_orbit(m);
    for (uint32_t i = 0; !rc && i < m->n_corrector; i++)
        rc = add_corrector(m, i);
    if (!rc)
        rc = add_rf(m);
    return rc ? rc : add_current(m);
}

void machine_pvs_free(struct machine_pvs *pvs)
{
    if (!pvs)
        return;
    for (uint32_t i = 0; i < pvs->n_orbit_pv; i++)
        free(pvs->orbit_pv[i].value);
    free(pvs->orbit_pv);
    free(pvs->origin);
    free(pvs->hook);
    free(pvs->set);
    free(pvs->readback);
    free(pvs);
}
