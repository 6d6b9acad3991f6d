/* orbit-epics: the machine's PVs into frames, set points under the lease to the machine, and
 * everything that orbitd publishes as PVs. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "io/endpoints.h"
#include "io/gateway/affinity.h"
#include "io/epics/publisher.h"
#include "io/epics/repeater.h"
#include "io/epics/session.h"
#include "rt/base/clock.h"

enum { TICK_MS = 200, STOP_PATIENCE_MS = 700 };

struct program {
    const char *config_path;
    struct cfg cfg;
    struct devices devices;
    char socket_path[CFG_PATH_SIZE], endpoints_path[CFG_PATH_SIZE];
    struct publisher *publisher;
    struct session *session;
    pthread_t publish_thread;
    bool publishing;
    long long ring_pid, ring_port; /* of the virtual ring in use; 0: none */
    int repeater_fd;
    atomic_bool stop;
    atomic_size_t n_bad;
    atomic_ullong loop_core; /* UINT64_MAX: not known */
};

/* ---- where the machine is
 * ------------------------------------------------------------------------ */

static bool runs_ring(const struct cfg *cfg)
{
    for (size_t i = 0; i < cfg->run_programs.count; i++) {
        if (strcmp(cfg->run_programs.name[i], "orbit-ring") == 0) {
            return true;
        }
    }
    return false;
}

/* The virtual ring serves this machine's PVs unless addresses are given. */
static bool wants_ring(const struct cfg *cfg)
{
    const char *list = getenv("EPICS_CA_ADDR_LIST");
    return !cfg->epics_addr_list[0] && (runs_ring(cfg) || !list || !*list);
}

static bool find_ring(const struct program *p, long long *pid, long long *port)
{
    return endpoints_number(p->endpoints_path, "orbit-ring", "ca_port", port) &&
           endpoints_number(p->endpoints_path, "orbit-ring", "pid", pid);
}

static bool is_loopback(const char *list)
{
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", list);
    bool all = *list != '\0';
    for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        all = all && (strncmp(word, "127.", 4) == 0 || strncmp(word, "localhost", 9) == 0);
    }
    return all;
}

/* On one host nothing is to be repeated; a hung server shall be noticed sooner than after 30 s.
 */
static void set_search(struct program *p, const char *list)
{
    setenv("EPICS_CA_CONN_TMO", "3", 0);
    if (list) {
        setenv("EPICS_CA_ADDR_LIST", list, 1);
        setenv("EPICS_CA_AUTO_ADDR_LIST", "NO", 1);
    }
    list = getenv("EPICS_CA_ADDR_LIST");
    if (p->repeater_fd < 0 && list && is_loopback(list) && repeater_open(&p->repeater_fd)) {
        fprintf(stderr, "orbit-epics: %s\n", err_text());
    }
}

static enum rc begin_session(struct program *p)
{
    return session_start(&p->session, &p->devices, &p->cfg, p->config_path, p->socket_path);
}

/* A ring that was started anew has another port, or at least other circuits. */
static enum rc follow_ring(struct program *p)
{
    long long pid, port;
    char list[32];
    if (!find_ring(p, &pid, &port) || (pid == p->ring_pid && port == p->ring_port)) {
        return RC_OK;
    }
    fprintf(stderr, "orbit-epics: the virtual ring serves on port %lld\n", port);
    session_stop(p->session);
    p->session = NULL;
    p->ring_pid = pid;
    p->ring_port = port;
    snprintf(list, sizeof list, "127.0.0.1:%lld", port);
    set_search(p, list);
    return begin_session(p);
}

static enum rc find_machine(struct program *p)
{
    if (!wants_ring(&p->cfg)) {
        set_search(p, p->cfg.epics_addr_list[0] ? p->cfg.epics_addr_list : NULL);
        return begin_session(p);
    }
    enum rc rc = follow_ring(p);
    if (rc == RC_OK && !p->session) {
        fprintf(stderr, "orbit-epics: waiting for the virtual ring (orbit-ring)\n");
    }
    return rc;
}

/* ---- publishing
 * ---------------------------------------------------------------------------------- */

static void *run_publish(void *argument)
{
    struct program *p = argument;
    struct orbit_link link;
    int64_t period_ns = (int64_t) (1e9 / p->cfg.epics_publish_hz), tick_ns = clock_mono_ns();
    link_init(&link, &(struct link_spec){.program = "orbit-epics",
                                         .socket_path = p->socket_path,
                                         .role = ROLE_OBSERVER,
                                         .name = "orbit-epics",
                                         .device_hash = devices_hash(&p->devices)});
    while (!atomic_load(&p->stop)) {
        struct timespec until = clock_timespec(tick_ns);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        }
        struct client *client = link_poll(&link, clock_mono_ns());
        if (client) {
            atomic_store(&p->loop_core, status_load(&client_status(client)->loop_core));
        }
        publisher_step(p->publisher, client, atomic_load(&p->n_bad));
        int64_t late = (clock_mono_ns() - tick_ns) / period_ns;
        tick_ns += (late > 0 ? late : 1) * period_ns;
    }
    link_close(&link);
    return NULL;
}

