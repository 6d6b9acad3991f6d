#include "bench/disturb.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/audit.h"
#include "bench/instance.h"
#include "bench/words.h"
#include "rt/base/clock.h"
#include "rt/base/hist.h"
#include "rt/base/rivals.h"

enum { MOST_LOADS = 8, MOST_ROUNDS = 99, RATE_HZ = 1000, NUMBER = 16 };
static const double load_timeout_s = 30, settle_s = 0.3, audit_s = 0.5;

static const char *const load_names[] = {"ca", "archive", "web", "fork", "mmap"};
enum { N_LOAD = sizeof load_names / sizeof load_names[0] };

/* A load in processes of its own; `done` is the memory in which they count. */
struct load {
    const char *name;
    int count_fd;
    uint64_t *done;
    pid_t pid; /* 0: not running */
    double events, seconds;
};

/* What the loop's thread did in one window of time. */
struct window {
    double cycles, missed, late;
    double compute_p50_us, compute_p99_us, wake_p99_us;
    double faults, voluntary, involuntary;
};

struct disturbance {
    const struct bench_options *options;
    struct instance instance;
    pid_t process, thread;
    struct load load[MOST_LOADS];
    int n_load, n_round;
    struct window bare[MOST_ROUNDS], loaded[MOST_ROUNDS];
    struct hist compute, wake; /* baselines of a window */
    char rivals[128];          /* foreign real-time threads seen on the processor, or empty */
};

bool disturb_knows(const char *loads)
{
    return words_known(loads, load_names, N_LOAD);
}

/* ---- loads --------------------------------------------------------------------------- */

static enum rc open_load(struct load *load, const char *name)
{
    *load = (struct load){.name = name, .count_fd = memfd_create("load", 0)};
    if (load->count_fd < 0 || ftruncate(load->count_fd, sizeof *load->done) != 0)
        return err_sys("memory of a load");
    load->done = mmap(NULL, sizeof *load->done, PROT_READ, MAP_SHARED, load->count_fd, 0);
    return load->done != MAP_FAILED ? RC_OK : err_sys("memory of a load");
}

static void close_load(struct load *load)
{
    if (load->done && load->done != MAP_FAILED)
        munmap(load->done, sizeof *load->done);
    if (load->count_fd >= 0)
        close(load->count_fd);
}

static enum rc open_loads(struct disturbance *self)
{
    const char *wanted = self->options->loads;
    enum rc rc = RC_OK;

    for (int i = 0; i < N_LOAD && rc == RC_OK; i++)
        if (!wanted || words_have(wanted, load_names[i]))
            rc = open_load(&self->load[self->n_load++], load_names[i]);
    return rc;
}

static uint64_t count_of(const struct load *load)
{
    return __atomic_load_n(load->done, __ATOMIC_RELAXED);
}

static enum rc start_load(struct disturbance *self, struct load *load)
{
    char port[NUMBER], fd[NUMBER];
    const char *const argv[] = {"orbit-load", load->name,
                                "--socket",   self->instance.socket,
                                "--folder",   self->instance.folder,
                                "--ca-port",  port,
                                "--count-fd", fd,
                                NULL};

    snprintf(port, sizeof port, "%d", self->instance.epics_port);
    snprintf(fd, sizeof fd, "%d", load->count_fd);
    return bench_start(&load->pid, argv, self->instance.log);
}

/* A load counts only from its first event on: twenty clients take a while to connect. */
static enum rc await_load(const struct disturbance *self, struct load *load, uint64_t before)
{
    int64_t end_ns = clock_mono_ns() + (int64_t) (load_timeout_s * 1e9);
    char said[300];

    while (count_of(load) == before) {
        bool ended = waitpid(load->pid, NULL, WNOHANG) == load->pid;

        if (ended)
            bench_end(&load->pid, 0);
        if (ended || clock_mono_ns() > end_ns) {
            instance_said(&self->instance, said, sizeof said);
            return err_set(RC_TIMEOUT, "the load %s does not run; last was said: %s",
                           load->name, said);
        }
        bench_pause(0.02);
    }
    return RC_OK;
}

static void stop_loads(struct disturbance *self)
{
    for (int i = 0; i < self->n_load; i++)
        bench_end(&self->load[i].pid, SIGKILL);
}

static enum rc start_loads(struct disturbance *self)
{
    uint64_t before[MOST_LOADS];
    enum rc rc = RC_OK;

