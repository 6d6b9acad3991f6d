/* orbit-fieldbus: Modbus TCP and RTU devices into frames, set points under the lease to them.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "io/endpoints.h"
#include "io/gateway/affinity.h"
#include "io/modbus/actuator_source.h"
#include "io/modbus/bpm_source.h"
#include "io/modbus/read_plan.h"
#include "io/modbus/scanner.h"
#include "rt/base/clock.h"

enum { TICK_MS = 200 };

static const char program_name[] = "orbit-fieldbus";

struct program {
    const char *config_path;
    struct cfg cfg;
    struct cfg_faults faults;
    struct devices devices;
    struct register_map map;
    char socket_path[CFG_PATH_SIZE], endpoints_path[CFG_PATH_SIZE];
    struct board *board;
    struct scanner *scanner[MAP_MAX_LINK];
    struct scan_writer writer;
    struct actuator_source *actuators;
    struct bpm_source *bpms;
};

/* ---- loading ---- */

static enum rc load_map(struct program *p)
{
    if (!p->cfg.fieldbus_map[0]) {
        return err_set(RC_INPUT, "%s: fieldbus.map is missing", p->config_path);
    }
    enum rc rc = register_map_load(&p->map, p->cfg.fieldbus_map, &p->devices, &p->faults);
    cfg_faults_print(stderr, &p->faults);
    return rc ? err_set(rc, "%s is not usable", p->cfg.fieldbus_map) : RC_OK;
}

static enum rc load(struct program *p)
{
    enum rc rc = cfg_load(&p->cfg, p->config_path, &p->faults);
    if (rc) {
        cfg_faults_print(stderr, &p->faults);
        return err_set(rc, "%s is not usable", p->config_path);
    }
    cfg_socket_path(&p->cfg, p->socket_path, sizeof p->socket_path);
    cfg_endpoints_path(&p->cfg, p->endpoints_path, sizeof p->endpoints_path);
    rc = devices_load(&p->devices, p->cfg.ring_devices);
    return rc ? rc : load_map(p);
}

/* ---- what is worth knowing about a map ---- */

static void remark_step(const struct program *p, const struct map_point *point)
{
    const struct corrector_device *device = &p->devices.corrector[point->device];
    double step_a = map_point_step(point, device->limit_a);
    if (point->write && step_a > device->resolution_a * (1 + 1e-9)) {
        fprintf(stderr,
                "%s: %s: a step of the register is %.4g A, coarser than the %.4g A of the "
                "device table; whole register steps are written\n",
                program_name, point->name, step_a, device->resolution_a);
    }
}

