#include "config/cfg_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/cfg_keys.h"

struct check {
    const struct cfg *cfg;
    const struct cfg_place *place;
    const char *path;
    struct cfg_faults *faults;
};

static const struct cfg_place *place_of(const struct check *c, const char *key)
{
    static const struct cfg_place nowhere;
    char name[80];

    for (size_t i = 0; i < cfg_n_keys; i++) {
        snprintf(name, sizeof name, "%s%s%s", cfg_keys[i].section,
                 cfg_keys[i].section[0] ? "." : "", cfg_keys[i].name);
        if (strcmp(name, key) == 0)
            return &c->place[i];
    }
    return &nowhere;
}

/* Both were readable, so that a rule between them has something to say. */
static bool both(const struct check *c, const char *key, const char *other)
{
    return !place_of(c, key)->faulty && !place_of(c, other)->faulty;
}

static PRINTF_LIKE(3, 4) void fault(struct check *c, const char *key, const char *format, ...)
{
    const struct cfg_place *place = place_of(c, key);
    char reason[CFG_FAULT_SIZE];
    va_list args;

    if (place->faulty)
        return;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    cfg_fault(c->faults, c->path, place->line, place->column, "%s: %s", key, reason);
}

/* ---- names --------------------------------------------------------------------------------
 */

static bool only(const char *text, const char *others)
{
    while (*text && (isalnum((unsigned char) *text) || strchr(others, *text)))
        text++;
    return *text == '\0';
}

/* These become parts of file names and of messages. */
static void check_name(struct check *c, const char *key, const char *value)
{
    if (value[0] == '\0')
        fault(c, key, "is empty");
    else if (!only(value, "_-.") || value[0] == '.' || value[0] == '-')
        fault(c, key, "'%.40s' is not a name: letters, digits, _ - . and not one of - . first",
              value);
}

static void check_pv_name(struct check *c, const char *key, const char *value)
{
    if (!only(value, "_-.:+;[]<>{}"))
        fault(c, key, "'%.60s' has a character that PV names do not allow", value);
}

static void check_names(struct check *c)
{
    const struct cfg *cfg = c->cfg;

    check_name(c, "instance", cfg->instance);
    check_name(c, "source.actuator", cfg->source_actuator);
    for (size_t i = 0; i < cfg->source_bpm.count; i++)
        check_name(c, "source.bpm", cfg->source_bpm.name[i]);
    for (size_t i = 0; i < cfg->run_programs.count; i++)
        check_name(c, "run.programs", cfg->run_programs.name[i]);
    check_pv_name(c, "epics.prefix", cfg->epics_prefix);
    check_pv_name(c, "epics.machine_prefix", cfg->epics_machine_prefix);
    check_pv_name(c, "epics.current_pv", cfg->epics_current_pv);
    check_pv_name(c, "virtual.prefix", cfg->virtual_prefix);
}

static void check_sources(struct check *c)
{
    const struct cfg *cfg = c->cfg;

    if (cfg->source_bpm.count == 0)
        fault(c, "source.bpm", "names no source");
    for (size_t i = 0; i < cfg->source_bpm.count; i++)
        if (strcmp(cfg->source_bpm.name[i], cfg->source_actuator) == 0)
            fault(c, "source.actuator", "'%s' is a BPM source already", cfg->source_actuator);
}

static bool is_bpm_source(const struct cfg *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->source_bpm.count; i++)
        if (strcmp(cfg->source_bpm.name[i], name) == 0)
            return true;
    return false;
}

static void check_fieldbus(struct check *c)
{
    const struct cfg *cfg = c->cfg;
    const char *bpm = cfg->fieldbus_bpm_source, *actuator = cfg->fieldbus_actuator_source;

    if (bpm[0] && both(c, "fieldbus.bpm_source", "source.bpm") && !is_bpm_source(cfg, bpm))
        fault(c, "fieldbus.bpm_source", "'%s' is not in source.bpm", bpm);
    if (actuator[0] && both(c, "fieldbus.actuator_source", "source.actuator") &&
        strcmp(actuator, cfg->source_actuator) != 0)
        fault(c, "fieldbus.actuator_source", "'%s' is not source.actuator, '%s'", actuator,
              cfg->source_actuator);
    if ((bpm[0] || actuator[0]) && !cfg->fieldbus_map[0])
        fault(c, "fieldbus.map", "is missing: where are the registers of these sources?");
}