    for (int i = 0; i < self->n_load && rc == RC_OK; i++) {
        before[i] = count_of(&self->load[i]);
        rc = start_load(self, &self->load[i]);
    }
    for (int i = 0; i < self->n_load && rc == RC_OK; i++)
        rc = await_load(self, &self->load[i], before[i]);
    return rc;
}

/* ---- windows ------------------------------------------------------------------------- */

/* Fields of proc_pid_stat(5) behind the name: minflt is the 8th, majflt the 10th. */
static double read_faults(const struct disturbance *self)
{
    unsigned long minor = 0, major = 0;
    char path[80], line[1024];
    const char *at = NULL;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int) self->process,
             (int) self->thread);
    file = fopen(path, "re");
    if (file && fgets(line, sizeof line, file))
        at = strrchr(line, ')');
    if (file)
        fclose(file);
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &minor, &major) != 2)
        return (double) NAN;
    return (double) minor + (double) major;
}

static double read_switches(const struct disturbance *self, const char *name)
{
    char path[80], line[128];
    double value = (double) NAN;
    size_t length = strlen(name);
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int) self->process,
             (int) self->thread);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            value = strtod(line + length + 1, NULL);
    if (file)
        fclose(file);
    return value;
}

/* All counts so far; times are added at the window's end. */
static struct window counts_now(const struct disturbance *self)
{
    const struct instance *instance = &self->instance;

    return (struct window){
        .cycles = (double) instance_counter(instance, COUNTER_CYCLES),
        .missed = (double) instance_counter(instance, COUNTER_SKIPPED),
        .late = (double) instance_counter(instance, COUNTER_LATE),
        .faults = read_faults(self),
        .voluntary = read_switches(self, "voluntary_ctxt_switches"),
        .involuntary = read_switches(self, "nonvoluntary_ctxt_switches"),
    };
}

static double percentile_us(const struct disturbance *self, enum phase phase,
                            const struct hist *baseline, double percent)
{
    struct hist now;

    client_copy_phase(self->instance.client, phase, &now);
    hist_subtract(&now, baseline);
    return (double) hist_percentile(&now, percent) / 1000;
}

/* Whatever else runs in real time there takes the loop's time, loaded or not: then nothing can
 * be judged. The loop's own thread is among those found. */
static void note_rivals(struct disturbance *self)
{
    bool own = status_load(&client_status(self->instance.client)->loop_priority) > 0;
    struct rivals rivals;

    rivals_find(&rivals, self->options->core, 1, NULL);
    if (rivals.n > own)
        snprintf(self->rivals, sizeof self->rivals, "%s", rivals.names);
}

static struct window watch(struct disturbance *self)
{
    struct window from, to;

    client_copy_phase(self->instance.client, PHASE_CYCLE, &self->compute);
    client_copy_phase(self->instance.client, PHASE_WAKE, &self->wake);
    note_rivals(self);
    from = counts_now(self);
    bench_pause(self->options->disturb_seconds);
    to = counts_now(self);
    note_rivals(self);
    to.cycles -= from.cycles;
    to.missed = (to.missed - from.missed) / fmax(1, to.cycles + to.missed - from.missed);
    to.late -= from.late;
    to.faults -= from.faults;
    to.voluntary = (to.voluntary - from.voluntary) / fmax(1, to.cycles);
    to.involuntary = (to.involuntary - from.involuntary) / fmax(1, to.cycles);
    to.compute_p50_us = percentile_us(self, PHASE_CYCLE, &self->compute, 50);
    to.compute_p99_us = percentile_us(self, PHASE_CYCLE, &self->compute, 99);
    to.wake_p99_us = percentile_us(self, PHASE_WAKE, &self->wake, 99);
    return to;
}

static enum rc play_round(struct disturbance *self)
{
    uint64_t before[MOST_LOADS];
    enum rc rc;

    bench_pause(settle_s);
    self->bare[self->n_round] = watch(self);
    rc = start_loads(self);
    if (rc != RC_OK)
        return rc;
    bench_pause(settle_s);
    for (int i = 0; i < self->n_load; i++)
        before[i] = count_of(&self->load[i]);
    self->loaded[self->n_round++] = watch(self);
    for (int i = 0; i < self->n_load; i++) {
        self->load[i].events += (double) (count_of(&self->load[i]) - before[i]);
        self->load[i].seconds += self->options->disturb_seconds;
    }
    stop_loads(self);
    return RC_OK;
}

