/* Rules between keys. Pure but for the paths that they quote. */
#include "config/cfg.h"

#include <ctype.h>
#include <string.h>

struct check {
    const struct cfg *cfg;
    const char *path;
    struct cfg_faults *faults;
};

static void names(struct check *c, const char *key, const char *value)
{
    for (const char *at = value; *at; at++) {
        if (isalnum((unsigned char) *at) || strchr("_-.", *at))
            continue;
        cfg_fault(c->faults, c->path, 0, 0,
                  "%s: '%.40s' has the character '%c': letters, digits, _ - . are allowed", key,
                  value, *at);
        return;
    }
    if (value[0] == '\0')
        cfg_fault(c->faults, c->path, 0, 0, "%s: is empty", key);
}

static void prefix(struct check *c, const char *key, const char *value)
{
    for (const char *at = value; *at; at++) {
        if (isalnum((unsigned char) *at) || strchr("_-.:+;[]<>", *at))
            continue;
        cfg_fault(c->faults, c->path, 0, 0, "%s: '%.40s': '%c' is not allowed in a PV name",
                  key, value, *at);
        return;
    }
}

static void files(struct check *c)
{
    if (c->cfg->ring_lattice[0] == '\0')
        cfg_fault(c->faults, c->path, 0, 0, "ring.lattice: is missing: which ring is it?");
    if (c->cfg->ring_devices[0] == '\0')
        cfg_fault(c->faults, c->path, 0, 0,
                  "ring.devices: is missing: which BPMs and correctors are there?");
}

/* sun_path has 108 bytes, and the lock file's name is five longer. */
static void socket_path(struct check *c)
{
    enum { LONGEST = 102 };
    char path[CFG_PATH_SIZE];

    cfg_socket_path(c->cfg, path, sizeof path);
    if (strlen(path) > LONGEST)
        cfg_fault(c->faults, c->path, 0, 0,
                  "runtime_dir: the socket's path has %zu characters, %d are possible: %s",
                  strlen(path), LONGEST, path);
}

static void timer(struct check *c)
{
    double period_us = 1e6 / c->cfg->loop_rate_hz;

    if (c->cfg->loop_timer == 1 && c->cfg->loop_spin_us > 0.8 * period_us)
        cfg_fault(c->faults, c->path, 0, 0,
                  "loop.spin_us: %.6g us is more than 80 %% of the period (%.6g us at %.6g Hz)",
                  c->cfg->loop_spin_us, period_us, c->cfg->loop_rate_hz);
}

static void sources(struct check *c)
{
    names(c, "source.actuator", c->cfg->source_actuator);
    if (c->cfg->source_bpm.count == 0)
        cfg_fault(c->faults, c->path, 0, 0, "source.bpm: names no source");
    for (size_t i = 0; i < c->cfg->source_bpm.count; i++) {
        names(c, "source.bpm", c->cfg->source_bpm.name[i]);
        if (strcmp(c->cfg->source_bpm.name[i], c->cfg->source_actuator) == 0)
            cfg_fault(c->faults, c->path, 0, 0, "source.actuator: '%s' is a BPM source already",
                      c->cfg->source_actuator);
    }
}

static bool starts(const struct cfg *cfg, const char *program)
{
    for (size_t i = 0; i < cfg->run_programs.count; i++)
        if (strcmp(cfg->run_programs.name[i], program) == 0)
            return true;
    return false;
}

/* The pace's rate is only known here where the virtual ring makes it. */
static void law_period(struct check *c)
{
    double step_hz = c->cfg->virtual_rate_hz / (double) c->cfg->law_every;

    if (starts(c->cfg, "orbit-ring") && step_hz > c->cfg->epics_write_hz * 1.0001)
        cfg_fault(c->faults, c->path, 0, 0,
                  "law.every: %.6g steps per second at %.6g frames/s, but set points leave at "
                  "epics.write_hz %.6g: at least %.0f",
                  step_hz, c->cfg->virtual_rate_hz, c->cfg->epics_write_hz,
                  c->cfg->virtual_rate_hz / c->cfg->epics_write_hz);
    if (c->cfg->lease_min_ms < 1e3 / c->cfg->epics_write_hz)
        cfg_fault(c->faults, c->path, 0, 0,
                  "lease.min_ms: %.6g ms is shorter than the write period of %.6g ms",
                  c->cfg->lease_min_ms, 1e3 / c->cfg->epics_write_hz);
}

void cfg_check(const struct cfg *cfg, const char *path, struct cfg_faults *faults)
{
    struct check c = {.cfg = cfg, .path = path, .faults = faults};

    names(&c, "instance", cfg->instance);
    prefix(&c, "epics.prefix", cfg->epics_prefix);
    prefix(&c, "epics.machine_prefix", cfg->epics_machine_prefix);
    prefix(&c, "virtual.prefix", cfg->virtual_prefix);
    files(&c);
    socket_path(&c);
    timer(&c);
    sources(&c);
    law_period(&c);
}