static void check_udp(struct check *c)
{
    const struct cfg *cfg = c->cfg;
    const char *actuator = cfg->udp_actuator_source;

    for (size_t i = 0; i < cfg->udp_bpm_sources.count; i++) {
        const char *name = cfg->udp_bpm_sources.name[i];

        if (!is_bpm_source(cfg, name))
            fault(c, "udp.bpm_sources", "'%s' is not in source.bpm", name);
        if (strcmp(name, cfg->fieldbus_bpm_source) == 0)
            fault(c, "udp.bpm_sources", "'%s' is fieldbus.bpm_source", name);
    }
    if (actuator[0] && both(c, "udp.actuator_source", "source.actuator") &&
        strcmp(actuator, cfg->source_actuator) != 0)
        fault(c, "udp.actuator_source", "'%s' is not source.actuator, '%s'", actuator,
              cfg->source_actuator);
    if (actuator[0] && strcmp(actuator, cfg->fieldbus_actuator_source) == 0)
        fault(c, "udp.actuator_source", "'%s' is fieldbus.actuator_source", actuator);
    if ((cfg->udp_bpm_sources.count || actuator[0]) && !cfg->udp_map[0])
        fault(c, "udp.map", "is missing");
}

/* ---- files --------------------------------------------------------------------------------
 */

static void check_folder(struct check *c, const char *key, const char *folder)
{
    if (folder[0] && folder[0] != '/')
        fault(c, key, "'%.60s' is not absolute: every program would look elsewhere", folder);
}

static void check_files(struct check *c)
{
    const struct cfg *cfg = c->cfg;

    if (cfg->ring_lattice[0] == '\0')
        fault(c, "ring.lattice", "is missing: which ring is it?");
    if (cfg->ring_devices[0] == '\0')
        fault(c, "ring.devices", "is missing: which BPMs and correctors are there?");
    check_folder(c, "runtime_dir", cfg->runtime_dir);
    check_folder(c, "state_dir", cfg->state_dir);
}

/* sun_path has 108 bytes with its end, and the lock file's name is five longer. */
static void check_socket(struct check *c)
{
    enum { LONGEST = 102 };
    char path[CFG_PATH_SIZE];

    cfg_socket_path(c->cfg, path, sizeof path);
    if (both(c, "runtime_dir", "instance") && strlen(path) > LONGEST)
        fault(c, "runtime_dir", "the socket's path has %zu characters, %d are possible: %s",
              strlen(path), LONGEST, path);
}

/* ---- addresses ----------------------------------------------------------------------------
 */

static void check_interface(struct check *c)
{
    struct in_addr address;

    if (inet_pton(AF_INET, c->cfg->epics_interface, &address) != 1)
        fault(c, "epics.interface", "'%.60s' is not an IPv4 address such as 127.0.0.1",
              c->cfg->epics_interface);
}

static bool is_address(const char *text)
{
    const char *colon = strchr(text, ':');
    size_t host = colon ? (size_t) (colon - text) : strlen(text);
    char *end;
    long port;

    if (host == 0 || !only(text, "_-.:"))
        return false;
    if (!colon)
        return true;
    port = strtol(colon + 1, &end, 10);
    return isdigit((unsigned char) colon[1]) && *end == '\0' && port >= 1 && port <= 65535;
}

static void check_addr_list(struct check *c)
{
    char list[sizeof c->cfg->epics_addr_list], *rest = NULL;

    memcpy(list, c->cfg->epics_addr_list, sizeof list);
    for (char *at = strtok_r(list, " ", &rest); at; at = strtok_r(NULL, " ", &rest))
        if (!is_address(at))
            fault(c, "epics.addr_list", "'%.60s' is not host or host:port", at);
}

static void check_port(struct check *c, const char *key, int64_t port, const char *other,
                       int64_t other_port)
{
    if (both(c, key, other) && port != 0 && port == other_port)
        fault(c, key, "%lld is %s too", (long long) port, other);
}

/* ---- times --------------------------------------------------------------------------------
 */

