#include "io/ctl/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/base/clock.h"

static struct cfg_faults faults;

/* An instance known by name only lives in the default folder: every key has its default. */
static void assume_defaults(struct cfg *cfg, const char *instance)
{
    faults.count = 0;
    (void) !cfg_load(cfg, "/dev/null",
                     &faults); /* what an empty file lacks is not needed here */
    snprintf(cfg->instance, sizeof cfg->instance, "%s", instance);
}

static enum rc load_config(struct cfg *cfg, const char *path)
{
    enum rc rc;

    if (access(path, R_OK) != 0)
        return err_set(RC_INPUT, "cannot read %s: %s", path, strerror(errno));
    faults.count = 0;
    rc = cfg_load(cfg, path, &faults);
    if (rc != RC_OK && faults.count == 0)
        return rc;
    if (rc != RC_OK)
        fprintf(stderr, "orbitctl: warning: %s has %zu fault(s), see orbitctl check %s\n", path,
                faults.count, path);
    return RC_OK;
}

enum rc session_locate(struct session *self, const struct ctl *ctl)
{
    enum rc rc = RC_OK;

    memset(self, 0, sizeof *self);
    if (!ctl->config_path && !ctl->instance)
        return err_set(RC_INPUT, "which instance? --config FILE, --instance NAME or "
                                 "$ORBITD_CONFIG");
    if (ctl->config_path)
        rc = load_config(&self->cfg, ctl->config_path);
    else
        assume_defaults(&self->cfg, ctl->instance);
    if (rc != RC_OK)
        return rc;
    if (ctl->config_path && ctl->instance)
        snprintf(self->cfg.instance, sizeof self->cfg.instance, "%s", ctl->instance);
    if (self->cfg.ring_devices[0] &&
        devices_load(&self->devices, self->cfg.ring_devices) != RC_OK)
        fprintf(stderr, "orbitctl: warning: %s\n", err_text());
    return RC_OK;
}

enum rc session_attach(struct session *self, const struct ctl *ctl)
{
    char path[CFG_PATH_SIZE];
    enum rc rc;

    cfg_socket_path(&self->cfg, path, sizeof path);
    rc = client_open(&self->client, path, ROLE_OBSERVER, ctl->session, 0);
    if (rc == RC_SYS || rc == RC_TIMEOUT)
        return err_add(RC_GONE, "no orbitd of instance %s", self->cfg.instance);
    if (rc != RC_OK)
        return rc;
    self->snapshot = malloc(snapshot_size_b(client_dims(self->client)));
    if (!self->snapshot)
        return err_set(RC_NOMEM, "no memory for a snapshot");
    return RC_OK;
}

/* Names and conversions of another table than the one in use would be lies. */
static const struct devices *matching_devices(const struct session *self)
{
    uint64_t in_use = client_status(self->client)->head.device_hash;

    return self->devices.n_bpm && devices_hash(&self->devices) == in_use ? &self->devices
                                                                         : NULL;
}

enum rc session_read(struct session *self)
{
    if (!client_alive(self->client))
        return err_set(RC_GONE, "orbitd is gone");
    self->has_snapshot = client_read_snapshot(self->client, self->snapshot);
    self->has_text = client_read_text(self->client, &self->text);
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        client_copy_phase(self->client, (enum phase) phase, &self->phase[phase]);
    self->points = (struct points_source){
        .dims = *client_dims(self->client),
        .snapshot = self->has_snapshot ? self->snapshot : NULL,
        .status = client_status(self->client),
        .phase = self->phase,
        .text = self->has_text ? &self->text : NULL,
        .devices = matching_devices(self),
        .now_ns = clock_mono_ns(),
    };
    return RC_OK;
}

void session_close(struct session *self)
{
    client_close(self->client);
    self->client = NULL;
    free(self->snapshot);
    self->snapshot = NULL;
    devices_free(&self->devices);
}

bool session_open(struct session *self, const struct ctl *ctl, int *code)
{
    enum rc rc = session_locate(self, ctl);

    if (rc == RC_OK)
        rc = session_attach(self, ctl);
    if (rc == RC_OK)
        return true;
    *code = ctl_fail(rc);
    if (!ctl->config_path && !ctl->instance)
        *code = CTL_USAGE;
    session_close(self);
    return false;
}
