/* orbit-model: the calculation engine. See orbit-model(8). */
#include <cblas.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "model/engine/engine.h"
#include "model/engine/link.h"
#include "model/engine/print.h"
#include "model/engine/watch.h"
#include "rt/base/clock.h"

enum { EXIT_USAGE = 2 };

struct service {
    const char *config_path;
    struct inputs inputs; /* the last ones that were without fault */
    struct result result;
    bool has_result;
    bool faulty; /* the files are, since the last look */
    struct link link;
    struct watch watch;
    int signals;
    bool stop, reload;
};

static struct cfg_faults faults;

/* ---- computing ----------------------------------------------------------------------- */

static void watch_all(struct service *self)
{
    self->watch.n = 0;
    watch_add(&self->watch, self->config_path);
    watch_add(&self->watch, self->inputs.cfg.ring_devices);
    watch_add(&self->watch, self->inputs.cfg.ring_lattice);
}

/* Takes new inputs and a new result if both are without fault; else everything stays as it was.
 */
static enum rc refresh(struct service *self)
{
    struct inputs next;
    struct result result;
    enum rc rc;

    faults.count = 0;
    rc = inputs_load(&next, self->config_path, &faults);
    if (rc == RC_OK)
        rc = engine_compute(&result, &next);
    if (rc == RC_OK) {
        rc = engine_check_margin(&result, &next.cfg);
        if (rc != RC_OK)
            engine_free(&result);
    }
    if (rc != RC_OK) {
        if (faults.count)
            cfg_faults_print(stderr, &faults);
        else
            fprintf(stderr, "orbit-model: %s\n", err_text());
        inputs_free(&next);
        return rc;
    }
    if (!self->has_result || !engine_same(&self->result, &result))
        link_offer(&self->link, &next.cfg);
    inputs_free(&self->inputs);
    engine_free(&self->result);
    self->inputs = next;
    self->result = result;
    self->has_result = true;
    return RC_OK;
}

/* Files are noted before they are read: a change meanwhile is seen the next time. The lattice's
 * name may itself have changed: noted again afterwards. */
static void update(struct service *self)
{
    char before[CFG_PATH_SIZE], devices_before[CFG_PATH_SIZE];

    memcpy(before, self->inputs.cfg.ring_lattice, sizeof before);
    memcpy(devices_before, self->inputs.cfg.ring_devices, sizeof devices_before);
    (void) watch_changed(&self->watch);
    if (refresh(self) != RC_OK) {
        self->faulty = true;
        fprintf(stderr, "orbit-model: %s; tried again when a file changes\n",
                self->has_result ? "the set in use stays" : "no set is sent");
        return;
    }
    if (self->faulty)
        fprintf(stderr, "orbit-model: the files are good again\n");
    self->faulty = false;
    if (strcmp(before, self->inputs.cfg.ring_lattice) != 0 ||
        strcmp(devices_before, self->inputs.cfg.ring_devices) != 0)
        watch_all(self);
}

/* The names of the files are wanted even when what is in them is not usable. */
static enum rc first_update(struct service *self)
{
    enum rc rc;

    faults.count = 0;
    rc = cfg_load(&self->inputs.cfg, self->config_path, &faults);
    if (rc != RC_OK) {
        cfg_faults_print(stderr, &faults);
        return err_set(rc, "%s is not usable", self->config_path);
    }
    watch_all(self);
    update(self);
    return RC_OK;
}

/* ---- events -------------------------------------------------------------------------- */

static void take_signals(struct service *self)
{
    struct signalfd_siginfo info;

    while (read(self->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            self->reload = true;
        else
            self->stop = true;
    }
}

static void wait_event(struct service *self)
{
    const struct result *result = self->has_result ? &self->result : NULL;
    int64_t now_ns = clock_mono_ns();
    int64_t due_ns = link_due_ns(&self->link, result, now_ns + NS_PER_S);
    int wait_ms = due_ns > now_ns ? (int) ((due_ns - now_ns) / 1000000) + 1 : 0;
    struct pollfd fds[2] = {{.fd = self->signals, .events = POLLIN},
                            {.fd = link_fd(&self->link), .events = POLLIN}};

    if (poll(fds, 2, wait_ms) > 0 && fds[0].revents)
        take_signals(self);
}

static enum rc open_signals(struct service *self)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    self->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return self->signals >= 0 ? RC_OK : err_sys("no signalfd");
}

static enum rc serve(struct service *self)
{
    enum rc rc = open_signals(self);

    if (rc == RC_OK)
        rc = first_update(self);
    while (rc == RC_OK && !self->stop) {
        link_tend(&self->link, self->has_result ? &self->result : NULL);
        wait_event(self);
        if (self->stop)
            break;
        if (self->reload || watch_changed(&self->watch)) {
            self->reload = false;
            update(self);
        }
    }
    link_close(&self->link);
    return rc;
}

/* ---- main ---------------------------------------------------------------------------- */

static enum rc print_once(struct service *self)
{
    enum rc rc;

    faults.count = 0;
    rc = inputs_load(&self->inputs, self->config_path, &faults);
    if (rc != RC_OK) {
        cfg_faults_print(stderr, &faults);
        return err_set(rc, "%s is not usable", self->config_path);
    }
    rc = engine_compute(&self->result, &self->inputs);
    if (rc == RC_OK)
        result_print(stdout, &self->inputs, &self->result);
    return rc;
}

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: orbit-model --config FILE [--print]\n"
            "Computes optics, response matrix and inverse for orbitd; see orbit-model(8).\n"
            "  --print   compute, print tunes, conditions and times, end\n");
    return code;
}

int main(int argc, char **argv)
{
    static struct service service;
    bool print = false;
    enum rc rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout, EXIT_SUCCESS);
        if (strcmp(argv[i], "--print") == 0)
            print = true;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            service.config_path = argv[++i];
        else
            return usage(stderr, EXIT_USAGE);
    }
    if (!service.config_path)
        return usage(stderr, EXIT_USAGE);
    openblas_set_num_threads(1); /* the other processors are the loop's and the gateways' */
    rc = print ? print_once(&service) : serve(&service);
    if (rc != RC_OK)
        fprintf(stderr, "orbit-model: %s\n", err_text());
    inputs_free(&service.inputs);
    engine_free(&service.result);
    return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