static bool is_disabled(const struct program *p, const char *name)
{
    for (size_t i = 0; i < p->cfg.ring_disabled_correctors.count; i++) {
        if (strcmp(p->cfg.ring_disabled_correctors.name[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool can_write(const struct program *p, uint64_t corrector)
{
    for (uint64_t i = 0; i < p->map.n_point; i++) {
        const struct map_point *point = &p->map.point[i];
        if (point->quantity == QUANTITY_SET && point->device == corrector && point->write) {
            return true;
        }
    }
    return false;
}

static void remark_closing(const struct program *p)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < p->devices.n_h + p->devices.n_v; i++) {
        const char *name = p->devices.corrector[i].name;
        if (!is_disabled(p, name) && !can_write(p, i)) {
            fprintf(stderr, "%s%s", n ? " " : "orbit-fieldbus: may not be written: ", name);
            n++;
        }
    }
    if (n) {
        fprintf(stderr, "; while these are not disabled no arming is acknowledged\n");
    }
}

static void remark(const struct program *p)
{
    uint64_t n_write = 0;
    for (uint64_t i = 0; i < p->map.n_point; i++) {
        const struct map_point *point = &p->map.point[i];
        n_write += point->write;
        if (point->quantity == QUANTITY_SET) {
            remark_step(p, point);
        }
    }
    fprintf(stderr, "%s: %lu points on %lu links, %lu set points may be written\n",
            program_name, p->map.n_point, p->map.n_link, n_write);
    if (p->cfg.fieldbus_actuator_source[0]) {
        remark_closing(p);
    }
}

static enum rc print_plan(const struct program *p)
{
    for (uint64_t l = 0; l < p->map.n_link; l++) {
        struct read_plan plan;
        enum rc rc = read_plan_make(&plan, &p->map, l);
        if (rc) {
            return rc;
        }
        const struct map_link *link = &p->map.link[l];
        printf("%s %s: %zu points in %zu requests, %g times a second\n", link->name,
               link->tcp[0] ? link->tcp : link->rtu, plan.n_point, plan.n_group, link->rate_hz);
        for (size_t g = 0; g < plan.n_group; g++) {
            const struct read_group *group = &plan.group[g];
            printf("  unit %u, %s registers %u to %u: %zu points from %s\n", group->unit_id,
                   group->table == TABLE_INPUT ? "input" : "holding", group->address,
                   group->address + group->n - 1U, group->n_point,
                   p->map.point[plan.point[group->first]].name);
        }
        read_plan_free(&plan);
    }
    return RC_OK;
}

/* ---- running ---- */

static struct link_spec spec_of(const struct program *p, const char *source)
{
    return (struct link_spec){.program = program_name,
                              .socket_path = p->socket_path,
                              .role = ROLE_SOURCE,
                              .name = source,
                              .device_hash = devices_hash(&p->devices)};
}

static enum rc make_actuators(struct program *p)
{
    if (!p->cfg.fieldbus_actuator_source[0]) {
        return RC_OK;
    }
    enum rc rc = actuator_source_create(
        &p->actuators,
        &(struct actuator_setup){.map = &p->map,
                                 .devices = &p->devices,
                                 .board = p->board,
                                 .cfg = &p->cfg,
                                 .config_path = p->config_path,
                                 .spec = spec_of(p, p->cfg.fieldbus_actuator_source)});
    if (rc == RC_OK) {
        p->writer = actuator_source_writer(p->actuators);
    }
    return rc;
}

static enum rc make_scanners(struct program *p)
{
    enum rc rc = RC_OK;
    const struct scan_writer *writer = p->actuators ? &p->writer : NULL;
    for (uint64_t l = 0; l < p->map.n_link && rc == RC_OK; l++) {
        rc = scanner_create(&p->scanner[l], &p->map, l, p->board, writer);
    }
    return rc;
}

static enum rc start(struct program *p)
{
    enum rc rc = board_create(&p->board, &p->map);
    rc = rc ? rc : make_actuators(p);
    rc = rc ? rc : make_scanners(p);
    for (uint64_t l = 0; l < p->map.n_link && rc == RC_OK; l++) {
        rc = scanner_start(p->scanner[l]);
    }
    if (rc == RC_OK && p->cfg.fieldbus_bpm_source[0]) {
        const struct link_spec spec = spec_of(p, p->cfg.fieldbus_bpm_source);
        rc = bpm_source_start(&p->bpms, &p->map, &p->devices, p->board, &spec);
    }
    if (rc == RC_OK && p->actuators) {
        rc = actuator_source_start(p->actuators);
    }
    return rc ? rc : endpoints_write(p->endpoints_path, program_name, NULL, 0);
}

static void report(struct program *p)
{
    int64_t now_ns = clock_mono_ns();
    for (uint64_t l = 0; l < p->map.n_link; l++) {
        scanner_report(p->scanner[l], now_ns, stderr);
    }
    board_report(p->board, now_ns, stderr);
}

static void run_until_signal(struct program *p, const sigset_t *signals)
{
    const struct timespec tick = {.tv_sec = 0, .tv_nsec = TICK_MS * 1000000L};
    int signal = 0;
    while (signal != SIGINT && signal != SIGTERM) {
        signal = sigtimedwait(signals, NULL, &tick);
        report(p);
    }
}

/* Writers first: nothing may be written by a link that outlives them. */
static void stop(struct program *p)
{
    endpoints_remove(p->endpoints_path, program_name);
    if (p->actuators) {
        actuator_source_stop(p->actuators);
    }
    bpm_source_stop(p->bpms);
    for (uint64_t l = 0; l < p->map.n_link && p->scanner[l]; l++) {
        scanner_stop(p->scanner[l]);
        scanner_print_figures(p->scanner[l], stderr);
        scanner_destroy(p->scanner[l]);
    }
    actuator_source_destroy(p->actuators);
    board_destroy(p->board);
    register_map_free(&p->map);
    devices_free(&p->devices);
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    sigprocmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run(struct program *p, bool check_only)
{
    sigset_t signals;
    block_signals(&signals);
    enum rc rc = load(p);
    if (rc == RC_OK) {
        remark(p);
    }
    if (rc == RC_OK && check_only) {
        rc = print_plan(p);
    } else if (rc == RC_OK) {
        affinity_avoid_core(affinity_configured_core(&p->cfg));
        rc = start(p);
        if (rc == RC_OK) {
            run_until_signal(p, &signals);
        }
    }
    if (rc) {
        fprintf(stderr, "%s: %s\n", program_name, err_text());
    }
    stop(p);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void usage(FILE *stream)
{
    fputs("usage: orbit-fieldbus --config FILE [--check]\n"
          "  --config FILE  configuration of the instance\n"
          "  --check        judge the register map, print what would be asked, and end\n",
          stream);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct program program;
    bool check_only = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'c') {
            program.config_path = optarg;
        } else if (option == 'k') {
            check_only = true;
        } else {
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_SUCCESS : 2;
        }
    }
    if (!program.config_path || optind != argc) {
        usage(stderr);
        return 2;
    }
    return run(&program, check_only);
}