/* ---- system calls -------------------------------------------------------------------- */

/* Calls per cycle by name, or a text why they could not be counted. */
static json_t *audit_json(const struct disturbance *self)
{
    uint64_t cycles = instance_counter(&self->instance, COUNTER_CYCLES);
    json_t *calls = json_object();
    struct audit audit;

    if (audit_thread(&audit, self->thread, audit_s) != RC_OK) {
        json_decref(calls);
        return json_string(err_text());
    }
    cycles = instance_counter(&self->instance, COUNTER_CYCLES) - cycles;
    for (unsigned i = 0; i < AUDIT_KINDS; i++)
        if (audit.calls[i] > 0)
            json_object_set_new(calls, audit_name(i),
                                json_real((double) audit.calls[i] / fmax(1, (double) cycles)));
    if (audit.calls[SYS_futex] == 0)
        json_object_set_new(calls, "futex", json_real(0));
    return calls;
}

static enum rc audit_both(struct disturbance *self, json_t *result)
{
    enum rc rc;

    json_object_set_new(result, "system_calls_bare", audit_json(self));
    rc = start_loads(self);
    if (rc == RC_OK)
        json_object_set_new(result, "system_calls_loaded", audit_json(self));
    stop_loads(self);
    return rc;
}

/* ---- result -------------------------------------------------------------------------- */

static json_t *window_json(const struct window *window)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "cycles", window->cycles,
                     "missed_fraction", window->missed, "late", window->late, "compute_p50_us",
                     window->compute_p50_us, "compute_p99_us", window->compute_p99_us,
                     "wake_p99_us", window->wake_p99_us, "faults", window->faults,
                     "voluntary_switches_per_cycle", window->voluntary,
                     "involuntary_switches_per_cycle", window->involuntary);
}

static json_t *windows_json(const struct window *window, int n)
{
    json_t *array = json_array();

    for (int i = 0; i < n; i++)
        json_array_append_new(array, window_json(&window[i]));
    return array;
}

static json_t *loads_json(const struct disturbance *self)
{
    json_t *loads = json_object();

    for (int i = 0; i < self->n_load; i++)
        json_object_set_new(
            loads, self->load[i].name,
            json_real(self->load[i].events / fmax(1e-9, self->load[i].seconds)));
    return loads;
}

static enum rc run(struct disturbance *self, json_t *result)
{
    int rounds = self->options->disturb_rounds;
    enum rc rc = RC_OK;

    self->process = instance_program(&self->instance, "orbitd");
    self->thread = instance_loop_thread(&self->instance);
    if (self->process < 0 || self->thread < 0)
        return err_set(RC_GONE, "the loop's thread is not found");
    for (int i = 0; i < rounds && rc == RC_OK; i++)
        rc = bench_stopped() ? err_set(RC_STATE, "stopped") : play_round(self);
    if (rc == RC_OK)
        rc = audit_both(self, result);
    json_object_set_new(result, "bare", windows_json(self->bare, self->n_round));
    json_object_set_new(result, "loaded", windows_json(self->loaded, self->n_round));
    json_object_set_new(result, "events_per_s", loads_json(self));
    json_object_set_new(result, "foreign_real_time", json_string(self->rivals));
    json_object_set_new(result, "priority",
                        json_integer((json_int_t) status_load(
                            &client_status(self->instance.client)->loop_priority)));
    return rc;
}

enum rc bench_disturb(const struct bench_options *options, json_t **result)
{
    static const struct instance_setup setup = {
        .ring = "bessy2", .rate_hz = RATE_HZ, .current_pv = "MDIZ3T5G:current"};
    static struct disturbance self;
    enum rc rc;

    self = (struct disturbance){.options = options};
    *result =
        json_pack("{s:i, s:f}", "rate_hz", (int) RATE_HZ, "window_s", options->disturb_seconds);
    rc = open_loads(&self);
    if (rc == RC_OK)
        rc = instance_start(&self.instance, options, &setup);
    if (rc == RC_OK)
        rc = run(&self, *result);
    stop_loads(&self);
    instance_stop(&self.instance);
    for (int i = 0; i < self.n_load; i++)
        close_load(&self.load[i]);
    return rc;
}