static enum rc begin_publishing(struct program *p)
{
    struct ioc_place place;
    enum rc rc = publisher_start(p->publisher, &place);
    if (rc) {
        return rc;
    }
    struct endpoint_field field[] = {{.name = "ca_port", .number = place.ca_port},
                                     {.name = "pva_port", .number = place.pva_port},
                                     {.name = "prefix", .text = p->cfg.epics_prefix}};
    rc = endpoints_write(p->endpoints_path, "orbit-epics", field, 3);
    if (rc) {
        return rc;
    }
    p->publishing = pthread_create(&p->publish_thread, NULL, run_publish, p) == 0;
    fprintf(stderr, "orbit-epics: serves %s... on %s, CA port %d, PVA port %d\n",
            p->cfg.epics_prefix, p->cfg.epics_interface, place.ca_port, place.pva_port);
    return p->publishing ? RC_OK : err_sys("no thread");
}

/* ---- program
 * ------------------------------------------------------------------------------------- */

/* One turn of the supervising thread. */
static enum rc supervise(struct program *p, uint64_t *excluded_core)
{
    enum rc rc = wants_ring(&p->cfg) ? follow_ring(p) : RC_OK;
    if (rc) {
        return rc;
    }
    if (p->session) {
        atomic_store(&p->n_bad, session_report(p->session, clock_mono_ns(), stderr));
    }
    if (p->repeater_fd >= 0) {
        repeater_answer(p->repeater_fd);
    }
    uint64_t core = atomic_load(&p->loop_core);
    if (core != *excluded_core && core != UINT64_MAX) {
        *excluded_core = core;
        affinity_avoid_core(core);
    }
    return RC_OK;
}

static enum rc run_until_signal(struct program *p, const sigset_t *signals)
{
    const struct timespec tick = {.tv_sec = 0, .tv_nsec = TICK_MS * 1000000L};
    uint64_t excluded_core = UINT64_MAX;
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &tick);
        if (signal == SIGINT || signal == SIGTERM) {
            return RC_OK;
        }
        enum rc rc = supervise(p, &excluded_core);
        if (rc) {
            return rc;
        }
    }
}

static void *end_watch(void *argument)
{
    (void) argument;
    const struct timespec patience = {.tv_sec = 0, .tv_nsec = STOP_PATIENCE_MS * 1000000L};
    nanosleep(&patience, NULL);
    _exit(EXIT_SUCCESS);
}

/* A hung orbitd or a stuck CA circuit must not keep us: a stop takes less than a second. */
static void limit_stop(void)
{
    pthread_t watch;
    if (pthread_create(&watch, NULL, end_watch, NULL) == 0) {
        pthread_detach(watch);
    }
}

static void stop(struct program *p)
{
    endpoints_remove(p->endpoints_path, "orbit-epics");
    limit_stop();
    atomic_store(&p->stop, true);
    session_stop(p->session);
    if (p->publishing) {
        pthread_join(p->publish_thread, NULL);
    }
    publisher_destroy(p->publisher);
}

static enum rc load(struct program *p, const char *config_path)
{
    static struct cfg_faults faults;
    p->config_path = config_path;
    enum rc rc = cfg_load(&p->cfg, config_path, &faults);
    cfg_faults_print(stderr, &faults);
    if (rc) {
        return err_set(rc, "%s is not usable", config_path);
    }
    cfg_socket_path(&p->cfg, p->socket_path, sizeof p->socket_path);
    cfg_endpoints_path(&p->cfg, p->endpoints_path, sizeof p->endpoints_path);
    rc = devices_load(&p->devices, p->cfg.ring_devices);
    return rc ? rc : publisher_create(&p->publisher, &p->devices, &p->cfg, p->socket_path);
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

static int run(struct program *p, const char *config_path, bool print_db)
{
    sigset_t signals;
    block_signals(&signals);
    enum rc rc = load(p, config_path);
    if (rc == RC_OK && print_db) {
        publisher_print(p->publisher, stdout);
        return EXIT_SUCCESS;
    }
    if (rc == RC_OK) {
        affinity_avoid_core(affinity_configured_core(&p->cfg));
        rc = begin_publishing(p);
    }
    rc = rc ? rc : find_machine(p);
    rc = rc ? rc : run_until_signal(p, &signals);
    if (rc) {
        fprintf(stderr, "orbit-epics: %s\n", err_text());
    }
    stop(p);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void usage(FILE *stream)
{
    fputs("usage: orbit-epics --config FILE [--print-db]\n"
          "  --config FILE  configuration of the instance\n"
          "  --print-db     print the records that would be served, and end\n",
          stream);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"print-db", no_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct program program = {.repeater_fd = -1, .loop_core = UINT64_MAX};
    const char *config_path = NULL;
    bool print_db = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'c') {
            config_path = optarg;
        } else if (option == 'p') {
            print_db = true;
        } else {
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_SUCCESS : 2;
        }
    }
    if (!config_path || optind != argc) {
        usage(stderr);
        return 2;
    }
    return run(&program, config_path, print_db);
}
