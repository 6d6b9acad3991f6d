#include "rt/manager/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/law_margin.h"
#include "rt/base/fnv.h"
#include "rt/manager/streams_setup.h"
#include "rt/manager/tuning.h"

/* The first faults, one a line. */
static void list_faults(const struct cfg_faults *faults, char *reply, size_t size)
{
    size_t used = (size_t) snprintf(reply, size, "not applied, %zu faults:", faults->count);

    for (size_t i = 0; i < faults->count && i < CFG_MAX_FAULTS && used < size; i++)
        used += (size_t) snprintf(reply + used, size - used, "\n%s", faults->text[i]);
}

static uint64_t reference_hash(const struct params *p)
{
    return fnv_add(FNV_START, p->reference_m, dims_n_row(&p->dims) * sizeof *p->reference_m);
}

static enum rc apply(struct machine *m, const struct cfg *fresh, bool *new_reference)
{
    enum rc rc = law_margin_check(fresh);
    uint64_t reference;
    struct params *params = rc == RC_OK ? params_begin(m->params) : NULL;

    if (rc != RC_OK)
        return rc;
    if (!params)
        return err_set(RC_STATE, "all parameter slots are in use: the loop has not run lately");
    reference = reference_hash(params); /* the slot begins as the set in use */
    rc = tuning_apply(params, fresh, &m->devices, &m->check);
    if (rc != RC_OK) {
        params_abandon(m->params, params);
        return rc;
    }
    *new_reference = reference_hash(params) != reference;
    machine_publish(m, params);
    m->cfg = *fresh;
    streams_follow_config(m);
    return RC_OK;
}

/* Keys that only a start applies keep their running value, so that the next reload tells them
 * again. */
static enum rc apply_differences(struct machine *m, const struct cfg *fresh, char *reply,
                                 size_t size)
{
    char live[512], start[512];
    struct cfg merged = *fresh;
    bool reference = false;
    enum rc rc;

    (void) cfg_differences(&m->cfg, fresh, live, sizeof live, start, sizeof start);
    cfg_copy_start_keys(&merged, &m->cfg);
    rc =
        apply(m, &merged, &reference); /* also where no key differs: the reference's file may */
    if (rc != RC_OK)
        snprintf(reply, size, "not applied: %s", err_text());
    else
        snprintf(reply, size, "applied: %s%s%s%s%s%s", live, live[0] && reference ? ", " : "",
                 reference ? "reference orbit" : "",
                 live[0] || reference ? "" : "nothing has changed",
                 start[0] ? "; needs a restart: " : "", start);
    return rc;
}

enum rc reload(struct machine *m, char *reply, size_t size)
{
    struct cfg_faults *faults = calloc(1, sizeof *faults);
    struct cfg *fresh = calloc(1, sizeof *fresh);
    enum rc rc = faults && fresh ? RC_OK : err_set(RC_NOMEM, "no memory to reload");

    if (rc != RC_OK) {
        snprintf(reply, size, "%s", err_text());
    } else {
        rc = cfg_load(fresh, m->config_path, faults);
        if (rc != RC_OK)
            list_faults(faults, reply, size);
        else
            rc = apply_differences(m, fresh, reply, size);
    }
    free(faults);
    free(fresh);
    return rc;
}