static bool starts(const struct cfg *cfg, const char *program)
{
    for (size_t i = 0; i < cfg->run_programs.count; i++)
        if (strcmp(cfg->run_programs.name[i], program) == 0)
            return true;
    return false;
}

/* Set points leave at most at epics.write_hz: faster steps would pile up behind it. */
static void check_law_period(struct check *c)
{
    const struct cfg *cfg = c->cfg;
    double every = cfg->virtual_rate_hz / cfg->epics_write_hz;

    if (both(c, "law.every", "epics.write_hz") &&
        both(c, "virtual.rate_hz", "epics.write_hz") &&
        (double) cfg->law_every < every * (1 - 1e-9))
        fault(c, "law.every",
              "%lld frames at %.6g frames/s are less than a write period of %.6g ms "
              "(epics.write_hz): at least %.0f",
              (long long) cfg->law_every, cfg->virtual_rate_hz, 1e3 / cfg->epics_write_hz,
              ceil(every * (1 - 1e-9)));
}

static void check_lease(struct check *c, double law_ms)
{
    const struct cfg *cfg = c->cfg;
    double write_ms = 1e3 / cfg->epics_write_hz,
           longest_ms = law_ms * (double) cfg->lease_law_periods;

    if (both(c, "lease.min_ms", "epics.write_hz") &&
        cfg->lease_min_ms < write_ms * (1 - 1e-9) && longest_ms < write_ms * (1 - 1e-9))
        fault(c, "lease.min_ms",
              "%.6g ms is shorter than the write period of %.6g ms (epics.write_hz)",
              cfg->lease_min_ms, write_ms);
}

/* A limit of less than two periods calls every second frame stale. */
static void check_age(struct check *c, const char *key, double age_ms, const char *rate_key,
                      double rate_hz)
{
    if (both(c, key, rate_key) && age_ms < 2e3 / rate_hz)
        fault(c, key, "%.6g ms is less than two periods of %.6g ms (%s)", age_ms, 1e3 / rate_hz,
              rate_key);
}

static void check_trip(struct check *c)
{
    const struct cfg *cfg = c->cfg;

    if (both(c, "trip.orbit_m", "bpm.max_m") && cfg->trip_orbit_m > cfg->bpm_max_m)
        fault(c, "trip.orbit_m",
              "%.6g m can never be seen: beyond %.6g m (bpm.max_m) a position "
              "is not valid",
              cfg->trip_orbit_m, cfg->bpm_max_m);
}

/* The pace's rate is known here only where the virtual ring makes it. */
static void check_virtual(struct check *c)
{
    const struct cfg *cfg = c->cfg;

    check_law_period(c);
    check_age(c, "source.bpm_max_age_ms", cfg->source_bpm_max_age_ms, "virtual.rate_hz",
              cfg->virtual_rate_hz);
    check_port(c, "virtual.ca_port", cfg->virtual_ca_port, "epics.ca_port", cfg->epics_ca_port);
    if (both(c, "virtual.prefix", "epics.prefix") &&
        strcmp(cfg->virtual_prefix, cfg->epics_prefix) == 0)
        fault(c, "virtual.prefix",
              "'%s' is epics.prefix too: two servers would offer the same PVs",
              cfg->virtual_prefix);
}

void cfg_check(const struct cfg *cfg, const struct cfg_place *place, const char *path,
               struct cfg_faults *faults)
{
    struct check c = {.cfg = cfg, .place = place, .path = path, .faults = faults};
    bool virtual = starts(cfg, "orbit-ring");

    check_names(&c);
    check_files(&c);
    check_socket(&c);
    check_sources(&c);
    check_fieldbus(&c);
    check_udp(&c);
    check_interface(&c);
    check_addr_list(&c);
    check_port(&c, "epics.pva_port", cfg->epics_pva_port, "epics.ca_port", cfg->epics_ca_port);
    check_age(&c, "source.actuator_max_age_ms", cfg->source_actuator_max_age_ms,
              "epics.echo_hz", cfg->epics_echo_hz);
    check_lease(&c, virtual ? 1e3 * (double) cfg->law_every / cfg->virtual_rate_hz : 0);
    check_trip(&c);
    if (virtual)
        check_virtual(&c);
}
